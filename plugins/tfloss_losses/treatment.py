"""Effects of a treatment: a student that answers for both arms, of which one was observed."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Interval
from tfloss.ops import mean_per_example


@tfloss.loss(
    same_shape=("labels", "treatment", "treated", "untreated", "propensity"),
    latex=r"\bigl(y-\hat y_t-\epsilon h\bigr)^2,\ h=\frac tg-\frac{1-t}{1-g}",
    range=(0, None),
    family="regression",
    domains={"labels": "numbers", "treatment": "yes_no", "propensity": "logits"},
    state=lambda shapes, settings: {"epsilon": tfloss.LossVariable((), "zeros")},
    example="targeted_regularisation(slope, slope, hidden1, hidden2, hidden1)",
)
def targeted_regularisation(
    labels: Any,
    treatment: Any,
    treated: Any,
    untreated: Any,
    propensity: Any,
    *,
    clip: Annotated[float, Interval(0, 0.5, "neither")] = 0.01,
    state: Any,
) -> Any:
    """Dragonnet's targeted regularisation: outcomes that make the effect's estimate robust.

    labels: (batch, k), what was observed.  treatment: same shape, 1 or 0.
    treated, untreated: same shape, what the student expects with and without the treatment.
    propensity: same shape, logits of being treated.
    Returns (batch,), the mean square over the k targets. The observed arm's own error is
    mse(labels, t*treated + (1 - t)*untreated).

    clip: the smallest chance of either arm that is divided by, below ½.

    Held: epsilon, one number, trained with the student.

    Source: Shi, Blei and Veitch 2019, "Adapting neural networks for the estimation of treatment
    effects", eq. 3.2.
    """
    chance = tf.clip_by_value(tf.sigmoid(propensity), clip, 1 - clip)
    lever = treatment / chance - (1 - treatment) / (1 - chance)
    expected = treatment * treated + (1 - treatment) * untreated
    return mean_per_example(tf.square(labels - expected - state["epsilon"] * lever))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [targeted_regularisation]
