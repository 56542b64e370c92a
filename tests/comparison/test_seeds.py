"""The teachers of many seeds: kept, and estimated."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.comparison import Comparison
from tfloss.comparison.analysis.results import draw_notes
from tfloss.comparison.replicates import seeds
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.errors import OneClassError
from tfloss.formula import FormulaError
from tfloss.registry import Registry
from tfloss.training.config import Config

CONFIG = Config(formula="bce + kl", train_size=30, teacher=("lr",))


def test_teachers_of_every_seed_are_kept_and_not_fitted_again(registry, tmp_path, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    fitted = []
    fit = LogisticRegression.fit
    monkeypatch.setattr(
        LogisticRegression, "fit", lambda self, *a, **k: fitted.append(0) or fit(self, *a, **k)
    )
    first, _ = prepare_seeds(CONFIG, range(4), registry, cache=tmp_path)
    assert len(fitted) >= 4
    fitted.clear()
    again, _ = prepare_seeds(CONFIG, range(4), registry, cache=tmp_path)
    assert not fitted
    for one, other in zip(first, again, strict=True):
        kept, fresh = other.teachers["teacher"], one.teachers["teacher"]
        np.testing.assert_array_equal(kept.predictions_holdout, fresh.predictions_holdout)
    assert not np.array_equal(
        *(one.teachers["teacher"].predictions_holdout for one in first[:2])
    )  # a seed's own


@pytest.mark.parametrize(("worth", "told"), [(0.0, 1), (1e9, 0)])
def test_what_fitting_takes_is_foreseen_after_two_seeds(registry, monkeypatch, worth, told):
    monkeypatch.setattr(seeds, "_WORTH_PROCESSES", worth)
    heard = []
    own = Registry(registry.plugins)  # not the installed one, so nothing is fitted elsewhere
    made, _ = prepare_seeds(CONFIG, range(4), own, on_estimate=heard.append)
    assert len(made) == 4
    assert len(heard) == told
    assert all(0 < seconds < 60 for seconds in heard)


FEW = Config(formula="bce", train_size=3, test_size=20, stratify=False)


def one_class(seed, registry):
    """Whether a training alone with this seed is refused for its one class."""
    from tfloss.runs.train import load_data

    try:
        load_data(FEW.changed(seed=seed), registry)
    except OneClassError:
        return True
    return False


def test_seeds_whose_training_rows_hold_one_class_are_left_out_and_named(registry):
    bad = [seed for seed in range(30) if one_class(seed, registry)]
    assert 3 < len(bad) < 27
    made, _ = prepare_seeds(FEW, range(30), registry)
    assert [setup.seed for setup in made] == [seed for seed in range(30) if seed not in bad]
    (note,) = draw_notes(Comparison.of(["bce"], FEW, seeds=30), made)
    assert f"Left out: {len(bad)} of 30 seeds" in note
    assert f"({', '.join(map(str, bad))})" in note


def test_or_drawn_again_where_that_is_asked_for(registry):
    bad = [seed for seed in range(30) if one_class(seed, registry)]
    made, _ = prepare_seeds(FEW, range(30), registry, one_class="redraw")
    assert [setup.seed for setup in made] == list(range(30))
    assert [setup.seed for setup in made if setup.redrawn] == bad
    assert all(len(set(setup.data.train.codes)) == 2 for setup in made)
    assert len({tuple(setup.data.train.rows) for setup in made}) == 30
    again, _ = prepare_seeds(FEW, range(30), registry, one_class="redraw")
    for one, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(one.data.train.rows, other.data.train.rows)
    (note,) = draw_notes(Comparison.of(["bce"], FEW, seeds=30, one_class="redraw"), made)
    assert f"Drawn again until the training rows held two classes: {len(bad)} of 30" in note


def test_where_no_seed_has_two_classes_that_is_refused(registry):
    with pytest.raises(OneClassError, match="All training rows of 'breast_cancer' belong to"):
        prepare_seeds(FEW.changed(train_size=1), range(4), registry)


def test_a_split_can_be_the_same_for_every_seed(registry):
    fixed = FEW.changed(train_size=30, split_seed=7)
    made, _ = prepare_seeds(fixed, range(3), registry)
    alone, _ = prepare_seeds(FEW.changed(train_size=30), [7], registry)
    for setup in made:
        np.testing.assert_array_equal(setup.data.train.rows, alone[0].data.train.rows)
    (note,) = draw_notes(Comparison.of(["bce"], fixed, seeds=3), made)
    assert "All seeds have the same split (split_seed=7)" in note


@pytest.mark.parametrize(
    ("formula", "words"),
    [("bce + mse(teacher, inputs)", "shape"), ("bce + kl + l2('nowhere/*')", "nowhere")],
)
def test_formulas_are_checked_before_a_teacher_is_fitted(registry, monkeypatch, formula, words):
    from sklearn.linear_model import LogisticRegression

    fitted = []
    monkeypatch.setattr(LogisticRegression, "fit", lambda *a, **k: fitted.append(0))
    with pytest.raises(FormulaError, match=words):
        prepare_seeds(CONFIG, range(2), registry, ["bce + kl", formula])
    assert not fitted


def test_so_is_the_formula_of_the_configuration(registry, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    fitted = []
    monkeypatch.setattr(LogisticRegression, "fit", lambda *a, **k: fitted.append(0))
    with pytest.raises(FormulaError, match="shape"):
        prepare_seeds(CONFIG.changed(formula="bce + mse(teacher, inputs)"), range(2), registry)
    assert not fitted
