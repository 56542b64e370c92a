"""What losses of Keras, PyTorch, scikit-learn and optax are called in a formula.

Only for messages: no name of this table is looked up when a formula is computed. A name is compared
by its last part without capitals, underscores and a final "loss", so that `nn.BCELoss`,
`BinaryCrossentropy` and `binary_crossentropy` need one line each, and `neg_` is left out.
`tests/registry/test_names_elsewhere.py` reads every formula.
"""

from __future__ import annotations

from typing import Any

FORMULAS = {
    # Keras: https://keras.io/api/losses/
    "binarycrossentropy": "bce",
    "binaryfocalcrossentropy": "focal",
    "categoricalcrossentropy": "ce",
    "categoricalfocalcrossentropy": "focal",
    "categoricalgeneralizedcrossentropy": "gce",
    "categoricalhinge": "categorical_hinge",
    "circle": "circle",
    "cosinesimilarity": "cosine_distance",
    "ctc": "ctc",
    "dice": "dice",
    "hinge": "hinge",
    "huber": "huber",
    "kldivergence": "forward_kl(teacher=labels)",
    "kld": "forward_kl(teacher=labels)",
    "kullbackleiblerdivergence": "forward_kl(teacher=labels)",
    "logcosh": "log_cosh",
    "meanabsoluteerror": "mae",
    "meanabsolutepercentageerror": "mape",
    "meansquarederror": "mse",
    "meansquaredlogarithmicerror": "msle",
    "poisson": "poisson",
    "sparsecategoricalcrossentropy": "ce",
    "squaredhinge": "squared_hinge",
    "tversky": "tversky",
    # PyTorch: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
    "bcewithlogits": "bce",
    "binarycrossentropywithlogits": "bce",
    "cosineembedding": "cosine_distance",
    "crossentropy": "ce",
    "l1": "mae",
    "mse": "mse",
    "gaussiannll": "gaussian_nll",
    "kldiv": "forward_kl(teacher=labels)",
    "marginranking": "pairwise_hinge",
    "multilabelmargin": "multi_label_margin",
    "multilabelsoftmargin": "bce",
    "multimargin": "multi_margin",
    "nll": "ce",
    "poissonnll": "poisson",
    "smoothl1": "huber",
    "softmargin": "bce",
    "tripletmargin": "triplet",
    "tripletmarginwithdistance": "triplet",
    # scikit-learn: https://scikit-learn.org/stable/modules/model_evaluation.html
    "absoluteerror": "mae",
    "brierscore": "mse(labels, probs)",
    "log": "ce",
    "meangammadeviance": "gamma_nll",
    "meanpinball": "quantile",
    "meanpoissondeviance": "poisson",
    "meansquaredlogerror": "msle",
    "meantweediedeviance": "tweedie",
    "pinball": "quantile",
    "rootmeansquarederror": "sqrt(mean(mse))",
    "rmse": "sqrt(mean(mse))",
    "squarederror": "mse",
    # optax: https://optax.readthedocs.io/en/latest/api/losses.html
    "sigmoidbinarycrossentropy": "bce",
    "softmaxcrossentropy": "ce",
    "softmaxcrossentropywithintegerlabels": "ce",
    "sigmoidfocal": "focal",
}


def formula_of(name: str) -> str | None:
    """The formula for a loss that other libraries call so; None where none is known."""
    last = name.rpartition(".")[2]
    key = "".join(letter for letter in last.lower() if letter.isalnum())
    for tried in (key, key.removesuffix("loss"), key.removeprefix("neg")):
        if tried in FORMULAS:
            return FORMULAS[tried]
        if tried.removesuffix("loss") in FORMULAS:
            return FORMULAS[tried.removesuffix("loss")]
    return None


def said_elsewhere(loss: Any) -> str:
    """A sentence, with a space before it, that says how a loss is written here; '' if unknown.

    Args:
        loss: a name, or the class, object or function of another library.
    """
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    formula = formula_of(name)
    return f" What other libraries call '{name}' is '{formula}' in a formula." if formula else ""
