"""Replicate i of a comparison is the training alone with seed i."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tfloss.comparison import Comparison
from tfloss.comparison.analysis.metrics import add_metrics
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Reach
from tfloss.comparison.folder import read_results
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.comparison.replicates.sequential import train_alone
from tfloss.comparison.replicates.trainer import train_all
from tfloss.comparison.run import run_comparison
from tfloss.report.comparison import comparison_words
from tfloss.report.html import html_page
from tfloss.runs.train import run
from tfloss.training.config import Config

EPOCHS, SEEDS, FIRST = 12, 4, 3
HOLD = 1e-5  # float32, summed in another order


def trained(registry, formulas, **options):
    config = Config(formula=formulas[0], epochs=EPOCHS, evaluate_every=4, seed=FIRST, **options)
    comparison = Comparison.of(formulas, config, seeds=SEEDS)
    setups, _ = prepare_seeds(config, comparison.seed_numbers, registry)
    return comparison, setups, train_all(comparison, setups, registry)


def assert_like_alone(registry, comparison, setups, result, place=SEEDS - 1):
    for formula, found in zip(comparison.formulas, result.trajectories, strict=True):
        config = comparison.config.changed(
            formula=formula, seed=setups[place].seed, evaluate_every=1
        )
        alone = run(config, registry)
        assert found.names == alone.history.names
        for number, name in enumerate(("total", *found.names)):
            np.testing.assert_allclose(
                found.train[:, place, number], alone.history.column(name), atol=HOLD
            )
            holdout = alone.history.column(name, "holdout")[found.eval_epochs - 1]
            np.testing.assert_allclose(found.holdout[:, place, number], holdout, atol=HOLD)
        logits = alone.student.forward_model(setups[place].data.holdout.inputs, training=False)
        np.testing.assert_allclose(found.logits[-1, place], logits.numpy(), atol=HOLD, rtol=HOLD)


CASES = {
    "article": {
        "formulas": ["bce", "bce + 0.1*abs_kl", "bce + binary_kl"],
        "train_size": 5,
        "teacher": ("gpc",),
        "optimizer": "sgd:learning_rate=0.5",
        "model": "mlp:10,10,kernel_initializer=random_normal(stddev=1)",
    },
    "rows drawn as the article does, and a teacher with options": {
        "formulas": ["bce + 0.1*abs_kl"],
        "train_size": 40,
        "bootstrap": True,
        "leak": ("overlap", "scaling"),
        "augment": 0.5,
        "teacher": ("rf:n_estimators=5",),
        "teacher_rows": 20,
        "teacher_calibrate": "sigmoid",
        "optimizer": "sgd:learning_rate=0.5",
    },
    "batches and a remainder, shuffled": {
        "formulas": ["bce + linear(0, 1, epochs=6)*binary_kl"],
        "train_size": 30,
        "teacher": ("lr",),
        "batch_size": 8,
        "optimizer": "adam:learning_rate=0.01",
    },
    "batches drawn with replacement, minmax": {
        "formulas": ["bce + linear(0, 1, epochs=6)*binary_kl"],
        "train_size": 30,
        "scale": "minmax",
        "teacher": ("lr",),
        "batches": "replacement",
        "batch_size": 8,
        "optimizer": "adam:learning_rate=0.01",
    },
    "in sequence, quantiles": {
        "formulas": ["bce"],
        "train_size": 30,
        "scale": "quantile",
        "class_weight": ("balanced",),
        "batches": "sequential",
        "batch_size": 8,
    },
    "three classes, taps and weights": {
        "formulas": ["ce + 0.01*l2 + 0.1*l1(hidden1)"],
        "data": "wine",
        "train_size": 20,
        "optimizer": "rmsprop:learning_rate=0.01",
    },
    "batch normalisation": {
        "formulas": ["bce"],
        "train_size": 24,
        "batch_size": 8,
        "model": "tests.comparison.models:normalised",
    },
    "a file's columns, split and shuffled otherwise": {
        "formulas": ["bce + 0.1*kl - 0.01*mae(probs, soft)"],
        "target": "y",
        "weight": "w",
        "columns": ("soft",),
        "train_fraction": 0.4,
        "test_size": 0.3,
        "stratify": False,
        "scale": "none",
        "batches": "sequential",
        "compile": "graph",
        "allow_negative": True,
        "batch_size": 10,
        "teacher": ("lr",),
        "teacher_fit": "train",
        "teacher_force": True,
        "augment": 0.5,
        "augment_noise": 0.3,
        "optimizer": "sgd:learning_rate=1",
    },
    "the model's own losses": {
        "formulas": ["0.5*bce", "bce"],
        "train_size": 16,
        "model": "tests.comparison.models:regularised",
        "optimizer": "sgd:learning_rate=0.1,momentum=0.9",
    },
}


@pytest.fixture
def table(tmp_path):
    """A file with a column of weights and one of soft labels."""
    random = np.random.default_rng(2)
    features = random.normal(size=(60, 4))
    label = (features[:, 0] > 0).astype(float)
    rows = np.c_[features, label, random.uniform(0.5, 2, 60), 0.8 * label + 0.1]
    path = tmp_path / "rows.csv"
    text = "\n".join(",".join(f"{v:.6f}" for v in row) for row in rows)
    path.write_text(f"a,b,c,d,y,w,soft\n{text}\n")
    return path


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_replicate_equals_the_training_alone(registry, case, table):
    if "target" in case:
        case = {**case, "data": str(table)}
    comparison, setups, result = trained(registry, **case)
    assert result.notes == []
    assert {found.execution for found in result.trajectories} == {"stacked"}
    assert_like_alone(registry, comparison, setups, result)


def test_rows_without_a_teachers_answer_are_left_out_as_alone(registry, tmp_path):
    random = np.random.default_rng(2)
    table = random.normal(size=(60, 4))
    label = (table[:, 0] > 0).astype(float)
    soft = np.where(random.uniform(size=60) < 0.4, np.nan, 0.8 * label + 0.1)
    path = tmp_path / "holes.csv"
    rows = np.c_[table, label, soft]
    text = "\n".join(",".join("" if np.isnan(v) else f"{v:.6f}" for v in row) for row in rows)
    path.write_text(f"a,b,c,d,y,soft\n{text}\n")
    comparison, setups, result = trained(
        registry, ["bce + kl"], data=str(path), target="y", columns=("soft",),
        teacher=("column:soft",), train_size=24, batch_size=10, optimizer="sgd:learning_rate=0.3",
    )  # fmt: skip
    assert {found.execution for found in result.trajectories} == {"stacked"}
    assert_like_alone(registry, comparison, setups, result)


def test_a_look_can_end_a_training(registry):
    from tfloss.errors import TflossError

    class EnoughError(TflossError):
        pass

    seen = []

    def on_evaluation(epoch, logits):
        seen.append((epoch, logits.shape[0]))
        if epoch == 8:
            raise EnoughError

    config = Config(formula="bce", train_size=20, epochs=EPOCHS, evaluate_every=4)
    comparison = Comparison.of(["bce"], config, seeds=SEEDS)
    setups, _ = prepare_seeds(config, comparison.seed_numbers, registry)
    with pytest.raises(EnoughError):
        train_all(comparison, setups, registry, on_evaluation=on_evaluation)
    assert seen == [(4, SEEDS), (8, SEEDS)]


def test_gradients_of_replicates_are_those_of_a_training_alone(registry):
    from tfloss.training.gradient_norms import gradients_of

    formulas = ["bce + 0.5*mae + 0.01*l2", "bce + 2*mae + 0.01*l2"]
    comparison, setups, result = trained(registry, formulas, train_size=24, batch_size=8)
    for formula, found in zip(formulas, result.trajectories, strict=True):
        assert found.gradients.shape == (SEEDS, 3)
        config = comparison.config.changed(formula=formula, seed=setups[1].seed)
        alone = gradients_of(run(config, registry), 8)
        np.testing.assert_allclose(found.gradients[1], list(alone.values()), rtol=1e-3, atol=1e-6)


REFUSED = {
    "global norm": ({"optimizer": "sgd:learning_rate=0.1,global_clipnorm=1.0"}, "global_clipnorm"),
    "norm of a weight": ({"optimizer": "lamb"}, "Lamb"),
    "constraint": ({"model": "tests.comparison.models:constrained"}, "constraint"),
}


@pytest.mark.parametrize(("options", "word"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_stacked_is_trained_alone_and_said_once(registry, options, word):
    formulas = ["bce", "bce + 0.1*mae"]
    comparison, setups, result = trained(registry, formulas, train_size=10, **options)
    assert len(result.notes) == 1
    assert word in result.notes[0]
    assert {found.execution for found in result.trajectories} == {"one at a time"}
    assert_like_alone(registry, comparison, setups, result)


def test_a_replicate_with_a_step_that_is_not_finite_is_trained_again_and_skips_it(
    registry, tmp_path
):
    """exp(logits) overflows for row 7, which only some seeds train on."""
    table = np.random.default_rng(2).normal(size=(60, 4))
    label = (table[:, 0] > 0).astype(float)
    table[7] = 2000.0
    path = tmp_path / "wild.csv"
    text = "\n".join(",".join(f"{v:.9g}" for v in row) for row in np.c_[table, label])
    path.write_text(f"a,b,c,d,y\n{text}\n")
    comparison, setups, result = trained(
        registry, ["bce + 1e-3*mse(exp(logits), labels)"], data=str(path), target="y",
        train_size=30, batch_size=10, scale="none", optimizer="sgd:learning_rate=0.1",
        on_nan="skip", model="mlp",
    )  # fmt: skip
    (found,) = result.trajectories
    again = {int(event.split()[1]) for event in found.events}
    assert 0 < len(again) < SEEDS
    assert found.execution == "stacked"
    assert not found.diverged.any()
    for place, setup in enumerate(setups):
        assert (setup.seed not in again) or 7 in setup.data.train.rows
        assert_like_alone(registry, comparison, setups, result, place)


def test_losses_that_hold_variables_are_stacked_and_equal_to_one_at_a_time(registry):
    """One moves its variables itself, the optimizer trains the other's; a remainder of 2 rows."""
    formula = "bce + 0.1*centre(embedding=hidden1) + 0.01*cosface(embedding=hidden1)"
    config = Config(
        formula=formula, epochs=4, evaluate_every=2, seed=FIRST, train_size=10, batch_size=8,
        model="mlp:4", optimizer="adam:learning_rate=0.01",
    )  # fmt: skip
    comparison = Comparison.of([formula], config, seeds=3)
    setups, _ = prepare_seeds(config, comparison.seed_numbers, registry)
    result = train_all(comparison, setups, registry)
    (found,) = result.trajectories
    assert found.execution == "stacked"
    assert result.notes == []
    for place, setup in enumerate(setups):
        alone = train_alone(
            formula, found.names, config, setup, found.eval_epochs.tolist(), registry
        )
        for name in ("train", "holdout", "logits"):
            ours, theirs = getattr(found, name)[:, place], getattr(alone, name)[:, 0]
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_training_that_diverges_leaves_the_others_as_they_are(registry):
    """One seed's rows are not finite, so its weights are not after a step."""
    formulas, bad = ["bce + l2", "bce + 0.5*l2"], 1
    config = Config(
        formula=formulas[0], epochs=EPOCHS, evaluate_every=4, seed=FIRST, train_size=12,
        optimizer="sgd:learning_rate=0.1",
    )  # fmt: skip
    comparison = Comparison.of(formulas, config, seeds=SEEDS)
    sound, _ = prepare_seeds(config, comparison.seed_numbers, registry)
    data = sound[bad].data
    columns = data.train.values | {"inputs": data.train.inputs * np.float32(np.nan)}
    broken = replace(data.train, values=columns)
    setups = list(sound)
    setups[bad] = replace(sound[bad], data=replace(data, train=broken))
    others = np.arange(SEEDS) != bad
    parts = [setup.data.holdout for setup in setups]
    runs = []
    for one in (setups, sound):
        runs.append(train_all(comparison, one, registry))
        add_metrics(runs[-1].trajectories, parts, data.task, registry)
    for found, fine in zip(*(one.trajectories for one in runs), strict=True):
        np.testing.assert_array_equal(found.diverged, ~others)
        assert not fine.diverged.any()
        for name in ("train", "holdout", "logits"):
            assert getattr(found, name)[:, others].tobytes() == (
                getattr(fine, name)[:, others].tobytes()
            )
        for name, values in found.metrics.items():
            np.testing.assert_array_equal(values[:, others], fine.metrics[name][:, others])
            assert np.isnan(values[:, bad]).all()
    results = results_of(comparison, setups, runs[0], registry)
    assert results["diverged_seeds"] == [[FIRST + bad]] * 2
    row = next(r for r in results["tables"][-1]["rows"] if "p" in r)
    assert row["difference"]["count"] == SEEDS - 1
    said = "\n".join(comparison_words(results))
    left_out = f"stopped being finite and are left out (seed {FIRST + bad} at step 0)."
    assert f"1 of 4 trainings of 'bce + l2' {left_out}" in said
    assert "1 of 4 trainings" in html_page(results)


