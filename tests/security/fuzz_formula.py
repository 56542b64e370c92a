"""Fuzz the formula's parser and printers with atheris, in an environment of its own.

    python -m venv fuzz && fuzz/bin/pip install atheris click pluggy numpy
    PYTHONPATH=. fuzz/bin/python tests/security/fuzz_formula.py -runs=10000000 -max_len=300

libFuzzer stops at the first input that breaks a promise, and writes it to a file. What an input
must do is in `tests.security.formula_promises`, which the tests use too.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tfloss.formula"]):
    import tfloss.formula

from tests.security.formula_promises import SEEDS, WORDS, keep


def one_input(data: bytes) -> None:
    """Bytes as text: UTF-8 where they are, else one character per byte."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    keep(text)


def main() -> None:
    """Run libFuzzer; its options are the program's."""
    import tempfile
    from pathlib import Path

    assert tfloss.formula
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(SEEDS):
            (corpus / str(number)).write_text(seed, encoding="utf-8")
        words = Path(folder, "words")
        words.write_text("".join(f'"{word}"\n' for word in WORDS))
        atheris.Setup([*sys.argv, f"-dict={words}", str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
