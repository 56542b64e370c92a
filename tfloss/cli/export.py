"""`tfloss export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tfloss.cli.common import registry_of
from tfloss.cli.streams import say
from tfloss.io.quiet_import import import_tensorflow, quietly


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["keras", "savedmodel", "onnx", "litert"]),
    required=True,
    help="What programs will run it: Keras, TensorFlow, ONNX Runtime, LiteRT.",
)
@click.option(
    "--with-scaler",
    is_flag=True,
    help="Take features as they stand in the data: fill, encode and scale them inside.",
)
@click.option("--probs", is_flag=True, help="Answer with probabilities instead of logits.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A new file, or folder for savedmodel; default: in RUN/exports.",
)
@click.pass_context
def export(
    context: click.Context,
    run: Path,
    format: str,
    with_scaler: bool,
    probs: bool,
    output: Path | None,
) -> None:
    """Write the student of the run in folder RUN so that it runs without tfloss.

    \b
    tfloss export runs/breast_cancer-1 --format onnx --with-scaler --probs

    What was written is read back and compared with the student on rows of the run's data; where the
    two differ, nothing is left. Nothing is overwritten.
    """
    registry_of(context)  # whose problems are reported
    from tfloss.exporting import FORMATS, format_of, refuse_missing, source_of_run
    from tfloss.exporting import export as write
    from tfloss.io.atomic import refuse_existing
    from tfloss.runs.folder import read_run

    finished = read_run(run)
    marks = ("-scaled" if with_scaler else "") + ("-probs" if probs else "")
    ending = FORMATS[format].suffix or "-savedmodel"
    path = output or run / "exports" / f"student{marks}{ending}"
    format_of(path, format)
    refuse_existing(path)
    refuse_missing(format)
    import_tensorflow()
    with quietly():  # converters talk
        written = write(
            source_of_run(finished),
            path,
            format=format,
            with_scaler=with_scaler,
            probs=probs,
        )
    say(written.path)
    say(_said(finished, written, with_scaler))


def finished_encoder(data: dict[str, Any]) -> Any:
    """The run's encoder, or None."""
    from tfloss.data import Encoder

    return None if data["encoder"] is None else Encoder.from_values(data["encoder"])


def _said(run: Any, written: Any, with_scaler: bool) -> str:
    data = run.manifest["data"]
    encoder = finished_encoder(data)
    taken = f"{len(data['features'])} features"
    if encoder is not None and not with_scaler:
        taken = f"{len(encoder.encoded_names)} encoded columns: {', '.join(encoder.encoded_names)}"
    elif encoder is not None:
        taken += " as they stand in the data, gaps and text among them"
    if data["scaler"] is not None:
        taken += ", unscaled" if with_scaler else ", scaled as in the run's manifest.json"
    answer = written.answer
    if data["class_names"]:
        names = data["class_names"]
        answer += f" of {names[1] if len(names) == 2 else ', '.join(names)}"
    return (
        f"takes {taken}; answers with {answer}; differs from the student by at most "
        f"{written.difference:.1e} on {written.rows} rows"
    )
