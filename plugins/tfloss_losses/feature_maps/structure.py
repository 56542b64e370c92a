"""Maps of a teacher and a student by what is in them as a whole."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import mean_per_example, unit_length
from tfloss_losses.feature_maps.common import EXAMPLE, SAME, as_places


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}_u\Bigl\Vert\frac{t}{\Vert t\Vert}-\frac{s}{\Vert s\Vert}\Bigr\Vert^2",
    range=(0, 4),
    zero_at_optimum=True,
    symmetric=True,
    family="distillation",
    example="ce + factor_match" + EXAMPLE,
)
def factor_match(teacher_maps: Any, maps: Any) -> Any:
    """Factor transfer: the factors of both, brought to length one, are alike.

    teacher_maps, maps: (batch, …, k), for example the teacher's paraphraser and the student's
    translator, layers that you train.
    Returns (batch,): the squared distance of whole examples of length one.

    Source: Kim, Park and Kwak 2018, "Paraphrasing complex network: network compression via factor
    transfer", eq. 3 with the squared norm.
    """
    one, two = (unit_length(tf.reshape(x, [tf.shape(x)[0], -1])) for x in (teacher_maps, maps))
    return tf.reduce_sum(tf.math.squared_difference(one, two), axis=-1)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\sum_{l\in\{h,4,2,1\}}w_l\,\mathrm{mean}\bigl(P_l(t)-P_l(s)\bigr)^2\Big/\sum_lw_l,"
    r"\ w=1,\tfrac12,\tfrac14,\tfrac18",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"teacher_maps": "wide_maps", "maps": "wide_maps"},
    family="distillation",
    example="ce + hierarchical_context(teacher.conv1, conv1)",
)
def hierarchical_context(teacher_maps: Any, maps: Any) -> Any:
    """Hierarchical context loss of knowledge review: maps, and their means on grids of 4, 2 and 1.

    teacher_maps, maps: (batch, height, width, k); a grid finer than the map is left out.
    Returns (batch,): the weighted mean of the mean squared differences.

    Source: Chen et al. 2021, "Distilling knowledge via knowledge review", the HCL.
    """
    if len(maps.shape) != 4:
        raise ValueError(f"'maps' must be (batch, height, width, k), not {tuple(maps.shape)}.")
    total, weight, weights = 0.0, 1.0, 0.0
    for grid in (None, 4, 2, 1):
        if grid is not None and grid >= min(maps.shape[1], maps.shape[2]):
            continue
        one, two = (x if grid is None else _on_grid(x, grid) for x in (teacher_maps, maps))
        total += weight * mean_per_example(tf.math.squared_difference(one, two))
        weights += weight
        weight /= 2
    return total / weights


def _on_grid(maps: Any, grid: int) -> Any:
    """Means over grid x grid cells, which overlap by a pixel where the size does not divide."""

    def edges(size: int) -> list[tuple[int, int]]:
        return [(cell * size // grid, -(-(cell + 1) * size // grid)) for cell in range(grid)]

    rows = [tf.reduce_mean(maps[:, a:b], axis=1) for a, b in edges(maps.shape[1])]
    by_row = tf.stack(rows, axis=1)
    cells = [tf.reduce_mean(by_row[:, :, a:b], axis=2) for a, b in edges(maps.shape[2])]
    return tf.stack(cells, axis=2)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}_{cd}(\hat t_c^\top\hat t_d)^2+(\hat s_c^\top\hat s_d)^2-2(\hat t_c^"
    r"\top\hat s_d)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="distillation",
    example="ce + neuron_selectivity" + EXAMPLE,
)
def neuron_selectivity(teacher_maps: Any, maps: Any) -> Any:
    """Neuron selectivity transfer (NST): the channels' patterns have one distribution, by MMD.

    teacher_maps, maps: (batch, …, k).
    Returns (batch,): the squared maximum mean discrepancy with the polynomial kernel (x·y)² between
    both sets of channels, each of length one over the places.

    Source: Huang and Wang 2017, "Like what you like: knowledge distill via neuron selectivity
    transfer", eq. 7.
    """
    one, two = (unit_length(as_places(x), axis=1) for x in (teacher_maps, maps))

    def kernel(a: Any, b: Any) -> Any:
        return mean_per_example(tf.square(tf.matmul(a, b, transpose_a=True)))

    return tf.nn.relu(kernel(one, one) + kernel(two, two) - 2 * kernel(one, two))
