"""Trackers hear of a whole training, and cannot end it."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

import tfloss as package
from tests.cli.running import tfloss
from tfloss.errors import UsageError
from tfloss.registry import Plugin, Registry
from tfloss.runs.tracking import Tracking, make_trackers
from tfloss.training.config import Config

TRAIN = ["train", "--loss", "bce + 0.1*mae", "--train-size", "20", "--epochs", "4", "--quiet"]


class Diary:
    """Writes down what it is told."""

    def __init__(self, fails_at=None):
        self.heard, self.fails_at = [], fails_at

    def __getattr__(self, event):
        if event.startswith("_"):
            raise AttributeError(event)

        def listen(*values):
            if event == self.fails_at:
                raise RuntimeError("no room")
            self.heard.append((event, *values))

        return listen


@pytest.fixture
def config():
    return Config(formula="bce + 0.1*mae", train_size=20, epochs=5, evaluate_every=2)


@pytest.fixture(scope="module")
def data():
    return package.load_data("breast_cancer", train_size=20)


def tracked(config, data, *diaries):
    warned = []
    made = [(f"diary{i}", one) for i, one in enumerate(diaries)]
    with Tracking(made, config, warned.append) as tracking:
        tracking.start()
        result = package.fit(
            config.formula, data, epochs=5, evaluate_every=2, on_progress=tracking.on_progress
        )
        tracking.scores(result.scores)
        tracking.finish("folder")
    return result, warned


def test_every_epoch_is_told_once_and_in_order(config, data):
    diary = Diary()
    result, warned = tracked(config, data, diary)
    assert not warned
    assert [event for event, *_ in diary.heard] == ["start", *["epoch"] * 5, "scores", "finish"]
    assert diary.heard[0][2]["formula"] == "bce + 0.1*mae"
    epochs = [values for event, *values in diary.heard if event == "epoch"]
    assert [number for number, *_ in epochs] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([train["total"] for _, _, train, _ in epochs],
                               result.history.column("total"))  # fmt: skip
    assert [holdout is not None for *_, holdout in epochs][1]


@pytest.mark.parametrize("event", ["start", "epoch", "scores", "finish"])
def test_a_tracker_that_fails_is_left_out_and_the_training_goes_on(config, data, event):
    failing, other = Diary(fails_at=event), Diary()
    result, warned = tracked(config, data, failing, other)
    assert len(result.history) == 5
    assert len(warned) == 1
    assert "diary0" in warned[0]
    assert "no room" in warned[0]
    assert other.heard[-1] == ("finish", "folder")


def test_a_training_that_fails_is_told(config):
    diary = Diary()

    def fails():
        with Tracking([("d", diary)], config, print) as tracking:
            tracking.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert diary.heard[-1] == ("finish", None)


def test_a_tracker_comes_through_the_door_of_plugins():
    @package.tracker
    def diary(*, pages: int = 3):
        """A diary."""
        return Diary()

    registry = Registry([Plugin("own", "test 1", "test")]).add(diary)
    ((text, made),) = make_trackers(["diary:pages=4"], registry)
    assert text == "diary:pages=4"
    assert isinstance(made, Diary)
    with pytest.raises(UsageError, match="pagess"):
        make_trackers(["diary:pagess=4"], registry)


def test_unknown_trackers_are_refused_before_anything_is_trained():
    answer = tfloss(*TRAIN, "--track", "tensorbord")
    assert answer.code == 2
    assert "tensorboard" in answer.err


def test_tensorboard_can_read_what_was_written(tmp_path):
    event_files = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    logs = tmp_path / "logs"
    answer = tfloss(*TRAIN, "--runs", tmp_path, "--track", f"tensorboard:folder={logs}")
    assert answer.code == 0, answer.err
    tags = {"train": [], "holdout": []}
    for path in logs.rglob("events*"):
        for event in event_files.EventFileLoader(str(path)).Load():
            tags[path.parent.name] += [(value.tag, event.step) for value in event.summary.value]
    assert tags["train"].count(("terms/bce", 1)) == 1
    assert {step for tag, step in tags["holdout"] if tag == "terms/total"} == {1, 2, 3, 4}
    assert any(tag == "student on holdout/accuracy" for tag, _ in tags["holdout"])


def fake_mlflow(heard):
    """A module with the part of MLflow's client that is used."""

    class Client:
        def __init__(self, tracking_uri=None):
            heard.append(("uri", tracking_uri))

        def get_experiment_by_name(self, name):
            return None

        def create_experiment(self, name):
            return "7"

        def create_run(self, experiment, run_name):
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="r1"))

        def log_param(self, run, key, value):
            heard.append(("param", key, value))

        def log_batch(self, run, metrics):
            heard.extend(("metric", m[0], m[3], m[1]) for m in metrics)

        def log_artifacts(self, run, folder):
            heard.append(("files", folder))

        def set_terminated(self, run, status):
            heard.append(("end", status))

    module = types.ModuleType("mlflow")
    module.MlflowClient = Client
    entities = types.ModuleType("mlflow.entities")
    entities.Metric = lambda key, value, timestamp, step: (key, value, timestamp, step)
    return {"mlflow": module, "mlflow.entities": entities}


def test_mlflow_hears_parameters_metrics_and_files(tmp_path, monkeypatch):
    heard = []
    for name, module in fake_mlflow(heard).items():
        monkeypatch.setitem(sys.modules, name, module)
    uri = "sqlite:///x.db"
    answer = tfloss(*TRAIN, "--runs", tmp_path, "--track", f"mlflow:uri={uri},experiment=e")
    assert answer.code == 0, answer.err
    assert ("uri", uri) in heard
    assert ("param", "formula", "bce + 0.1*mae") in heard
    assert {step for kind, key, step, *_ in filter(lambda h: len(h) == 4, heard)
            if key == "train/bce"} == {1, 2, 3, 4}  # fmt: skip
    assert any(h[:2] == ("metric", "student on holdout/accuracy") for h in heard)
    assert heard[-2:] == [("files", str(tmp_path / "breast_cancer-1")), ("end", "FINISHED")]


def test_mlflow_that_is_not_installed_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    answer = tfloss(*TRAIN, "--track", "mlflow")
    assert answer.code == 2
    assert "pip install 'tfloss[mlflow]'" in answer.err
