"""llms.txt: what a language model needs to write a formula, at the root of the site."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfloss.registry import Loss
from tfloss.report.catalogue import by_family, call_of
from tfloss_docs.files import Folder

_HEAD = """\
# tfloss

> Write a TensorFlow loss as a formula in which every name is a plugin or a tensor:
> `bce + 0.1*abs_kl`, `ce + linear(0, 1, epochs=10)*kd(temperature=4)`, `mse + 1e-3*l2('*/kernel')`.

Check a formula without training: `tfloss explain "FORMULA"`; find a loss: `tfloss losses --search
"WORDS"`; its page: `tfloss losses NAME`. In Python: `tfloss.attach(keras_model, "FORMULA")`,
`tfloss.fit("FORMULA", tfloss.load_data((X, y)))`, `tfloss.Loss("FORMULA")` for `compile(loss=…)`.

## Grammar

{grammar}
## Pages

{pages}
## Losses

name(tensors, [optional tensors], setting=default): what it is

{losses}"""


def write(folder: Folder, docs: Path, losses: Mapping[str, Loss]) -> None:
    """llms.txt."""
    folder.write("llms.txt", text(docs, losses))


def text(docs: Path, losses: Mapping[str, Loss]) -> str:
    """The grammar, the pages, and a line for each loss."""
    grammar = (docs / "formula.md").read_text(encoding="utf-8")
    found = re.search(r"## Grammar\n\n(.*?)(?=\n```|\n## )", grammar, re.DOTALL)
    pages = [f"- {path.stem}.html: {_title(path)}" for path in sorted(docs.glob("*.md"))] + [
        f"- guides/{path.stem}.html: {_title(path)}" for path in sorted(docs.glob("guides/*.md"))
    ]
    lines = []
    for family, members in by_family(losses.values()).items():
        lines += ["", f"### {family}", ""]
        lines += [f"- {loss.name}{call_of(loss)}: {loss.summary}" for loss in members]
    return _HEAD.format(
        grammar=(found[1] if found else "") + "\n",
        pages="\n".join(pages) + "\n",
        losses="\n".join(lines).strip() + "\n",
    )


def _title(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:]
    return path.stem


def to_the_root(app: Any, error: Exception | None) -> None:
    """Put it where tools look for it."""
    source = Path(app.srcdir) / "generated" / "llms.txt"
    if error is None and app.builder.format == "html" and source.exists():
        shutil.copy(source, Path(app.outdir) / "llms.txt")
