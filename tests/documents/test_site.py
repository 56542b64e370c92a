"""What the site is generated from covers every loss, public name, command and option."""

from __future__ import annotations

import importlib
import re

import nbformat
import pytest
from tfloss_docs import charts, command_reference, links, losses, notebooks, peers, tools
from tfloss_docs import python_reference as python
from tfloss_docs.curves import Drawn, draw
from tfloss_docs.decision import choices, picture
from tfloss_docs.files import Folder

import tfloss
from tests.peers.coverage import peers as table
from tfloss.formula import parse

from .pages import DOCS

LOSSES = losses.built_in()
CHOICES = choices(DOCS / "which_loss.md")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of all losses, without pictures."""
    folder = tmp_path_factory.mktemp("losses")
    with Folder(folder) as pages:
        losses.write(pages, LOSSES, {}, peers.elsewhere(), CHOICES)
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def test_every_loss_has_a_page_and_a_place_in_the_gallery(pages):
    assert pages.keys() == {*LOSSES, "index"}
    for name, loss in LOSSES.items():
        assert f'href="{name}.html"' in pages["index"]
        for heading in ("## Arguments", "## Example", "## Source"):
            assert heading in pages[name], name
        assert loss.latex in pages[name]
        assert all(setting in pages[name] for setting in loss.settings), name
        assert all(tensor in pages[name] for tensor in loss.signature.positional), name


def test_every_name_of_a_peer_stands_on_a_page_of_its_own_and_on_that_of_the_loss(pages, tmp_path):
    with Folder(tmp_path) as folder:
        peers.write(folder, LOSSES)
    for peer in table():
        page = (tmp_path / f"{peers.slug(peer.name)}.md").read_text(encoding="utf-8")
        for stand in peer.ours:
            assert f"| `{stand.theirs}` |" in page
    assert "| Keras | `CategoricalFocalCrossentropy` | `focal` |" in pages["focal"]
    assert "| torch.nn | `SmoothL1Loss` | `2*huber(delta=0.5)` |" in pages["huber"]


def test_the_line_that_recommends_a_loss_stands_on_its_page(pages):
    assert "**some classes are rare**: `focal(gamma=2)`" in pages["focal"]


@pytest.fixture(scope="module")
def drawn():
    return {name: draw(LOSSES[name]) for name in ("focal", "cox", "l2")}


def test_curves_of_settings_are_drawn_and_the_example_gives_what_is_said(drawn, pages):
    focal = drawn["focal"]
    assert {line.setting for line in focal.lines} == {"gamma=2", "gamma=1", "gamma=4"}
    assert len(focal.x) == len(focal.lines[0].values) == len(focal.lines[0].slopes)
    said: list[object] = []
    exec(losses.python_example(LOSSES["focal"], focal), {"print": said.append})
    assert said[0].numpy().tolist() == pytest.approx(focal.value, abs=1e-4)
    page = losses.page(LOSSES["focal"], focal, [], [], [])
    assert page.count("<svg") == 2 + 5  # two panels; three settings and two targets in the legend
    assert drawn["cox"].lines
    assert drawn["l2"] == Drawn(**{**vars(drawn["l2"])})


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference")
    with Folder(path) as folder:
        python.write(folder)
    return path


@pytest.mark.parametrize("module", python.MODULES)
def test_every_public_name_is_in_the_reference(module, reference):
    page = (reference / f"{python.slug(module)}.md").read_text(encoding="utf-8")
    names = python.public_names(module)
    assert names
    for name in names:
        assert re.search(rf"^### {name}$", page, re.MULTILINE), name
        assert hasattr(importlib.import_module(module), name)


def test_names_are_grouped_once_and_exist():
    """A new one comes under "More" until it is put into a group."""
    grouped = [name for names in python.GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) <= set(tfloss.__all__)


def test_every_command_and_option_is_in_the_reference(tmp_path):
    with Folder(tmp_path) as folder:
        command_reference.write(folder)
    page = (tmp_path / "commands.md").read_text(encoding="utf-8")
    commands = command_reference.commands()
    assert {"train", "compare", "losses"} < commands.keys()
    for name, command in commands.items():
        assert f"## tfloss {name}\n" in page
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            assert option in page or parameter.param_type_name == "argument", option


def test_the_picture_of_the_decision_has_every_question():
    drawing = picture(CHOICES)
    for answers in {choice.answers for choice in CHOICES}:
        assert answers in drawing
        assert f'href="#{answers.lower().replace(",", "").replace(" ", "-")}"' in drawing


def test_charts_are_of_the_figures_on_the_pages():
    page = (DOCS / "benchmarks" / "engine.md").read_text(encoding="utf-8")
    found = dict(charts.speeds(page))
    assert found["30-10-10-1, batch 5"]["tfloss.fit"] == 569515
    assert len(found) == 3
    assert charts.growth((DOCS / "benchmarks" / "growth.md").read_text("utf-8")).startswith("<svg")


@pytest.mark.parametrize("guide", sorted((DOCS / "guides").glob("*.md")), ids=lambda p: p.stem)
def test_a_guide_is_a_notebook(guide):
    text = guide.read_text(encoding="utf-8")
    found = nbformat.reads(notebooks.notebook(text), as_version=4)
    nbformat.validate(found)
    code = [cell.source for cell in found.cells if cell.cell_type == "code"]
    assert len(code) == text.count("```python\n")
    printed = [cell for cell in found.cells if cell.get("outputs")]
    assert len(printed) == text.count("```text\n")


def test_a_tool_reads_the_grammar_and_every_loss():
    text = tools.text(DOCS, LOSSES)
    assert "sum       = product" in text
    for name in LOSSES:
        assert f"\n- {name}" in text
    assert parse("bce + 0.1*abs_kl")


def test_links_that_leave_the_documents_find_their_page(tmp_path):
    class App:
        srcdir = tmp_path

    def read(docname, text):
        content = [text]
        links.in_the_site(App, docname, content)
        return content[0]

    assert read("threat_model", "[a](../SECURITY.md)") == "[a](project/security.md)"
    assert read("project/changelog", "[a](docs/data.md#x)") == "[a](../data.md#x)"
    assert read("examples/README", "[a](../plugins.md)") == "[a](../plugins.md)"
    assert read("index", "a\n<!-- picture: nothing -->\nb") == "a\n\nb"


def test_a_new_page_is_listed_by_itself(tmp_path):
    (tmp_path / "project").mkdir()
    for name in ("index.md", "using.md", "reference.md", "project/index.md"):
        (tmp_path / name).write_text("using\nreference\n../known\n")
    (tmp_path / "known.md").write_text("# Known\n")
    (tmp_path / "new.md").write_text("# New\n")
    assert links.rest_of(tmp_path).splitlines()[3:-1] == ["new"]


def test_a_folder_forgets_what_is_not_written_again(tmp_path):
    (tmp_path / "old.md").write_text("old")
    with Folder(tmp_path) as folder:
        folder.write("new.md", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new.md"]
