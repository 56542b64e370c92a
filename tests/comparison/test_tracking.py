"""Trackers hear of each formula of a comparison as of a training."""

from __future__ import annotations

import re

import tfloss
from tests.report.builders import results_with
from tfloss.comparison import Comparison
from tfloss.comparison.tracking import track_comparison
from tfloss.registry import Plugin, Registry
from tfloss.training.config import Config


def told(tmp_path):
    heard = []

    class Diary:
        def start(self, name, config):
            heard.append(("start", name, config))

        def epoch(self, number, step, train, holdout):
            heard.append(("epoch", number, step, train, holdout))

        def scores(self, scores):
            heard.append(("scores", scores))

        def finish(self, folder):
            heard.append(("finish", folder))

    @tfloss.tracker
    def diary():
        """A diary."""
        return Diary()

    results = results_with(3)
    config = Config(formula="bce", train_size=5, epochs=200)
    comparison = Comparison.of(results["formulas"], config, seeds=50)
    registry = Registry([Plugin("own", "test 1", "test")]).add(diary)
    track_comparison(["diary"], comparison, results, tmp_path, registry, print)
    return results, heard


def test_each_formula_is_a_training_with_its_formula_as_a_parameter(tmp_path):
    results, heard = told(tmp_path)
    starts = [values for event, *values in heard if event == "start"]
    assert [config["formula"] for _, config in starts] == results["formulas"]
    assert len({name for name, _ in starts}) == 3
    assert [config["seeds"] for _, config in starts] == [50] * 3
    assert [values for event, *values in heard if event == "finish"] == [[tmp_path]] * 3


def test_curves_and_scores_are_the_results_means(tmp_path):
    results, heard = told(tmp_path)
    begins = [place for place, (event, *_) in enumerate(heard) if event == "start"]
    second = heard[begins[1] : begins[2]]
    epochs = [values for event, *values in second if event == "epoch"]
    curves = results["curves"][1]
    assert [step for _, step, *_ in epochs] == curves["steps"]
    assert [train["abs_kl"] for *_, train, _ in epochs] == curves["train"]["abs_kl"]["mean"]
    weights = results["logged"][1]["train"]["weight(bce)"]["mean"]
    assert [train["weight(bce)"] for *_, train, _ in epochs] == weights
    evaluated = {step: holdout["bce"] for _, step, _, holdout in epochs if holdout}
    assert evaluated == {
        step: mean
        for step, mean in zip(curves["eval_steps"], curves["holdout"]["bce"]["mean"], strict=True)
        if step in curves["steps"]
    }
    (scores,) = (values[0]["student on holdout"] for event, *values in second if event == "scores")
    row = next(
        r
        for r in results["tables"][-1]["rows"]
        if r["formula"] == results["formulas"][1] and r["metric"] == "accuracy"
    )
    assert scores["accuracy"] == row["mean"]["mean"]
    assert scores["accuracy low"] == row["mean"]["low"]
    # What MLflow allows in the name of a metric: no formula stands in one. The parentheses of a
    # term or of its weight the tracker replaces itself.
    names = [*scores, *curves["train"]]
    assert all(re.fullmatch(r"[\w\-. /]+", name) for name in names)
