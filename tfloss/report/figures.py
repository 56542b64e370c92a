"""The figures of a page, section by section, with the legend of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfloss.report import plots
from tfloss.report.logged import logged_sections
from tfloss.report.theme import INK

Pairs = Sequence[tuple[int, str, Mapping[str, Any]]]  # style, label, curves

_TERMS = "Terms while training"


def sections(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each with a title, a text, a legend and figures; some without figures."""
    many = len(results["seeds"]) > 1
    band = " Bands are 95 % intervals of the mean." if many else ""
    pairs = [
        (place, label_of(results, place), curve)
        for place, curve in enumerate(results["curves"][: plots.MOST])
    ]
    if many and len(pairs) > 1 and results["tables"]:
        yield _section(
            "Differences to the baseline",
            "Mean over paired seeds with 95 % intervals at the last step; full dots are "
            "differences that the corrected test shows.",
            _difference_figures(results),
        )
    first = f" The first {plots.MOST} formulas." if len(results["curves"]) > plots.MOST else ""
    figures = list(_metric_figures(results, pairs))
    legend = [legend_entry(label, style) for style, label, _ in pairs]
    yield _section("Convergence on the holdout", f"{band}{first}".strip(), figures, legend)
    yield _terms_of_many(pairs, band) if many else _terms_of_one(pairs)
    yield from _logged(results, pairs)
    yield _shares(results, pairs)
    yield _calibration(results, many)
    yield _predicted(results)
    yield _picture(results, many)


def label_of(results: Mapping[str, Any], place: int) -> str:
    """How a formula is called on the page."""
    return results.get("labels", results["formulas"])[place]


def legend_entry(label: str, style: int, marker: str = "line") -> dict[str, Any]:
    """An entry of a legend: its text, colour, and dashes for a line of width 2.5."""
    colour, dashes = plots.line_style(style)
    return {
        "label": label,
        "colour": "currentColor" if colour == INK else colour,
        "dashes": " ".join(f"{2.5 * dash:g}" for dash in dashes),
        "marker": marker,
    }


def answers_shown(results: Mapping[str, Any]) -> list[tuple[int, str, Mapping[str, Any]]]:
    """Style, name and answers of the teachers and of as many students as can be told apart."""
    answers, teachers = results["predictions"], len(results["teachers"])
    names = list(answers)
    own, taught = names[: len(names) - teachers], names[len(names) - teachers :]
    labels = [label_of(results, place) for place in range(len(results["formulas"]))]
    shown = [(labels.index(name), name, answers[name]) for name in own[: plots.MOST - teachers]]
    first = len(results["formulas"]) if len(results["formulas"]) < plots.MOST else plots.MOST - 1
    return shown + [(first + i, name, answers[name]) for i, name in enumerate(taught)]


