"""What belongs to a loss besides its numbers: its text in a formula, its import, its docstring."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache

from tfloss.errors import TflossError
from tfloss.formula import as_node, to_text
from tfloss.testing.checks import check
from tfloss.testing.compare import all_close
from tfloss.testing.in_objective import as_text, bound
from tfloss.testing.inputs import row_count
from tfloss.testing.results import CheckFailure, NotApplicable
from tfloss.testing.subject import Subject

_HEAVY = ("tensorflow", "keras", "torch", "jax")


@check("saved and loaded")
def saved_and_loaded(subject: Subject) -> int:
    """The loss with all its settings, written as a formula, read again, has the same value."""
    inputs = subject.moderate(subject.width)
    settings = {**subject.loss.settings, **subject.settings}
    try:
        text = as_text(subject.loss.name, settings)
        again = to_text(as_node(text))
        run = bound(subject, inputs)
        value, loaded = run(text).total, run(again).total
        plain = run(as_text(subject.loss.name, subject.settings)).total
    except (TflossError, TypeError, ValueError) as error:
        raise CheckFailure(
            f"{subject.loss.name} cannot be written into a formula and read again: {error}",
            tried=f"{subject.loss.name}({', '.join(f'{n}={v!r}' for n, v in settings.items())})",
            cause="a setting that is not a number, a text, true, false, none or a list of these, "
            "or the name of a function or a reduction. A run's folder holds the loss as text.",
        ) from error
    if not (all_close(value, plain) and all_close(loaded, plain)):
        raise CheckFailure(
            f"{subject.loss.name} is {float(plain):.6g}, but as '{text}' it is {float(value):.6g}, "
            f"and read from that {float(loaded):.6g}.",
            tried=f"{row_count(inputs)} examples, as '{subject.loss.name}' and as '{text}'",
            cause="a default that is replaced inside (None, a global), so that writing it out "
            "changes it.",
        )
    return row_count(inputs)


@check("import is cheap")
def import_is_cheap(subject: Subject) -> int:
    """Importing its module does not import TensorFlow, as listings and completion do it."""
    module = subject.loss.function.__module__
    if module == "__main__":
        raise NotApplicable("it is defined in the program itself")
    imported, error = _imported_by(module)
    if error:
        raise CheckFailure(
            f"The module '{module}' cannot be imported by itself: {error}",
            tried=f"import {module}, in a fresh Python",
            cause="the module is no file of an installed package; tfloss cannot load it then.",
        )
    if imported:
        raise CheckFailure(
            f"Importing '{module}' imports {imported}, which takes seconds.",
            tried=f"import {module}, in a fresh Python",
            cause="`import tensorflow` at the top; write `from tfloss import tf` instead, which "
            "imports it at its first use, and import other heavy things inside functions.",
        )
    return 1


@cache
def _imported_by(module: str) -> tuple[str, str]:
    """Heavy modules that importing `module` imports, and the error if it fails."""
    program = (
        f"import importlib, sys\nimportlib.import_module({module!r})\n"
        f"print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        return "", (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
    return ", ".join(done.stdout.split()), ""


@check("documented")
def documented(subject: Subject) -> int:
    """The docstring tells shapes, every setting and a source; the declaration a formula."""
    loss, text = subject.loss, subject.loss.description
    names = (*loss.signature.positional, *loss.settings)
    missing = [f"'{name}'" for name in names if not re.search(rf"\b{re.escape(name)}\b", text)]
    if not re.search(r"\((batch|n)\b|\bscalar\b|\blist of\b", text):
        missing.append("the tensors' shapes, '(batch, classes)' for example")
    if "Returns" not in text:
        missing.append("what it returns: 'Returns (batch,).'")
    if not re.search(r"\b([Ss]ource|[Rr]eference)s?:", text):
        missing.append("where it comes from: 'Source: Author year, equation.'")
    if not loss.latex or loss.latex.count("{") != loss.latex.count("}"):
        missing.append("its formula, latex=, with as many { as }")
    if missing:
        raise CheckFailure(
            f"{loss.name} does not tell: {'; '.join(missing)}.",
            tried="the docstring and latex=",
            cause="`tfloss losses NAME` shows nothing else to the person who chooses it.",
        )
    return 1
