"""Names that other libraries use for losses are answered with the formula to write."""

from __future__ import annotations

import pytest

import tfloss
from tfloss.formula import FormulaError
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry.names_elsewhere import FORMULAS, formula_of, said_elsewhere

KERAS = [
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "dice",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CTC",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
]


@pytest.mark.parametrize("name", KERAS)
def test_every_loss_of_keras_is_a_formula(registry, name):
    formula = formula_of(name)
    assert formula is not None
    said = "labels", "logits", "probs", "prediction", "embedding", "weights"
    Objective(formula, registry, Scope([Entry(n, "test") for n in said], open_ended=True))


def test_keras_has_no_other_losses():
    import keras

    losses = {
        name
        for name, thing in vars(keras.losses).items()
        if callable(thing) and name not in ("Loss", "get", "serialize", "deserialize")
    }
    assert losses - {n for n in losses if n.startswith("__")} == set(KERAS)


@pytest.mark.parametrize("formula", sorted(set(FORMULAS.values())))
def test_what_is_offered_can_be_written(registry, formula):
    said = "labels", "logits", "probs", "prediction", "embedding"
    Objective(formula, registry, Scope([Entry(n, "test") for n in said], open_ended=True))


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("torch.nn.BCEWithLogitsLoss", "bce"),
        ("F.cross_entropy", "ce"),
        ("MSELoss", "mse"),
        ("nn.L1Loss", "mae"),
        ("neg_log_loss", "ce"),
        ("neg_mean_squared_error", "mse"),
        ("mean_pinball_loss", "quantile"),
        ("log_loss", "ce"),
        ("nothing_known", None),
    ],
)
def test_names_of_others(name, formula):
    assert formula_of(name) == formula


def test_the_formula_says_so(registry):
    scope = Scope([Entry("labels", "test"), Entry("logits", "test")])
    with pytest.raises(FormulaError, match="call 'sparse_categorical_crossentropy' is 'ce'"):
        Objective("sparse_categorical_crossentropy", registry, scope)
    assert "is 'huber'" in said_elsewhere(type("SmoothL1Loss", (), {})())
    assert said_elsewhere(lambda y, p: 0.0) == ""
    with pytest.raises(tfloss.FormulaError, match="Did you mean 'bce'"):
        Objective("bcee", registry, scope)
