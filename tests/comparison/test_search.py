"""`tfloss search` from end to end, on a landscape whose best place is known."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from tests.cli.running import tfloss
from tfloss.comparison.replicates import trainer
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.comparison.search.search import _study
from tfloss.comparison.search.study import Plan
from tfloss.comparison.search.trial import TrialValue
from tfloss.io.lock import FolderLock

pytest.importorskip("optuna")

# The penalty only does harm on a problem that can be learned, so less of it must win.
FORMULA = "bce + {0.001..10:log}*l2"
TRAINING = ["--train-size", "40", "--epochs", "20", "--optimizer", "adam:learning_rate=0.05",
            "--seeds", "4", "--confirm", "8", "--model", "mlp"]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def answer(runs):
    return tfloss("search", FORMULA, *TRAINING, "--trials", "7", "--runs", runs)


def rows_of(folder):
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_best_found_stands_beside_the_baseline(answer, runs):
    assert answer.code == 0, answer.err
    results = json.loads((runs / "search-1" / "results.json").read_text())
    found = results["search"]["found"]["formula 1 {0.001..10:log}"]
    assert found < 0.1
    assert len(results["formulas"]) == 2
    assert results["formulas"][0] == "bce + 0.1*l2"
    (row,) = [
        r for r in results["tables"][-1]["rows"] if r["metric"] == "log_loss" and "difference" in r
    ]
    assert row["difference"]["mean"] < 0
    assert "on rows that no trial saw" in answer.out


def test_every_trial_is_written_down_and_the_best_is_the_best(answer, runs):
    rows = rows_of(runs / "search-1")
    assert len(rows) == 7
    complete = [row for row in rows if row["state"] == "complete"]
    best = min(complete, key=lambda row: float(row["value"]))
    found = json.loads((runs / "search-1" / "results.json").read_text())["search"]
    assert found["best"] == int(best["trial"])
    assert found["value"] == pytest.approx(float(best["value"]))


def test_a_search_goes_on_where_it_was_cut_off(answer, runs, registry):
    folder = runs / "search-1"
    before = rows_of(folder)
    study = _study(folder, registry.metrics["log_loss"])
    study.ask()  # a trial that was begun, and no more

    def interrupted(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_trials=1)
    again = tfloss("search", "--resume", folder, "--trials", "8", "--quiet")
    assert again.code == 0, again.err
    after = rows_of(folder)
    assert after[:7] == before
    assert [row["trial"] for row in after] == [str(number) for number in range(8)]
    assert json.loads((folder / "results.json").read_text())["search"]["trials"] == 8


def test_a_second_process_in_the_folder_is_refused(answer, runs):
    lock = FolderLock(runs / "search-1", "searches")
    lock.acquire()
    try:
        refused = tfloss("search", "--resume", runs / "search-1", "--trials", "9", "--quiet")
    finally:
        lock.release()
    assert refused.code == 2
    assert "Another process" in refused.err
    assert "searches in" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("name", "content", "code", "word"),
    [
        ("study.log", b"\x80\x00damaged\n{}\n", 4, "is not what a search wrote"),
        ("study.log", b'{"op_code": "x"}\n', 4, "is not what a search wrote"),
        ("search.json", b"{", 2, "is not the folder of a search"),
        ("search.json", b'{"formula": 5, "optimizer": "adam"}', 2, "'formula' cannot be 5"),
        ("search.json", b"[1, 2]", 2, "is not the folder of a search"),
    ],
)
def test_a_damaged_folder_is_refused_in_a_sentence(
    answer, runs, tmp_path, name, content, code, word
):
    folder = tmp_path / "search-1"
    shutil.copytree(runs / "search-1", folder)
    (folder / name).write_bytes(content)
    refused = tfloss("search", "--resume", folder, "--trials", "9", "--quiet")
    assert refused.code == code, refused.err
    assert word in refused.err
    assert "Traceback" not in refused.err


def test_a_plan_that_came_with_something_names_no_code(answer, runs, tmp_path):
    folder = tmp_path / "search-1"
    shutil.copytree(runs / "search-1", folder)
    plan = json.loads((folder / "search.json").read_text())
    plan["config"]["model"] = "somebodys.module:factory"
    (folder / "search.json").write_text(json.dumps(plan))
    refused = tfloss("search", "--resume", folder, "--trials", "9", "--quiet")
    assert refused.code == 2
    assert "names code, 'somebodys.module:factory'" in refused.err


class Trial:
    """Optuna's, which is told and prunes nothing."""

    def report(self, value, epoch):
        pass

    def should_prune(self):
        return False


def test_trials_of_other_coefficients_and_learning_rates_share_a_program(registry, monkeypatch):
    values = {"train_size": 20, "epochs": 4, "model": "mlp", "optimizer": "adam"}
    plan = Plan.of("{0.5..2}*bce + {0.001..10:log}*l2", values, registry, seeds=2)
    setups, _ = prepare_seeds(plan.static, range(2), registry)
    metric, made, make = registry.metrics["log_loss"], [], trainer.make_program
    monkeypatch.setattr(trainer, "make_program", lambda *a: made.append(make(*a)) or made[-1])
    shared = TrialValue(plan, setups, metric, registry)
    configs = [
        plan.static.changed(formula=f"{a}*bce + {b}*l2", optimizer=f"adam:learning_rate={rate}")
        for a, b, rate in ((1, 0.1, 0.001), (2, 5, 0.1))
    ]
    found = [shared(config, Trial()) for config in configs]
    assert [program.traces for program in made] == [1]
    alone = TrialValue(plan, setups, metric, registry)(configs[1], Trial())
    assert found[1] == alone != found[0]


def test_the_page_shows_the_confirmation(answer, runs):
    page = (runs / "search-1" / "report.html").read_text()
    assert "2 formulas on breast_cancer" in page


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["bce"], "braces"),
        ([], "formula"),
        (["bce + {1..2}*l2", "--metric", "log_los"], "log_loss"),
        (["bce + {1..2}*l2", "--metric", "mean_entropy"], "better"),
        (["bce + {1..2}*l22"], "l22"),
        (["--resume", "/nowhere"], "search"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(arguments, word):
    answer = tfloss("search", *arguments)
    assert answer.code == 2
    assert word in answer.err
    assert "Traceback" not in answer.err
