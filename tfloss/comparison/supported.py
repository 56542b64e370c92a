"""Which values of a training's configuration `compare` and `search` honour; the others are refused.

Every field of `Config` has a line here, and a test says so: a field that is added without one is
refused wherever it has another value than its default, and never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from tfloss.errors import UsageError, listed
from tfloss.training.config import Config


@dataclass(frozen=True)
class Support:
    """How replicates honour a field.

    Attributes:
        how: in a few words, for a reader.
        only: the values that are honoured; None: all that a training alone takes.
        why: the reason for the limit, as a clause.
    """

    how: str
    only: tuple[Any, ...] | None = None
    why: str = ""


_PER_SEED = "as in the training of that seed alone"
_SHARED = "the same for all seeds"

SUPPORT: Mapping[str, Support] = {
    "formula": Support("compare: the baseline; search: with ranges"),
    "data": Support(_SHARED),
    "target": Support(_SHARED),
    "weight": Support(_SHARED),
    "columns": Support(_SHARED),
    "features": Support(_SHARED),
    "drop": Support(_SHARED),
    "categories": Support("encoded for each seed by its training rows"),
    "embed": Support("vectors for each seed, of the values in its training rows"),
    "task": Support(_SHARED),
    "separator": Support(_SHARED),
    "encoding": Support(_SHARED),
    "header": Support(_SHARED),
    "decimal": Support(_SHARED),
    "train_fraction": Support(_PER_SEED),
    "train_size": Support(_PER_SEED),
    "test_size": Support(_PER_SEED),
    "stratify": Support(_PER_SEED),
    "scale": Support(_PER_SEED),
    "bootstrap": Support(_PER_SEED),
    "leak": Support(_PER_SEED),
    "class_weight": Support(_PER_SEED),
    "teacher": Support("fitted for each seed on its training rows"),
    "teacher_fit": Support(_PER_SEED),
    "teacher_rows": Support(_PER_SEED),
    "teacher_calibrate": Support(_PER_SEED),
    "teacher_force": Support(_PER_SEED),
    "teacher_inputs": Support(_PER_SEED),
    "augment": Support(_PER_SEED),
    "augment_noise": Support(_PER_SEED),
    "networks": Support(_SHARED),
    "model": Support("built for each seed"),
    "optimizer": Support("compare: shared; search: with ranges"),
    "epochs": Support(_SHARED),
    "batch_size": Support(_SHARED),
    "batches": Support(_PER_SEED),
    "seed": Support("the first of the seeds"),
    "split_seed": Support("one split for all seeds, which the results say"),
    "evaluate_every": Support("default: a twentieth of the epochs; search prunes there"),
    "compile": Support(
        "auto is xla", ("auto", "xla", "graph"), "all replicates are one compiled program"
    ),
    "on_nan": Support(
        "per replicate: stop leaves it out; skip trains it again, alone, without such steps",
        ("stop", "skip"),
        "replicates share one learning rate, so that it cannot be lowered for one of them",
    ),
    "precision": Support("float32", ("float32",), "replicates are trained in float32"),
    "watch": Support(
        "no: norms at the end only", (None,), "replicates are one program without measurements"
    ),
    "allow_negative": Support(_SHARED),
    "scale_target": Support("by each seed's training rows"),
    "early_stopping": Support("one seed at a time, each as in its training alone"),
    "validation_fraction": Support(_PER_SEED),
    "n_iter_no_change": Support(_PER_SEED),
}


def refuse_unsupported(config: Config, command: str) -> None:
    """Refuse every value of a configuration that replicates would not honour.

    Args:
        config: of the training that the replicates share.
        command: 'compare' or 'search', for the sentence.

    Raises:
        UsageError: one sentence, with what to do.
    """
    for field in fields(config):
        value, support = getattr(config, field.name), SUPPORT.get(field.name)
        if support is None:
            default = None if field.default is MISSING else field.default
            if value != default:
                raise UsageError(
                    f"`tfloss {command}` does not know what {field.name} = {value!r} means for "
                    f"replicates; leave it out, or use `tfloss train`."
                )
        elif support.only is not None and value not in support.only:
            instead = "leave it out" if support.only == (None,) else f"use {listed(support.only)}"
            raise UsageError(
                f"`tfloss {command}` cannot honour {field.name} = {value!r}, since {support.why}; "
                f"{instead}, or train alone with `tfloss train`."
            )
