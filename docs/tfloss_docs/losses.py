"""A page for each loss and a gallery of all, from the declarations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from tfloss.registry import Loss
from tfloss.report.catalogue import (
    built_in,
    by_family,
    example_of,
    family_of,
    rules_of,
    source_of,
)
from tfloss.report.held_against import held_against
from tfloss_docs import pictures
from tfloss_docs.curves import Drawn
from tfloss_docs.decision import Choice
from tfloss_docs.files import Folder
from tfloss_docs.markdown import block, code, escaped, raw_html, table
from tfloss_docs.peers import Equivalent

__all__ = ["built_in", "family_of_page", "names_in", "page", "write"]

# What the words of the catalogue's families are called where people look for them.
TITLES = {
    "classification": "Classification",
    "multi_label": "Multi-label classification",
    "segmentation": "Segmentation",
    "boxes": "Bounding boxes",
    "regression": "Regression",
    "robust": "Robust regression",
    "likelihood": "Likelihoods and distributions",
    "forecasting": "Forecasting and quantiles",
    "survival": "Survival analysis",
    "sequences": "Sequences",
    "images": "Images",
    "registration": "Image registration",
    "audio": "Audio",
    "divergence": "Divergences",
    "distillation": "Knowledge distillation",
    "preference": "Preference learning (DPO and kin)",
    "representation": "Metric and contrastive learning",
    "self_supervised": "Self-supervised learning",
    "ranking": "Learning to rank",
    "penalty": "Penalties and regularisers",
    "calibration": "Calibration",
    "fairness": "Fairness",
    "physics": "Physics and slopes (PINN)",
    "expressions": "Any expression",
}


def title_of(family: str) -> str:
    """A family's heading."""
    return TITLES.get(family, family.replace("_", " ").capitalize())


def write(
    folder: Folder,
    losses: Mapping[str, Loss],
    drawn: Mapping[str, Drawn],
    elsewhere: Mapping[str, list[Equivalent]],
    choices: list[Choice],
) -> None:
    """The gallery, and every loss's page."""
    families = by_family(losses.values())
    folder.write("index.md", gallery(families, drawn))
    for members in families.values():
        for loss in members:
            near = [other for other in members if other is not loss]
            chosen = [choice for choice in choices if loss.name in names_in(choice.formula)]
            found = elsewhere.get(loss.name, [])
            text = page(loss, drawn.get(loss.name), found, chosen, near)
            folder.write(f"{loss.name}.md", text)


def names_in(formula: str) -> set[str]:
    """All the names that a formula says, losses and tensors alike."""
    said = re.sub(r"\".*?\"|'.*?'", "", formula)
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?!\s*=)", said))


# -- the gallery -----------------------------------------------------------------------------------


def gallery(families: Mapping[str, list[Loss]], drawn: Mapping[str, Drawn]) -> str:
    """Thumbnails by family."""
    total = sum(map(len, families.values()))
    lines = [
        "# Losses",
        "",
        f"The {total} losses that come with tfloss. Each has a page: formula, curves, settings, an "
        "example that runs, and what it is called elsewhere. [Which loss should I use?]"
        "(../which_loss.md) starts from the problem, [Coming from …](../coming_from/index.md) from "
        "another library's names.",
        "",
    ]
    for family, members in families.items():
        cards = "".join(_card(loss, drawn.get(loss.name)) for loss in members)
        lines += [f"## {title_of(family)}", ""]
        lines += raw_html(f'<div class="gallery">{cards}</div>')
    lines += ["```{toctree}", ":hidden:", ":glob:", "", "*", "```", ""]
    return "\n".join(lines)


def _card(loss: Loss, drawn: Drawn | None) -> str:
    from html import escape

    picture = pictures.thumbnail(drawn) if drawn and drawn.lines else "<svg viewBox='0 0 120 60'/>"
    return (
        f'<a class="loss" href="{loss.name}.html" title="{escape(loss.summary, quote=True)}">'
        f"{picture}<code>{loss.name}</code></a>"
    )


# -- one page --------------------------------------------------------------------------------------


