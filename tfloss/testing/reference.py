"""The reference parts of `docs/plugins.md`, from the code itself.

    python -m tfloss.testing.reference

prints them; a test holds the document against them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from tfloss.registry import hookspecs
from tfloss.testing.domains import DOMAINS
from tfloss.testing.kit import all_checks


def hook_reference() -> str:
    """Every hook: its signature and its docstring."""
    return "\n\n".join(_hooks())


def _hooks() -> Iterator[str]:
    for name, hook in vars(hookspecs).items():
        if name.startswith("tfloss_"):
            text = inspect.getdoc(hook)
            yield f"### `{name}{str(inspect.signature(hook)).replace(chr(39), '')}`\n\n{text}"


def check_reference() -> str:
    """Every check of the kit: its group, its name, what it says."""
    rows = [
        f"| {check.idea} | {check.name} | {check.explanation.replace('|', chr(92) + '|')} |"
        for check in all_checks()
    ]
    return "\n".join(
        ["| group | check | what holds when it passes |", "| --- | --- | --- |", *rows]
    )


def domain_reference() -> str:
    """Every domain: its name and the values that it stands for."""
    rows = [f"| `{domain.name}` | {domain.describes} |" for domain in DOMAINS.values()]
    return "\n".join(["| domain | values |", "| --- | --- |", *rows])


SECTIONS = {"hooks": hook_reference, "checks": check_reference, "domains": domain_reference}


if __name__ == "__main__":
    for section, write in SECTIONS.items():
        print(f"<!-- {section}: python -m tfloss.testing.reference -->\n{write()}\n<!-- end -->\n")