def test_a_formula_of_which_every_training_diverges_leaves_the_results_of_others(
    registry, tmp_path
):
    hopeless = "bce + mae(exp(logits + 1000), labels)"
    config = Config(
        formula="bce", epochs=2, train_size=12, model="mlp", evaluate_every=1, compile="graph"
    )
    comparison = Comparison.of(["bce", hopeless], config, seeds=2, reach=(Reach("accuracy", 0.1),))
    found = run_comparison(comparison, registry, tmp_path)
    assert found.values["diverged"] == [0, 2]
    assert found.trajectories[1].bad_steps.tolist() == [0, 0]
    rows = {(r["formula"], r["metric"]): r for r in found.values["tables"][-1]["rows"]}
    assert 0 < rows["bce", "accuracy"]["mean"]["mean"] <= 1
    assert np.isnan(rows[hopeless, "accuracy"]["mean"]["mean"])
    assert f"2 of 2 trainings of '{hopeless}'" in "\n".join(comparison_words(found.values))
    assert "2 of 2 trainings" in html_page(read_results(found.folder))


def test_layers_of_a_network_that_teaches_are_those_of_a_training_alone(registry, tmp_path):
    import keras

    keras.utils.set_random_seed(7)
    layers = [
        keras.layers.Input((30,)),
        keras.layers.Dense(10, "tanh", name="inner"),
        keras.layers.Dense(1, name="last"),
    ]
    keras.Sequential(layers).save(tmp_path / "net.keras")
    comparison, setups, result = trained(
        registry,
        ["bce + 0.1*mse(hidden1, net.inner)", "bce + binary_kl(teacher=net)"],
        train_size=20,
        teacher=(f"net={tmp_path / 'net.keras'}",),
        model="mlp:10",
    )
    assert {found.execution for found in result.trajectories} == {"stacked"}
    assert_like_alone(registry, comparison, setups, result)


def test_a_grid_is_one_program(registry):
    from tfloss.comparison.replicates.seeds import student_of
    from tfloss.comparison.replicates.shared_programs import families

    config = Config(formula="bce", train_size=10)
    (setup,), _ = prepare_seeds(config, [0], registry)
    student = student_of(config, setup.data, 0, registry)
    formulas = ["bce", "bce + 0.1*mae", "bce + 10*mae", "bce + linear(0,1,steps=5)*mae"]
    groups = families(formulas, config, student, setup.data, {}, registry)
    assert [family.positions for family in groups] == [(0,), (1, 2), (3,)]


def test_all_formulas_start_from_the_same_weights_and_rows(registry):
    _, _, result = trained(registry, ["bce", "bce + 0*mae"], train_size=20, batch_size=8)
    plain, other = result.trajectories
    np.testing.assert_allclose(plain.train[..., 1], other.train[..., 1], atol=1e-6)
    assert len(np.unique(plain.train[0, :, 0])) == SEEDS
