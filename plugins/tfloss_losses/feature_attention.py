"""Distillation of feature maps by attention, and through a projection with a logarithm of a sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import root, same_shape, weighted_rows


@tfloss.loss(
    same_shape=("teacher_maps", "maps"),
    latex=r"\sqrt{\sum_{u,c}(t_{uc}-s_{uc})^2M_uM_c}+\alpha\bigl(\Vert G_t-G_s\Vert"
    r"+\Vert H_t-H_s\Vert\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("a number is zero", "the maps are equal"),
    family="distillation",
    exempt={
        "gradient equals finite differences": "the attention masks are constants",
        "the same under XLA": "of equal maps what is left of the attentions' distance is rounding",
    },
    example="ce + attention_guided(teacher.conv1, conv1)",
)
def attention_guided(
    teacher_maps: Any,
    maps: Any,
    *,
    temperature: Annotated[float, Above(0)] = 0.5,
    alpha: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Attention-guided distillation (FBKD): places and channels that either network looks at.

    teacher_maps, maps: (batch, …, k), of one shape.
    Returns (batch,): the distance of the maps under both masks, and α times those of the
    attentions. No gradient flows through the masks. The paper's non-local relations are not in it.

    temperature: of the softmaxes that make the masks, positive.
    alpha: the weight of the attentions, positive.

    Source: Zhang and Ma 2021, "Improve object detection with feature-based knowledge distillation:
    towards accurate and efficient detectors", eq. 1 to 5.
    """
    places = maps.shape[1:-1].num_elements()
    target, ours = (tf.reshape(x, [-1, places, x.shape[-1]]) for x in (teacher_maps, maps))
    sizes = [[tf.reduce_mean(tf.abs(x), axis=axis) for x in (target, ours)] for axis in (2, 1)]
    masks = [
        tf.cast(size[0].shape[-1], maps.dtype) * tf.nn.softmax(sum(size) / temperature)
        for size in sizes
    ]
    seen = tf.stop_gradient(masks[0])[:, :, None] * tf.stop_gradient(masks[1])[:, None, :]
    apart = root(tf.reduce_sum(seen * tf.math.squared_difference(target, ours), axis=[1, 2]))
    looks = [root(tf.reduce_sum(tf.math.squared_difference(*size), axis=-1)) for size in sizes]
    return apart + alpha * (looks[0] + looks[1])


def _projection(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    wide, narrow = shapes["teacher_layer"][-1], shapes["layer"][-1]
    return {"projection": tfloss.LossVariable((narrow, wide), "glorot_uniform")}


@tfloss.loss(
    per="batch",
    latex=r"\log\sum_{i,c}|\hat t_{ic}-(sW)^\wedge_{ic}|^\alpha",
    family="distillation",
    domains={"layer": "numbers*any"},
    state=_projection,
    example="ce + srd(teacher.hidden1, hidden2)",
)
def srd(
    teacher_layer: Any,
    layer: Any,
    sample_weight: Any = None,
    *,
    power: Annotated[float, Above(1)] = 4.0,
    state: Any,
) -> Any:
    """Simple representation distillation: normalised layers, and the logarithm of a sum of powers.

    teacher_layer: (batch, k).  layer: (batch, m).
    sample_weight: (batch,), or None for all ones.
    Returns a scalar; about -28 where both agree, 0 for a batch without weight.

    power: α, above 1: how much the largest differences count.

    Held: projection, (m, k), trained with the student.

    Source: Miles and Mikolajczyk 2024, "Understanding the role of the projector in knowledge
    distillation", with batch normalisation of both.
    """
    (target, ours), weight = weighted_rows(
        sample_weight, teacher_layer=teacher_layer, layer=tf.matmul(layer, state["projection"])
    )
    same_shape(teacher_layer=target, layer=ours)
    one, two = (_standardised(rows, weight) for rows in (target, ours))
    total = tf.reduce_sum(weight[:, None] * tf.abs(one - two) ** power)
    found = tf.math.log(tf.maximum(total, 1e-12))
    return tf.where(tf.reduce_all(weight == 0), tf.zeros_like(found), found)


def _standardised(rows: Any, weight: Any) -> Any:
    """Columns of mean zero and deviation one over the batch; an even one becomes nearly 0."""
    share = (weight / tf.maximum(tf.reduce_sum(weight), 1e-12))[:, None]
    apart = rows - tf.reduce_sum(share * rows, axis=0)
    spread = tf.reduce_sum(share * tf.square(apart), axis=0)
    return apart * tf.math.rsqrt(spread + 1e-5)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [attention_guided, srd]
