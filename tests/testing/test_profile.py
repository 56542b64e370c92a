"""The plots of a loss: the lines are the loss and its slope, in a terminal and in files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from scipy import special

import tfloss
from tests.cli.running import tfloss as command
from tfloss import tf
from tfloss.errors import UsageError
from tfloss.registry import load_registry
from tfloss.report.profile import Profile, as_text, check_path, save
from tfloss.testing.profile import profile

LOSSES = load_registry().losses


def of(name, **settings):
    return profile(LOSSES[name], settings)


def test_binary_cross_entropy_is_the_softplus_with_the_sigmoid_as_its_slope():
    found = of("bce")
    x = np.array(found.x)
    assert (found.varied, found.names) == ("logits", ["labels 1", "labels 0"])
    np.testing.assert_allclose(found.values, np.logaddexp(0, [-x, x]), rtol=1e-5, atol=1e-6)
    expected = [special.expit(x) - 1, special.expit(x)]
    np.testing.assert_allclose(found.slopes, expected, rtol=1e-5, atol=1e-6)


def test_settings_are_minded():
    x = np.array(of("huber").x)
    for delta in (0.5, 2.0):
        found = of("huber", delta=delta)
        assert found.loss == f"huber(delta={delta})"
        np.testing.assert_allclose(found.values, [special.huber(delta, x)], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.slopes, [np.clip(x, -delta, delta)], rtol=1e-5, atol=1e-6)


def test_of_several_columns_the_first_moves():
    found = of("ce")
    assert found.varied == "logits[0, 0]"
    assert found.names == ["labels this class", "labels another"]
    x = np.array(found.x)
    others = np.log(np.exp(x) + 1)  # two columns, of which the other is 0
    np.testing.assert_allclose(found.values, [others - x, others], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["triplet", "l1", "fsp", "hint", "tweedie", "lambda_rank"])
def test_slopes_are_those_of_the_line(name):
    """Batches, weights, maps, held variables, amounts, lists: central differences of places."""
    found = of(name)
    x = np.array(found.x)
    for values, slopes in zip(np.array(found.values), np.array(found.slopes), strict=True):
        numeric = (values[2:] - values[:-2]) / (x[2:] - x[:-2])
        off = np.abs(numeric - slopes[1:-1]) > 0.05 * np.max(np.abs(slopes))
        assert np.mean(off) < 0.12, "kinks and jumps are few"


def test_probabilities_go_on_adding_up_to_one():
    @tfloss.loss(latex="p")
    def rest(probs):
        if probs.shape[-1] == 1:
            raise ValueError("one column")
        return tf.reduce_sum(probs[:, 1:], axis=-1)

    found = profile(rest)
    np.testing.assert_allclose(found.values[0], 1 - np.array(found.x), atol=1e-6)


def test_what_cannot_be_drawn_is_refused():
    @tfloss.loss(latex="y")
    def fixed(labels):
        return labels[:, 0]

    with pytest.raises(UsageError, match="no tensor that training changes"):
        profile(fixed)
    with pytest.raises(UsageError, match="must be positive"):
        of("huber", delta=-1.0)


PLAIN = Profile("a + b", "z", "one example", [-1.0, 0.0, 1.0], ["up"], [[0, 1, 2]], [[-1, 0, 1]])


def drawn(found, width=20):
    stream = io.StringIO()
    Console(file=stream, width=120).print(as_text(found, width=width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_straight_line_rises_from_corner_to_corner():
    lines = drawn(PLAIN)
    assert lines[0] == "a + b"
    assert lines[1].startswith("2 │")
    assert lines[1].endswith(" up")
    assert lines[10].startswith("0 │")
    shown = [line[3:23].ljust(20) for line in lines[1:11]]
    columns = ["".join(row[c] for row in shown).strip() for c in range(20)]
    assert all(columns), "a gap"
    assert shown[0].strip()
    assert shown[-1].strip()
    assert lines[-1] == "over z; one example"


def test_names_that_end_at_one_height_stand_below_each_other():
    same = Profile("l", "z", "", [0.0, 1.0], ["one", "two"], [[0, 1], [1, 1]], [[0, 0], [0, 0]])
    text = drawn(same)
    assert text[1].endswith(" one")
    assert text[2].endswith(" two")


def test_a_value_that_is_not_finite_is_left_out():
    gap = Profile("l", "z", "", [0.0, 1, 2], ["one"], [[0, np.nan, 1]], [[np.inf, np.nan, 0]])
    assert len(drawn(gap)) == len(drawn(PLAIN))


def test_files(tmp_path):
    for ending in ("svg", "png", "pdf"):
        save(PLAIN, tmp_path / f"a.{ending}")
    assert Image.open(tmp_path / "a.png").size[0] > 600
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(UsageError, match=r"end it with \.pdf, \.png, \.svg"):
        check_path(tmp_path / "a.gif")
    with pytest.raises(UsageError, match="no folder"):
        check_path(tmp_path / "none" / "a.svg")


def test_from_the_command_line(tmp_path):
    path = tmp_path / "kd.svg"
    answer = command("losses", "kd(temperature=4)", "--plot", "--save", path)
    assert answer.code == 0
    assert "kd(temperature=4)" in answer.out
    assert "teacher 0.9" in answer.out
    assert path.is_file()
