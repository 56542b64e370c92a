"""Relations against naive loops over pairs and triples, and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance

from tfloss import tf
from tfloss_losses.relation import (
    _huber,
    attention_transfer,
    dist,
    pkt,
    rkd_angle,
    rkd_distance,
    similarity_preserving,
)
from tfloss_losses.triples import mean_over_triples

from .checks import assert_derivative, assert_finite_and_equal_modes, case, extreme, moderate, of

PAIRS = (similarity_preserving, rkd_distance, rkd_angle, pkt)


def hidden(rows=6):
    """Inner tensors of different widths."""
    rng = np.random.default_rng(0)
    return {
        "teacher": rng.normal(size=(rows, 4)),
        "prediction": rng.normal(size=(rows, 3)),
        "sample_weight": rng.uniform(0.5, 2, size=rows),
    }


def unweighted(data):
    return {name: data[name] for name in data if name != "sample_weight"}


def maps():
    rng = np.random.default_rng(0)
    return {
        "teacher_maps": rng.normal(size=(2, 3, 2, 4)),
        "student_maps": rng.normal(size=(2, 3, 2, 5)),
    }


FAMILY = (
    *(case(loss, "moderate", hidden()) for loss in PAIRS),
    case(dist, "moderate", moderate(3)),
    case(dist, "extreme", extreme(3)),
    case(attention_transfer, "moderate", maps()),
    case(attention_transfer, "zero", {name: 0 * value for name, value in maps().items()}),
    # Rows that coincide, rows of zeros, and sizes of 1e4.
    *(
        case(
            loss, "extreme", {"teacher": extreme(2)["teacher"], "prediction": extreme(2)["logits"]}
        )
        for loss in PAIRS
    ),
)
SMOOTH = [one for one in FAMILY if one.label == "moderate"]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", PAIRS)
def test_another_number_of_examples_is_refused(loss):
    data = unweighted(hidden()) | {"teacher": np.ones((5, 4))}
    with pytest.raises(ValueError, match="shape"):
        of(loss, data)


@pytest.mark.parametrize("loss", PAIRS)
def test_agreement_costs_nothing_whatever_the_scale(loss):
    features = hidden()["teacher"]
    assert of(loss, {"teacher": features, "prediction": 3 * features}) == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize("loss", [*PAIRS, dist])
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    data = moderate(3, rows=8) if loss is dist else hidden(8)
    weight = np.array([1.0, 1, 0, 1, 1, 0, 1, 1])
    less = {name: value[weight == 1] for name, value in data.items() if name != "weights"}
    data["teacher"][2] = np.nan
    left = of(loss, data | {"sample_weight": weight})
    assert left == pytest.approx(of(loss, unweighted(less)))


@pytest.mark.parametrize("loss", [*PAIRS, dist])
def test_one_example_or_none_is_finite(loss):
    data = moderate(3, rows=3) if loss is dist else hidden(3)
    for weight in ([1.0, 0, 0], [0.0, 0, 0]):
        assert np.isfinite(of(loss, data | {"sample_weight": np.array(weight)}))


def huber(error):
    return special.huber(1.0, error)


def test_rkd_distance_is_a_loop_over_pairs():
    data = hidden()
    tables = []
    for features in (data["teacher"], data["prediction"]):
        apart = distance.pdist(features)
        tables.append(apart / apart.mean())
    reference = np.mean(huber(tables[1] - tables[0]))
    assert of(rkd_distance, unweighted(data)) == pytest.approx(reference)


def test_rkd_angle_is_a_loop_over_triples():
    data = hidden()
    terms = []
    for i, j, k in itertools.permutations(range(6), 3):
        cosines = [
            1 - distance.cosine(features[i] - features[j], features[k] - features[j])
            for features in (data["teacher"], data["prediction"])
        ]
        terms.append(huber(cosines[1] - cosines[0]))
    assert of(rkd_angle, unweighted(data)) == pytest.approx(np.mean(terms))


def test_similarity_preserving_is_the_papers_matrix():
    data = hidden()
    grams = []
    for features in (data["teacher"], data["prediction"]):
        gram = features @ features.T
        grams.append(gram / np.linalg.norm(gram, axis=1, keepdims=True))
    reference = np.linalg.norm(grams[0] - grams[1], "fro") ** 2 / 6**2
    assert of(similarity_preserving, unweighted(data)) == pytest.approx(reference)


def test_pkt_is_scipys_divergence_of_neighbourhoods():
    data = hidden()
    found = []
    for features in (data["teacher"], data["prediction"]):
        kernel = 1 - distance.squareform(distance.pdist(features, "cosine")) / 2
        np.fill_diagonal(kernel, 0)
        found.append(kernel / kernel.sum(axis=1, keepdims=True))
    reference = np.mean(stats.entropy(*found, axis=1))
    assert of(pkt, unweighted(data)) == pytest.approx(reference)


def test_dist_is_scipys_correlations():
    data = moderate(4, rows=7)
    q, p = data["teacher"], data["probs"]
    between = np.mean([1 - stats.pearsonr(x, y).statistic for x, y in zip(q, p, strict=True)])
    within = np.mean([1 - stats.pearsonr(x, y).statistic for x, y in zip(q.T, p.T, strict=True)])
    ours = of(dist, {"teacher": q, "probs": p}, beta=2, gamma=3)
    assert ours == pytest.approx(2 * between + 3 * within)


def test_attention_transfer_is_the_papers_formula():
    data = maps()
    for row, value in enumerate(of(attention_transfer, data)):
        units = []
        for name in ("teacher_maps", "student_maps"):
            attention = np.sum(data[name][row] ** 2, axis=-1).ravel()
            units.append(attention / np.linalg.norm(attention))
        assert value == pytest.approx(np.sum((units[0] - units[1]) ** 2))


def test_attention_transfer_refuses_what_has_no_places_or_others():
    data = maps()
    with pytest.raises(ValueError, match="places"):
        of(attention_transfer, {name: value[:, 0, 0] for name, value in data.items()})
    with pytest.raises(ValueError, match="shape"):
        of(attention_transfer, data | {"student_maps": data["student_maps"][:, :2]})


def test_dist_refuses_other_shapes():
    with pytest.raises(ValueError, match="shape"):
        of(dist, {"teacher": moderate(3)["teacher"], "probs": moderate(2)["probs"]})


@pytest.mark.parametrize("place", [(1, 0), (1, 2)])
def test_a_nan_comes_out_of_what_is_brought_to_length_one(place):
    data, maps_with_nan, spoilt = unweighted(hidden()), maps(), np.full((3, 4), 0.5)
    data["prediction"][place] = maps_with_nan["student_maps"][(*place, 0, 0)] = np.nan
    spoilt[place] = np.nan
    for loss in PAIRS:
        assert np.isnan(of(loss, data)), loss.name
    assert np.isnan(of(dist, {"teacher": np.full((3, 4), 0.25), "probs": spoilt}))
    attention = of(attention_transfer, maps_with_nan)
    assert np.isnan(attention).tolist() == [row == 1 for row in range(len(attention))]


def triples_one_by_one(data):
    """The weighted mean over triples of different examples, in a loop."""
    total = counted = 0.0
    for i, j, k in itertools.permutations(range(len(data["teacher"])), 3):
        cosines = [
            1 - distance.cosine(features[i] - features[j], features[k] - features[j])
            for features in (data["teacher"], data["prediction"])
        ]
        weight = np.prod(data["sample_weight"][[i, j, k]])
        total, counted = total + weight * huber(cosines[1] - cosines[0]), counted + weight
    return total / counted


@pytest.mark.parametrize("block", [1, 2 * 7 * 7, 7**3])
@pytest.mark.parametrize("xla", [False, True])
def test_triples_in_blocks_are_all_of_them(block, xla):
    """A corner at a time; two at a time, which seven do not divide by; all at once."""
    data = {name: tf.constant(value) for name, value in hidden(rows=7).items()}
    expected = triples_one_by_one(hidden(rows=7))

    @tf.function(jit_compile=xla)
    def derived(block):
        with tf.GradientTape() as tape:
            tape.watch(data["prediction"])
            value = mean_over_triples(
                _huber, data["teacher"], data["prediction"], data["sample_weight"], block
            )
        return value, tape.gradient(value, data["prediction"])

    value, slope = derived(block)
    assert float(value) == pytest.approx(expected, rel=1e-9)
    moved = hidden(rows=7)
    moved["prediction"][2, 1] += 1e-6
    assert float(slope[2, 1]) == pytest.approx(
        (triples_one_by_one(moved) - expected) / 1e-6, rel=1e-3
    )