def _section(
    title: str, text: str, figures: Any, legend: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    legend = legend if len(legend) > 1 else ()
    return {"title": title, "text": text, "figures": list(figures), "legend": legend}


def _difference_figures(results: Mapping[str, Any]) -> Iterator[str]:
    table = results["tables"][-1]
    for name, metric in results["metrics"].items():
        rows = [
            (row["formula"], row["difference"], bool(row["significant"]))
            for row in table["rows"]
            if row["metric"] == name and "p" in row
        ]
        hint = {"higher": " (right is better)", "lower": " (left is better)"}
        if rows:
            yield plots.differences(
                f"{metric['label']}{hint.get(metric['better'] or '', '')}", rows
            )


def _metric_figures(results: Mapping[str, Any], pairs: Pairs) -> Iterator[str]:
    goals = {}
    for table in results["tables"]:
        for row in table["reach"]:
            name, _, value = row["goal"].partition("=")
            goals[name] = float(value)
    for name, metric in results["metrics"].items():
        lines = [
            (style, curve["eval_steps"], curve["metrics"][name])
            for style, _, curve in pairs
            if name in curve["metrics"]
        ]
        if lines and len(lines[0][1]) > 1:
            yield plots.curves(metric["label"], lines, goal=goals.get(name))


def _terms_of_many(pairs: Pairs, band: str) -> dict[str, Any]:
    names = _term_names(pairs)
    figures = [
        plots.curves(label, list(_term_lines(curve, "train", "steps", names)))
        for _, label, curve in pairs
        if len(curve["steps"]) > 1
    ]
    text = f"Each weighted term on the training rows, and their total.{band}"
    return _section(_TERMS, text, figures, [legend_entry("total", -1), *_term_legend(names)])


def _terms_of_one(pairs: Pairs) -> dict[str, Any]:
    """Training rows and holdout in one picture, so that their distance can be seen."""
    names, figures = _term_names(pairs), []
    seen = any(curve["eval_steps"] for _, _, curve in pairs)
    for _, label, curve in pairs:
        lines = list(_term_lines(curve, "train", "steps", names))
        dotted = list(_term_lines(curve, "holdout", "eval_steps", names))
        if len(curve["steps"]) > 1:
            figures.append(plots.curves(label, lines, dotted=dotted))
    legend = [legend_entry("total", -1), *_term_legend(names)]
    if seen:
        plain = [{**entry, "dashes": ""} for entry in legend]
        legend = [*plain, {**legend_entry("on the holdout", -1), "dashes": "2.5 4"}]
    text = "Each weighted term and their total"
    return _section(
        _TERMS, f"{text}; dotted: on the holdout." if seen else f"{text}.", figures, legend
    )


def _term_lines(
    curve: Mapping[str, Any], split: str, steps: str, names: Sequence[str]
) -> Iterator[plots.Curve]:
    if curve[steps]:
        for name, values in curve[split].items():
            yield (-1 if name == "total" else names.index(name)), curve[steps], values


def _logged(results: Mapping[str, Any], pairs: Pairs) -> Iterator[dict[str, Any]]:
    """What balances, constraints and monitors logged; of many seeds its means."""
    logged = results.get("logged", [])[: plots.MOST]
    labels = [label for _, label, _ in pairs][: len(logged)]
    for title, text, figures, names in logged_sections(labels, logged):
        legend = [legend_entry(name, style) for style, name in enumerate(names)]
        yield _section(title, text, figures, legend)


def _term_names(pairs: Pairs) -> list[str]:
    names = dict.fromkeys(name for _, _, curve in pairs for name in curve["train"])
    return [name for name in names if name != "total"]


def _term_legend(names: Sequence[str], marker: str = "line") -> list[dict[str, Any]]:
    return [legend_entry(name, style, marker) for style, name in enumerate(names)]


def _shares(results: Mapping[str, Any], pairs: Pairs) -> dict[str, Any]:
    """How much each term is of the loss and of the gradients."""
    names = _term_names(pairs)
    rows = [(label, _of_loss(curve)) for _, label, curve in pairs]
    figures = [plots.shares("Share of the loss", rows, names)]
    text = "Loss: absolute values, averaged over the last tenth of the training."
    pulls = results.get("gradients") or []
    if any(pulls):
        rows = [(label, pulls[place]["shares"]) for place, label, _ in pairs if pulls[place]]
        figures.append(plots.shares("Share of the gradients", rows, names))
        seeds = max(one["count"] for one in pulls if one)
        text += (
            " Gradients: the Euclidean norm of each weighted term's gradient by the trainable "
            "weights at the end, on training rows, as a share of the sum of these norms"
            + (f"; mean over {seeds} seeds." if seeds > 1 else ".")
            + " Gradients may oppose each other, which shares do not show."
        )
    return _section("Share of each term", text, figures, _term_legend(names, "bar"))


def _of_loss(curve: Mapping[str, Any]) -> dict[str, float]:
    last = max(1, len(curve["steps"]) // 10)
    sizes = {
        name: sum(abs(value or 0.0) for value in band["mean"][-last:])
        for name, band in curve["train"].items()
        if name != "total"
    }
    whole = sum(sizes.values()) or 1.0
    return {name: size / whole for name, size in sizes.items()}


def _calibration(results: Mapping[str, Any], many: bool) -> dict[str, Any]:
    classes: Sequence[str] = results["data"]["classes"] or ()
    said = f"probability of {classes[1]}" if len(classes) == 2 else "probability that is given"
    shown = answers_shown(results)
    answers = [(style, one) for style, _, one in shown]
    legend = [legend_entry(name, style) for style, name, _ in shown]
    text = (
        f"Students and teachers on the holdout{', all seeds together' if many else ''}. On the "
        f"dotted line what is said comes true as often as it is said. Entropy, ECE, Brier and "
        f"log-loss in the table above say the same in numbers. Each histogram is as high as its "
        f"highest bar, whose share stands next to it."
    )
    figures = [plots.reliability(answers, said), plots.histogram(answers, said)] if answers else []
    return _section("Calibration", text, figures, legend)


def _predicted(results: Mapping[str, Any]) -> dict[str, Any]:
    """Of regression: predicted against true values, and what is left over."""
    shown = list(results.get("predicted", {}).items())[: plots.MOST]
    pairs = [(style, one["true"], one["predicted"]) for style, (_, one) in enumerate(shown)]
    figures = [plots.predicted(pairs), plots.residuals(pairs)] if pairs else []
    legend = [legend_entry(name, style, "dot") for style, (name, _) in enumerate(shown)]
    text = "Held-out rows, in the unit of the target. On the dotted line a prediction is right."
    return _section("Predictions", text, figures, legend)


def _picture(results: Mapping[str, Any], many: bool) -> dict[str, Any]:
    picture = results["pca"]
    if not picture:
        return _section("The data", "", [])
    pairs = [(0, 1), (0, 2), (1, 2)]
    there = [pair for pair in pairs if len(picture["share"]) > pair[1]]
    first_seed = f" (seed {results['seeds'][0]})" if many else ""
    left_out = f" {picture['left_out']} rows are left out." if picture.get("left_out") else ""
    marked = "ringed rows train" if _few_train(picture) else "most rows train, so none is marked"
    fitted_on = picture.get("fitted_on")
    of_some = f", found by {fitted_on:,} of them" if fitted_on else ""
    return _section(
        "The data",
        f"First three principal components of the training rows{of_some}; {marked}{first_seed}."
        f"{left_out}",
        [plots.components(picture, *pair) for pair in there],
        [
            legend_entry(str(name), code, "dot")
            | {"colour": plots.class_colour(code, len(picture["classes"]))}
            for code, name in enumerate(picture["classes"])
        ],
    )


def _few_train(picture: Mapping[str, Any]) -> bool:
    return sum(picture["train"]) < len(picture["train"]) / 2