def page(
    loss: Loss,
    drawn: Drawn | None,
    elsewhere: list[Equivalent],
    choices: list[Choice],
    near: list[Loss],
) -> str:
    """All that is known of a loss."""
    lines = [f"# {loss.name}", "", escaped(loss.summary), "", *block(_call(loss))]
    if loss.latex:
        lines += ["```{math}", loss.latex, "```", ""]
    if drawn is not None and drawn.lines:
        lines += raw_html(pictures.curves(loss.name, drawn))
    lines += _when(loss, choices)
    lines += ["## Arguments", "", *_body(loss), "", *_facts(loss)]
    lines += ["## Example", "", *_example(loss, drawn)]
    lines += _elsewhere(elsewhere)
    lines += _held_against(loss)
    lines += _sources(loss)
    names = ", ".join(f"[{other.name}]({other.name}.md)" for other in near)
    if names:
        lines += [f"## Others in {title_of(family_of(loss))}", "", names, ""]
    return "\n".join(lines)


def _call(loss: Loss) -> str:
    """The call as a formula and Python have it, optional tensors as None."""
    signature = loss.signature
    pieces = [*signature.required, *(f"{name}=None" for name in signature.optional)]
    if signature.settings:
        pieces += ["*"] if pieces else []
        pieces += [f"{name}={value!r}" for name, value in signature.settings.items()]
    text = f"{loss.name}({', '.join(pieces)})"
    return text if len(text) < 80 else f"{loss.name}(\n    " + ",\n    ".join(pieces) + ",\n)"


def _when(loss: Loss, choices: list[Choice]) -> list[str]:
    lines = ["## When to use it", ""]
    for choice in choices:
        why = " " + choice.why.replace("](", "](../")
        lines.append(f"- **{choice.symptom}**: {code(choice.formula)}.{why}")
    lines += [f"- {sentence}" for sentence in _remarks(loss)]
    return [*lines, ""] if len(lines) > 2 else []


def _remarks(loss: Loss) -> Iterator[str]:
    """What follows from the declaration for whoever chooses it."""
    names = loss.signature.positional
    if loss.yes_or_no:
        yield (
            "Each column is a yes or no of its own. For classes of which one is right, take a "
            "loss of [classes](../which_loss.md#classes) such as [ce](ce.md)."
        )
    if loss.per == "batch":
        yield (
            "It is about the whole batch, one value for all examples: its value depends on the "
            "batch's size and composition, so compare it between equal batches only."
        )
    if any(name == "teacher" or name.startswith("teacher_") for name in names):
        yield "It needs a [teacher](../teachers.md), or a column of soft targets."
    if loss.state is not None:
        yield (
            "It has variables of its own, trained and saved with the model: not for "
            "`tfloss.Loss`, but for every other [door](../doors.md)."
        )
    if loss.kinks:
        yield f"Without a derivative where {escaped(', '.join(loss.kinks))}."
    if loss.range[0] is None:
        yield "It has no lower end: watch it only together with the terms that hold it."


def _body(loss: Loss) -> list[str]:
    """The docstring behind its first line, without the sources, which come last."""
    text = loss.description.partition("\n")[2].strip("\n")
    text = re.sub(r"(^|\n)[^\n]*\b[Ss]ources?:.*?(?=\n\n|\Z)", "", text, flags=re.DOTALL)
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines += [*_paragraph(paragraph), ""]
    return lines


def _paragraph(text: str) -> Iterator[str]:
    """`name: what it is` as a list, other text as it is; a formula that is set off as code."""
    rows = text.splitlines()
    if all(row.startswith("    ") for row in rows):
        yield from block(inspect.cleandoc(text), "text")
        return
    entries: list[str] = []
    for row in rows:
        begins = re.match(r"[A-Za-z_][\w, ]*:\s|Returns\b", row)
        if begins or not entries:
            entries.append(row.strip())
        else:
            entries[-1] += " " + row.strip()
    for entry in entries:
        name, colon, said = entry.partition(":")
        if colon and re.fullmatch(r"[a-z_][\w, ]*", name):
            pieces = ", ".join(code(piece.strip()) for piece in name.split(","))
            second = re.sub(
                r"(?<=[.;])  ?([a-z_]\w*):", lambda m: f" {code(m[1])}:", escaped(said.strip())
            )
            yield f"- {pieces}: {second}"
        else:
            yield f"- {escaped(entry)}" if len(entries) > 1 else escaped(entry)


