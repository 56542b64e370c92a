"""The zoo: networks that people train, by tfloss and by Keras, from start to end and for long.

    python -m tests.benchmarks.zoo [NAME …] [--minutes 10] [--quick] [--again] [--loops] [--write]

Every member has a process of its own, in which all engines take turns; a ratio compares two
timings of one round. The most important members come first, each gets its share of what is left
of the minutes, and what is measured is kept in docs/benchmarks/zoo.json: the same command goes on
where another ended, `--again` measures again. `--loops` measures what `attach().fit` and
`fit_stream` add to a step in a run of its own, with more time for each. With `--write` the page is
made after every member. Nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from tests.benchmarks.engine import ROOT, _interval, write_page
from tests.benchmarks.zoo.members import MEMBERS

KEPT = ROOT / "docs" / "benchmarks" / "zoo.json"
_KERAS = "Keras fit"
_LOOPS = ["fit_model", _KERAS, "attach().fit", "fit_stream", "tf.data alone"]
_START = 12.0  # seconds for Python and TensorFlow, and what a member's time does not count


def measured(name: str, seconds: float, engines: list[str]) -> dict[str, Any]:
    """One member, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.zoo.measure", name, str(seconds), *engines],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout))


def best(found: dict[str, Any], mode: str) -> str:
    """Keras' best option in a mode."""
    figures = found["figures"]
    options = [name for name in figures if name.startswith(_KERAS)]
    sign = 1 if mode == "long" else -1
    return max(options, key=lambda name: sign * float(np.median(figures[name][mode])))


def ratio(found: dict[str, Any], mode: str, one: str, other: str) -> str:
    """How many times as fast `one` is, with its interval."""
    figures = found["figures"]
    if one not in figures or other not in figures:
        return "-"
    pairs = [figures[name][mode] for name in (one, other)]
    rounds = min(map(len, pairs))
    first, second = (np.array(values[:rounds]) for values in pairs)
    ratios = first / second if mode == "long" else second / first
    least, most = _interval(ratios)
    return f"{np.median(ratios):.2f} ({least:.2f} to {most:.2f})"


HEAD = (
    "",
    "long",
    "cold and short",
    "again",
    "`attach().fit` / Keras' `fit`, long",
    "cold",
    "`fit_stream` / `fit_model`, long",
    "`tf.data` / `fit_model`",
    "`fit_model` / by hand, long",
    "long as",
    "Keras' best, long; cold; again",
)


ABOUT = (
    "How many times as fast `tfloss.fit_model` is, with its defaults, as the best of Keras' `fit`, "
    "`jit_compile` and `steps_per_execution`; more than 1 is faster. *Long*: steps per second "
    "once everything is compiled, as `auto` chooses for 10,000 steps. *Cold and short*: a new "
    "network, compiling, three epochs with their evaluations. *Again*: a second call. In brackets "
    "the 95 % interval of the median, with fewer than six rounds the least and the most. The "
    "columns of `attach().fit`, `fit_stream` and `tf.data` are from `python -m "
    "tests.benchmarks.zoo --loops --write`."
)


def row(found: dict[str, Any]) -> list[str]:
    """A line of the table."""
    ours = "fit_model"
    loops = found.get("loops", found)
    options = [best(found, mode) for mode in ("long", "cold", "again")]
    beside = [
        ratio(found, m, ours, o) for m, o in zip(("long", "cold", "again"), options, strict=True)
    ]
    return [
        found["name"],
        *beside,
        ratio(loops, "long", "attach().fit", _KERAS),
        ratio(loops, "cold", "attach().fit", _KERAS),
        ratio(loops, "long", "fit_stream", ours),
        ratio(loops, "long", "tf.data alone", ours),
        ratio(found, "long", ours, "tf.function by hand"),
        found["long as"],
        "; ".join(o.removeprefix(_KERAS).strip(", ") or "plain" for o in options),
    ]


def page(kept: dict[str, Any]) -> list[str]:
    """The parts of the page."""
    names = [name for name in MEMBERS if name in kept]
    rows = [HEAD, ["---"] * len(HEAD), *(row(kept[name]) for name in names)]
    steps = [
        [
            "",
            "steps/s of `fit_model`, long",
            "of Keras' best",
            "cold, s",
            "of Keras' best",
            "again, s",
            "of Keras' best",
        ],
        ["---"] * 7,
        *(_figures(kept[name]) for name in names),
    ]
    members = [
        f"- **{m.name}**: {m.about}; batch {m.batch}, {m.steps} steps per epoch"
        for m in (MEMBERS[name] for name in names)
    ]
    left_out = [
        f"- {name}, {engine}: {reason}"
        for name in names
        for engine, reason in kept[name]["left out"].items()
    ]
    whole = [name for name in names if "loops" not in kept[name]]
    apart = f" Those of {', '.join(whole)} are from the whole run, as the others." if whole else ""
    return [
        ABOUT + apart,
        _table(rows),
        _table(steps),
        "\n".join(members),
        *(["Left out:\n\n" + "\n".join(left_out)] if left_out else []),
    ]


def _figures(found: dict[str, Any]) -> list[str]:
    cells = [found["name"]]
    for mode in ("long", "cold", "again"):
        for engine in ("fit_model", best(found, mode)):
            value = np.median(found["figures"][engine][mode])
            cells.append(f"{value:,.0f}" if mode == "long" else f"{value:.2f}")
    return cells


def _table(rows: list[Any]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=", ".join(MEMBERS))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--quick", action="store_true", help="two members, few rounds: does it run?"
    )
    parser.add_argument(
        "--engines", nargs="+", default=[], help="only these; Keras' fit among them"
    )
    parser.add_argument("--again", action="store_true", help="measure what is kept once more")
    parser.add_argument("--loops", action="store_true", help="attach().fit and fit_stream only")
    parser.add_argument("--write", action="store_true", help="write a page of docs/benchmarks/")
    options = parser.parse_args()
    unknown = set(options.names) - set(MEMBERS)
    if unknown:
        parser.error(f"no member is called {sorted(unknown)[0]}; there are {', '.join(MEMBERS)}")
    names = options.names or (["mlp", "A"] if options.quick else list(MEMBERS))
    began, seconds = time.perf_counter(), 60 * options.minutes
    before = json.loads(KEPT.read_text()) if options.write and KEPT.exists() else {}
    kept = {} if options.again else before
    if options.loops:
        left = [name for name in names if name in kept and "loops" not in kept[name]]
    else:
        left = [name for name in names if name not in kept]
    while left:
        name = left.pop(0)
        remaining = seconds - (time.perf_counter() - began)
        share = 1.0 if options.quick else remaining / (len(left) + 1) - _START
        if share <= 0:
            break
        if options.loops:
            kept[name] = kept[name] | {"loops": measured(name, share, _LOOPS)}
        else:
            kept[name] = measured(name, share, options.engines)
        print(" | ".join(row(kept[name])), flush=True)
        if options.write:
            whole = before | kept
            KEPT.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
            write_page("zoo", "python -m tests.benchmarks.zoo --write", page(whole))
    if not options.write:
        print("\n\n".join(page(kept)))


if __name__ == "__main__":
    main()
