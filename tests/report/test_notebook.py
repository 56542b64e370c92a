"""What a notebook shows of objectives, results and trainings."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

import tfloss
from tfloss.report.live import LiveCurves
from tfloss.report.losses import history_lines

FORMULA = "bce + 0.1*kd(teacher=soft, temperature=3)"


class Cells(HTMLParser):
    """The texts of all table cells, and the tags seen."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = tag in ("td", "th")
        if self._inside:
            self.cells.append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.cells[-1] += data


@pytest.fixture(scope="module")
def result():
    data = tfloss.load_data("breast_cancer", train_size=40)
    return tfloss.fit(FORMULA, data, "mlp:4", teacher={"soft": "lr"}, epochs=6)


def test_an_objective_shows_mathematics_terms_tensors_and_shapes(result):
    html = result.objective._repr_html_()
    shown = Cells(html)
    for cell in ("0.1", "temperature=3", "(batch, 1)", "student output", "soft"):
        assert cell in shown.cells, cell
    assert any(cell.startswith("teacher") and cell.endswith("lr") for cell in shown.cells)
    assert html.count("<svg") == 1
    assert r"\mathrm{bce} + 0.1 \cdot" in html  # for those who cannot see the picture
    assert result.objective._repr_latex_().startswith(r"$\mathrm{bce}")


def test_a_keras_model_with_a_formula_shows_it():
    dense = tfloss.keras.layers.Dense(1, name="last")
    model = tfloss.keras.Sequential([tfloss.keras.Input((3,)), dense])
    shown = Cells(tfloss.attach(model, "bce + 0.5*l2(last)")._repr_html_())
    assert {"bce", "l2", "0.5"} <= set(shown.cells)


def test_whatever_a_user_wrote_is_escaped():
    data = tfloss.load_data("breast_cancer", train_size=40)
    evil = "<script>alert(1)</script>"
    objective = tfloss.bind("bce + kd", data, "mlp:4", teacher={"teacher": evil})
    html = objective._repr_html_()
    assert f"teacher {evil}" in Cells(html).cells
    assert "script" not in Cells(html).tags


def test_a_result_shows_its_last_losses_and_scores(result):
    shown = Cells(result._repr_html_())
    last = result.history[-1]
    for value in (*last.train.values(), *last.holdout.values()):
        assert f"{value:.4f}" in shown.cells
    assert "svg" in shown.tags
    assert f"{result.scores['soft on holdout']['accuracy']:.4f}" in shown.cells


def test_metrics_have_one_name_wherever_a_person_reads_them(result):
    from tfloss.report.tables import result_tables

    shown = Cells(result._repr_html_()).cells
    said = str(result).split("\n")
    (scores,) = result_tables({}, result.scores, result.labels)
    table = [str(cell) for cell in scores.columns[0].cells]
    for name in result.scores["student on holdout"]:
        label = result.labels[name]
        assert label in table
        assert label in shown
        assert any(line.startswith(f"{label}  ") for line in said)
    assert result.labels["log_loss"] == "log-loss"


def test_plot_draws_the_history(result, tmp_path):
    figure = result.plot()
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines) == ["total", "total, holdout", *result.history.names]
    np.testing.assert_allclose(lines["total"].get_ydata(), result.history.column("total"))
    np.testing.assert_allclose(lines["bce"].get_ydata(), result.history.column("bce"))
    assert lines["total"].get_xdata()[-1] == result.history[-1].step
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


class Handle:
    """In place of IPython's display: keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, picture, display_id):
        self.shown.append(picture.data)
        return self

    def update(self, picture):
        self.shown.append(picture.data)


def test_looks_at_the_holdout_are_thinned_among_themselves():
    """Every second epoch of 900 looks: no stride over all epochs may miss those."""
    values = {"total": 1.0}
    epochs = [
        {"step": n, "train": values, **({"holdout": values} if n % 2 == 0 else {})}
        for n in range(1, 901)
    ]
    train, holdout = history_lines(epochs, [])
    assert 400 <= len(train.steps) < 900
    assert 400 <= len(holdout.steps) <= 450
    assert train.steps[-1] == holdout.steps[-1] == 900


@pytest.fixture
def handle(monkeypatch):
    shown = pytest.importorskip("IPython.display")
    handle = Handle()
    monkeypatch.setattr(shown, "display", handle.display)
    return handle


def test_live_curves_draw_the_end_and_not_too_often(result, handle):
    live = LiveCurves(every=1000)
    for _ in range(3):
        live(result.history)  # the first at once, then none for a long time
    assert len(handle.shown) == 1
    live.done(result.history)
    assert len(handle.shown) == live.pictures == 2
    assert "total, holdout" in handle.shown[-1]
    live(result.history)  # another training: at once, in a picture of its own
    assert live.pictures == 3


def test_a_result_in_the_same_cell_takes_the_picture_over(result, handle, monkeypatch):
    from tfloss.report import live

    cell = [1]
    monkeypatch.setattr(live, "_cell", lambda: cell[0])
    LiveCurves().done(result.history)
    cell[0] = 2
    result._repr_html_()
    assert len(handle.shown) == 1  # of another cell
    LiveCurves().done(result.history)
    assert "svg" in result._repr_html_()
    assert handle.shown[-1] == ""


def test_live_curves_as_a_keras_callback(handle):
    callback = LiveCurves(every=1000).callback()
    callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 1.0, "bce": 0.5})
    callback.on_epoch_end(1, {"loss": 0.5, "bce": 0.25, "val_loss": 2.0})
    callback.on_train_end()
    assert len(handle.shown) == 2
    assert all(name in handle.shown[-1] for name in ("loss", "bce", "val_loss"))
    from tfloss.training.loop.callbacks import Callbacks

    assert not Callbacks([callback], tfloss.keras.Sequential(), None).see_batches


def test_outside_of_a_notebook_nothing_is_drawn(handle):
    data = tfloss.load_data("breast_cancer", train_size=20)
    tfloss.fit("bce", data, "mlp:2", epochs=1)
    assert handle.shown == []


CELLS = (
    "import tfloss\ndata = tfloss.load_data('breast_cancer', train_size=40)",
    "result = tfloss.fit('bce + 1e-3*l2', data, 'mlp:4', epochs=3)",
    "result.objective",
    "result",
    "result.plot()",
    "result = tfloss.fit('bce', data, 'mlp:4', epochs=3)\nresult",
)


def test_a_real_notebook(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": tmp_path}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)  # as a user has it
        client.execute()
    live, objective, result, figure, both = (
        [output["data"] for output in cell.outputs if "data" in output]
        for cell in notebook.cells[1:]
    )
    said = [output for cell in notebook.cells for output in cell.outputs if "data" not in output]
    assert not said, said  # no log lines
    assert len(live) == 1  # one picture, updated in place
    assert "total, holdout" in live[0]["text/html"]
    assert {"text/html", "text/latex"} <= set(objective[0])
    assert "<svg" in result[0]["text/html"]
    assert figure[0]["image/png"].startswith("iVBOR")
    assert sum("<svg" in one["text/html"] for one in both) == 1
