"""What losses are made of: log-probabilities, weighted rows and means, pairs, distances, checks.

The losses that come with tfloss use these and nothing else; yours may too:

    from tfloss import ops

    log_p = ops.log_probs(logits)

Every function is finite, with finite gradients, at the limits of what it takes (±1e4, exact 0 and
1), keeps a NaN a NaN, and computes in the dtype of its tensors. Shapes are compared, never
broadcast.
"""

from tfloss.ops.bounds import bounded
from tfloss.ops.checks import columns, few_enough_for_triples, same_shape, several_columns
from tfloss.ops.distances import root, squared_distances, unit_length
from tfloss.ops.distributions import FLOOR, as_distribution, floored_log, log_odds, log_probs
from tfloss.ops.pairs import LOWEST, largest, log_sum, pair_weights, same_class
from tfloss.ops.replicas import sum_over_replicas
from tfloss.ops.rows import (
    as_rows,
    centred,
    covariance,
    mean_per_example,
    nan_of,
    weighted_mean,
    weighted_rows,
    zero_without_weight,
    zeroed,
)
from tfloss.ops.selection import mean_of_largest

__all__ = [
    "FLOOR",
    "LOWEST",
    "as_distribution",
    "as_rows",
    "bounded",
    "centred",
    "columns",
    "covariance",
    "few_enough_for_triples",
    "floored_log",
    "largest",
    "log_odds",
    "log_probs",
    "log_sum",
    "mean_of_largest",
    "mean_per_example",
    "nan_of",
    "pair_weights",
    "root",
    "same_class",
    "same_shape",
    "several_columns",
    "squared_distances",
    "sum_over_replicas",
    "unit_length",
    "weighted_mean",
    "weighted_rows",
    "zero_without_weight",
    "zeroed",
]
