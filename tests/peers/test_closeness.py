"""Every loss is held against somebody else's; how errors are noted."""

from __future__ import annotations

import numpy as np

import tfloss
from tests.peers import closeness
from tests.peers.recording import Recorder, Seen
from tests.peers.sources import EQUATIONS, sources_of
from tfloss import tf
from tfloss.report.catalogue import built_in
from tfloss.report.held_against import held_against, lines, summary

LOSSES = built_in()


def test_every_loss_is_held_against_another():
    without = {
        name
        for name, loss in LOSSES.items()
        if not any(one.value is not None for one in held_against(loss))
    }
    assert without == set()


def test_every_test_that_is_named_is_there():
    named = {one.test for loss in LOSSES.values() for one in held_against(loss)}
    assert [test for test in named if not closeness.is_there(test)] == []


def test_every_gradient_is_compared_too():
    without = {
        loss.name
        for loss in LOSSES.values()
        if not any(one.gradient is not None for one in held_against(loss))
        and "gradient equals finite differences" not in loss.exempt
    }
    assert without == set()


def test_values_agree_to_single_precision():
    """But for numbers that are printed with few digits, whose tests say how many."""
    far = {
        (loss.name, one.test): one.value
        for loss in LOSSES.values()
        for one in held_against(loss)
        if one.value is not None and one.value > 2e-2
    }
    assert far == {}


# -- noting --------------------------------------------------------------------------------------


def recorded(compare):
    recorder = Recorder()
    recorder._seen = Seen()
    loss = LOSSES["mse"]
    labels, prediction = tf.constant([[1.0], [2.0]]), tf.constant([[0.0], [0.0]])
    result = loss(labels, prediction)
    recorder._seen.values.append(("mse", result))
    compare(recorder, result)
    return recorder._seen.compared


def test_a_value_an_element_and_the_mean_are_the_losss():
    def compare(recorder, result):
        recorder._note(np.asarray(result), [1.0, 4.0], 1e-6, 0)
        recorder._note(float(result[1]), 4.4, 2e-2, 0)
        recorder._note(float(tf.reduce_mean(result)), 2.5, 1e-6, 0)
        recorder._note(3.3, 3.3, 1e-6, 0)  # nothing that the loss gave

    kinds = [(name, kind, round(error, 3)) for name, kind, _, error in recorded(compare)]
    assert kinds == [("mse", "value", 0.0), ("mse", "value", 0.091), ("mse", "value", 0.0)]


def test_ours_against_ours_and_wide_tolerances_do_not_count():
    def compare(recorder, result):
        recorder._seen.values.append(("mse", tf.identity(result)))  # called twice
        recorder._note(np.asarray(result), np.asarray(result), 1e-6, 0)
        recorder._note(np.asarray(result), [1.0, 3.0], 0.5, 0)
        recorder._note(np.asarray(result), [0.0, 0.0], 1e-6, 0)

    assert recorded(compare) == []


def test_sources_are_what_a_test_stands_on():
    from tests.losses import test_boxes, test_divergence

    published = sources_of(test_boxes.test_values_that_tensorflow_addons_publishes)
    assert published == ("published values", "TensorFlow Addons")
    scipys = test_divergence.test_kl_of_several_columns_is_scipys_with_the_student_first
    assert sources_of(scipys) == ("SciPy",)
    loop = test_divergence.test_kl_of_one_column_is_the_second_classs_share
    assert sources_of(loop) == (EQUATIONS,)


# -- showing -------------------------------------------------------------------------------------


def test_a_loss_of_a_package_without_the_file_says_nothing():
    own = tfloss.loss(lambda labels: labels, name="own")
    assert held_against(own) == []
    assert summary(own) == ""


def test_a_page_says_against_whom_and_how_close():
    kl = LOSSES["kl"]
    assert summary(kl).startswith("value: ")
    assert "gradient: " in summary(kl)
    assert "central differences" in summary(kl)
    assert any("tests/losses/test_divergence.py::test_kl_of" in line for line in lines(kl))


def test_what_is_kept_replaces_that_of_the_tests_that_ran():
    entry = {"against": ["SciPy"], "test": "tests/losses/test_divergence.py::test_derivative"}
    gone = {"against": ["SciPy"], "test": "tests/losses/test_gone.py::test_x", "value": 1.0}
    old = {"kl": [entry | {"value": 1.0}, gone]}
    new = {"kl": [entry | {"value": 2.0}]}
    found = closeness.merged(old, new, ["tests/losses/test_divergence.py"])
    assert found == {"kl": [entry | {"value": 2.0}]}
    assert closeness.merged(old, {}, ["tests/losses/test_boxes.py"]) == {"kl": old["kl"][:1]}