def _facts(loss: Loss) -> list[str]:
    low, high = (
        f"{limit:g}" if limit is not None else sign
        for limit, sign in zip(loss.range, ("−∞", "∞"), strict=True)
    )
    rows = [
        ("gives", f"one value per {loss.per}"),
        ("range", f"{low} to {high}"),
    ]
    if loss.zero_at_optimum is not None:
        rows.append(("zero at the optimum", "yes" if loss.zero_at_optimum else "no"))
    if loss.symmetric is not None:
        rows.append(("symmetric", "yes" if loss.symmetric else "no"))
    if loss.same_shape:
        groups = "; ".join(", ".join(map(code, group)) for group in loss.same_shapes)
        rows.append(("of one shape", groups))
    if loss.elementwise:
        rows.append(("missing labels", "drop out element by element"))
    for rule in rules_of(loss):
        name, _, said = rule.partition(" ")
        rows.append((code(name), escaped(said)))
    return table(("property", ""), rows)


def _example(loss: Loss, drawn: Drawn | None) -> Iterator[str]:
    formula = example_of(loss)
    yield from [f"In a formula: {code(formula)}", ""]
    commands = [f"tfloss explain {_quoted(formula)}", f"tfloss losses {loss.name}"]
    if drawn is None or drawn.lines:
        commands[1] += " --plot"
    yield from block("\n".join(commands), "sh")
    yield from ["In a Keras model of yours:", ""]
    yield from block(f"model = tfloss.attach(model, {_quoted(formula)})")
    if drawn is not None and drawn.tensors:
        yield from ["By itself, on tensors:", ""]
        yield from block(python_example(loss, drawn))


def _quoted(formula: str) -> str:
    return f"'{formula}'" if '"' in formula else f'"{formula}"'


def python_example(loss: Loss, drawn: Drawn) -> str:
    """A call on small tensors; its result stands in a comment."""
    lines = ["import tfloss", "from tfloss import tf", ""]
    for name, value in drawn.tensors.items():
        lines.append(f"{name} = tf.constant({value})")
    arguments = ", ".join(f"{name}={name}" for name in drawn.tensors)
    lines += [f"value = tfloss.losses.{loss.name}({arguments})", f"print(value)  # {drawn.value}"]
    return "\n".join(lines)


def _elsewhere(found: list[Equivalent]) -> list[str]:
    if not found:
        return []
    rows = [(one.peer, code(one.theirs), code(one.formula), escaped(one.note)) for one in found]
    head = ["library", "its name", "here", "note"]
    if not any(one.note for one in found):
        head, rows = head[:3], [row[:3] for row in rows]
    return ["## In other libraries", "", *table(head, rows)]


def _held_against(loss: Loss) -> list[str]:
    """Which tests compare it with what is not this code, and how close it comes."""
    found = held_against(loss)
    if not found:
        return []
    rows = [
        (escaped(", ".join(one.against)), _error(one.value), _error(one.gradient), code(one.test))
        for one in found
    ]
    return [
        "## Held against",
        "",
        "The largest difference in each test, relative to the largest number expected; noted by "
        "`python -m tests.peers.closeness --write`. Printed values come with few digits.",
        "",
        *table(("", "value", "gradient", "test"), rows),
    ]


def _error(error: float | None) -> str:
    return "" if error is None else f"{error:.1g}"


def _sources(loss: Loss) -> list[str]:
    """What the docstring names, with a search for each title, and where the code is."""
    said = source_of(loss)
    lines = ["## Source", ""]
    if said:
        lines += [escaped(said), ""]
    titles = re.findall(r'"([^"]+)"', said)
    if titles:
        links = ", ".join(
            f"[{escaped(title)}](https://scholar.google.com/scholar?q={quote_plus(title)})"
            for title in dict.fromkeys(titles)
        )
        lines += [f"Look it up: {links}.", ""]
    try:
        source = inspect.getsource(loss.function)
    except OSError:
        return lines
    module = loss.function.__module__
    return [*lines, f":::{{dropdown}} Code, in `{module}`", "", *block(source), ":::", ""]


# -- the sidebar -----------------------------------------------------------------------------------


def family_of_page(app: Any, pagename: str, template: str, context: Any, doctree: Any) -> None:
    """Tell a loss's page which others are of its family."""
    if not pagename.startswith("losses/") or pagename == "losses/index":
        return
    name = pagename.removeprefix("losses/")
    for family, members in by_family(built_in().values()).items():
        names = [loss.name for loss in members]
        if name in names:
            context["family_title"] = title_of(family)
            context["family_losses"] = names
            context["this_loss"] = name
