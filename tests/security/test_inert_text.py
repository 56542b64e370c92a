"""Text from outside does nothing, wherever it comes out: one set of names, sent through every door.

Names of columns, classes and files. Formulas hold printable ASCII only, and what else a training
names, data files among it, holds what can be printed.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
import sys
import zipfile
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

import tfloss
from tests.cli.running import tfloss as command
from tfloss.comparison.folder import _escaped
from tfloss.display import inert
from tfloss.exporting.formats import describe
from tfloss.formula import FormulaError, parse, to_latex
from tfloss.io.csv_cells import inert_cell

HOSTILE = {
    "title of a terminal": "\x1b]0;owned\x07",
    "C1 and return": "\x9b2Jxy\rover",
    "newline": "two\nlines",
    "right to left": "abc\u202ecba",
    "script": "<script>alert(1)</script>",
    "attribute": "\" onload=\"alert(1)' onclick='",
    "latex": r"\input{/etc/passwd}%$x^2~",
    "spreadsheet": "=cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd",
    "markup": "[bold red]x[/bold red][/]",
    "template": ":warning: {{ 7*7 }} `x` | y",
    "mathematics": r"$\frac{1$ $",
}
TRAINED = "rows :warning: [red]<b> $'\N{FIRE}.parquet"
FILE = "r\x1b[31m\u202e\n.parquet"
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
FORMULA = "ce + 0.1*kd + 1e-4*value(inputs)"
SMALL = ("--target", "label", "--epochs", "1", "--model", "mlp:3", "--teacher", "nb")

named = pytest.mark.parametrize("name", list(HOSTILE.values()), ids=list(HOSTILE))


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """What every door said and wrote about one table of hostile names."""
    import pyarrow as pa
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("inert")
    random = np.random.default_rng(0)
    classes = list(HOSTILE.values()) * 10
    columns = {name: random.normal(size=len(classes)) for name in HOSTILE.values()}
    ids = {"=id": [f"=id{number}" for number in range(len(classes))]}
    path, other = folder / TRAINED, folder / FILE
    for place in (path, other):
        parquet.write_table(pa.table({**columns, "label": classes, **ids}), place)
    data = ("--data", path, "--drop", "=id")
    answers, runs = {}, folder / "runs"

    def ask(name, *arguments, code=0):
        answers[name] = command(*arguments)
        assert answers[name].code == code, answers[name].err

    track = ("--track", f"tensorboard:folder={folder / 'logs'}")
    ask("train", "train", "--loss", FORMULA, *data, *SMALL, "--runs", runs, *track)
    (run,) = runs.iterdir()
    ask("report", "report", run)
    ask("evaluate", "evaluate", run)
    ask("evaluate on a file", "evaluate", run, "--data", other)
    ask("predict", "predict", run, other, "--id", "=id")
    ask("predict to a file", "predict", run, path, "--output", folder / "said.csv")
    ask("export", "export", run, "--format", "keras", "--with-scaler", "--probs")
    ask("explain", "explain", FORMULA, *data, *SMALL[:2], *SMALL[4:])
    ask("compare", "compare", FORMULA, *data, *SMALL, "--seeds", "2", "--runs", folder / "c")
    ask("no such target", "train", "--loss", "ce", "--data", path, "--target", "x\x1b[2J", code=2)
    ask("no target", "train", "--loss", "ce", "--data", path, code=4)
    ask("no such column", "train", "--loss", "ce", *data, "--target", "nobody's", code=4)
    ask("no such feature", "train", "--loss", "ce", *data, *SMALL, "--features", "\x9bx", code=2)
    ask("no such file", "predict", run, "\x1b[2J.csv", code=4)
    ask("no such data", "train", "--loss", "ce", "--data", "\x1b[2J", code=2)
    ask("no such model", "train", "--loss", "ce", "--model", "\x1b[2J", code=2)
    ask("no such formula", "train", "--loss", "l2('\x1b[2J')", code=2)
    ask("no such run", "evaluate", "\x1b[2J", code=2)
    (compared,) = (folder / "c").iterdir()
    return SimpleNamespace(folder=folder, run=run, compared=compared, answers=answers)


def test_a_terminal_obeys_nothing(doors):
    for name, answer in doors.answers.items():
        if name != "predict":  # CSV, in a pipe: for a program, as it is
            found = ACTIVE.search(answer.out + answer.err)
            assert not found, (name, found, answer.out[-500:], answer.err[-500:])


def test_a_terminal_obeys_nothing_of_predictions_either(doors, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from tfloss.cli import predict

    monkeypatch.setattr(predict, "sys", SimpleNamespace(stdout=Terminal()))
    answer = command("predict", doors.run, doors.folder / FILE)
    assert answer.code == 0, answer.err
    assert "p(two\nlines)" in answer.out
    assert not ACTIVE.search(answer.out)


@named
def test_names_are_told_as_they_are_but_for_what_acts(doors, name):
    """Brackets are no markup, `:warning:` is no picture; of 13 classes twelve are told."""
    said = " ".join("".join(c for c in doors.answers["train"].err if c not in "│\n").split())
    shown = " ".join(inert(name, lines=True).split())
    assert shown.replace(" ", "") in said.replace(" ", "")


@pytest.mark.parametrize("where", ["run", "compared"])
def test_pages_have_no_elements_of_somebody_elses(doors, where):
    page = Page((getattr(doors, where) / "report.html").read_text(encoding="utf-8"))
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "b onload"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert "49" not in " ".join(text for text in page.texts if ":warning:" in text)


@named
def test_pages_show_the_names(doors, name):
    page = Page((doors.run / "report.html").read_text(encoding="utf-8"))
    assert any(name in text.replace("\r\n", "\n") for text in page.texts) or "\r" in name


def test_the_table_for_a_paper_is_one_table(doors):
    first, *rest = (doors.compared / "table.tex").read_text(encoding="utf-8").split("\n")
    assert first.startswith("% 2 seeds, rows :warning: ")
    assert rest[0].startswith(r"\begin{tabular}")
    assert "passwd" not in "".join(rest)


@named
def test_latex_is_text(name):
    """Undone, the name again; and no command but those that stand for one character."""
    written = _escaped(name)
    commands = set(re.findall(r"\\([a-zA-Z]+)", written))
    assert commands <= {"textbackslash", "textasciicircum", "textasciitilde"}
    assert not re.search(r"(?<!\\)[%$&#_^~]", written)


@pytest.mark.parametrize("text", [t for t in HOSTILE.values() if t.isascii() and t.isprintable()])
def test_formulas_in_latex_are_text(text):
    quote = "'" if "'" not in text else '"'
    if quote in text:
        pytest.skip("no text of a formula")
    written = to_latex(parse(f"l2({quote}{text}{quote})"))
    inside = written.split(r"\left(")[1]
    commands = set(re.findall(r"\\([a-zA-Z]+)", inside))
    assert commands <= {"mathrm", "right", "backslash", "wedge", "sim"}


@named
def test_formulas_hold_printable_ascii_only(name):
    if name.isascii() and name.isprintable():
        return
    with pytest.raises(FormulaError):
        parse(f'l2("{name}")')


def cells_of(text):
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def test_a_spreadsheet_computes_nothing(doors):
    answer = doors.answers["predict"]
    texts = {"piped": answer.out}
    files = doors.folder.rglob("*.csv")
    texts |= {path.name: path.read_bytes().decode() for path in files}
    assert len(texts) >= 3
    for name, text in texts.items():
        for cell in cells_of(text):
            assert cell == inert_cell(cell), (name, cell)
    rows = list(csv.reader(io.StringIO(answer.out, newline="")))
    assert rows[0][:2] == ["'=id", "class"]
    assert [row[0] for row in rows[1:4]] == ["'=id0", "'=id1", "'=id2"]
    assert "they are written with an apostrophe in front" in answer.err
    assert {row[1].removeprefix("'") for row in rows[1:]} <= set(HOSTILE.values())


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+1-cmd", "'+1-cmd"), ("-x", "'-x"), ("@x", "'@x"), ("\t=x", "'\t=x"),
        ("-1", "-1"), ("+1.5e3", "+1.5e3"), ("-inf", "-inf"), ("a=b", "a=b"), ("", ""),
        ("\uff1dx", "'\uff1dx"), ("-1\n", "'-1\n"),
    ],
)  # fmt: skip
def test_a_cell(text, written):
    assert inert_cell(text) == written


def test_tensorboard_has_a_row_for_each_setting(doors):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    texts = []
    for path in (doors.folder / "logs").rglob("events*"):
        for event in loader.EventFileLoader(str(path)).Load():
            values = [v for v in event.summary.value if v.tag == "configuration"]
            texts += [v.tensor.string_val[0].decode() for v in values]
    (text,) = texts
    rows = text.split("\n")[2:]
    assert all(re.fullmatch(r"\| \w+ \| `[^`|]*` \|", row) for row in rows)


@named
def test_mlflow_takes_the_names(name, monkeypatch):
    """By the rules of MLflow's `_validate_metric_name`: its characters, and a path that is none."""
    from tests.runs.test_tracking import fake_mlflow

    heard = []
    for module, fake in fake_mlflow(heard).items():
        monkeypatch.setitem(sys.modules, module, fake)
    from tfloss.registry import Tracker

    tracker = tfloss.load_registry().get(Tracker, "mlflow")()
    tracker.start("run", {"data": name})
    tracker.epoch(1, 1, {name: 0.5, f"../{name}": 1.0, "a" * 900: 1.0}, None)
    tracker.finish(None)
    keys = [key for kind, key, *_ in heard if kind == "metric"]
    assert len(keys) == 3
    for key in keys:
        assert re.fullmatch(r"[/\w.\- :]+", key)
        assert posixpath.normpath(key) == key
        assert not key.startswith((".", "/"))
        assert len(key) <= 250


def test_exported_names_are_those_of_the_data(doors, tmp_path):
    names = list(HOSTILE.values())
    (tmp_path / "s.tflite").write_bytes(b"model")
    describe("litert", tmp_path / "s.tflite", {"features": names, "classes": names})
    with zipfile.ZipFile(tmp_path / "s.tflite") as archive:
        assert json.loads(archive.read("classes.json")) == names
    manifest = json.loads((doors.run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["class_names"] == sorted(names)
    assert manifest["data"]["features"] == names


def test_tab_offers_no_name_that_acts(doors):
    from tfloss.cli.completions import columns_of_file

    context = SimpleNamespace(params={"data": str(doors.folder / FILE)}, args=[])
    offered = columns_of_file(context, SimpleNamespace(multiple=False), "")
    assert "label" in {item.value for item in offered}
    assert not any(ACTIVE.search(item.value) or "\n" in item.value for item in offered)
