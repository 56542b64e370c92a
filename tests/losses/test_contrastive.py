"""Contrastive losses against loops over pairs and triples as their papers write them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special
from scipy.spatial import distance

from tfloss import tf
from tfloss_losses.contrastive import (
    circle,
    contrastive,
    info_nce,
    n_pair,
    nt_xent,
    supervised_contrastive,
    triplet,
)

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of

LABELLED = (contrastive, triplet, supervised_contrastive, circle)
PAIRED = (n_pair, info_nce, nt_xent)
CLASSES = np.array([0, 1, 2, 0, 1, 0, 2, 1])


def rows(count=8):
    rng = np.random.default_rng(0)
    return {
        "labels": np.eye(3)[CLASSES[:count]],
        "embedding": rng.normal(size=(count, 4)),
        "first": rng.normal(size=(count, 4)),
        "second": rng.normal(size=(count, 4)),
        "sample_weight": rng.uniform(0.5, 2, size=count),
    }


def unweighted(count=8):
    return {name: value for name, value in rows(count).items() if name != "sample_weight"}


def extremes():
    """Rows that coincide, rows of zeros, sizes of 1e4, one class alone."""
    ramp = np.linspace(1, -1, 4)
    odd = np.stack([0 * ramp, 0 * ramp, ramp, ramp, 1e4 * ramp, -1e4 * ramp, 1e4 + 0 * ramp])
    data = rows()
    number = len(odd)
    return {
        "labels": np.concatenate([data["labels"], np.eye(3)[[0, 1, 0, 2, 0, 1, 1]]]),
        "embedding": np.concatenate([data["embedding"], odd]),
        "first": np.concatenate([data["first"], odd]),
        "second": np.concatenate([data["second"], odd[::-1]]),
        "sample_weight": np.concatenate([data["sample_weight"], np.ones(number)]),
    }


FAMILY = (
    *(case(loss, "moderate", rows()) for loss in (*LABELLED, *PAIRED)),
    case(triplet, "moderate semihard", rows(), mining="semihard"),
    *(case(loss, "extreme", extremes()) for loss in (*LABELLED, *PAIRED)),
    case(triplet, "semihard extreme", extremes(), mining="semihard"),
)
SMOOTH = [one for one in FAMILY if "moderate" in one.label and one.loss is not circle]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen, fixed=("labels",))


@pytest.mark.parametrize("loss", [*LABELLED, *PAIRED])
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    data, weight = unweighted(), np.array([1.0, 1, 0, 1, 1, 0, 1, 1])
    less = {name: value[weight == 1] for name, value in data.items()}
    for name in ("embedding", "first"):
        data[name][2] = np.nan
    assert of(loss, data | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize("loss", [*LABELLED, *PAIRED])
def test_one_example_or_none_is_finite(loss):
    for weight in ([1.0, 0, 0], [0.0, 0, 0]):
        assert np.isfinite(of(loss, unweighted(3) | {"sample_weight": np.array(weight)}))


@pytest.mark.parametrize("loss", LABELLED)
def test_classes_may_be_numbers(loss):
    numbers = unweighted() | {"labels": CLASSES[:, None].astype(float)}
    assert of(loss, numbers) == pytest.approx(of(loss, unweighted()))


@pytest.mark.parametrize("loss", [*LABELLED, *PAIRED])
def test_another_number_of_examples_is_refused(loss):
    name = "labels" if loss in LABELLED else "first"
    with pytest.raises(ValueError, match="shape"):
        of(loss, unweighted() | {name: rows()[name][:5]})


def distances(data):
    return distance.squareform(distance.pdist(data["embedding"]))


def cosines(one, other):
    return 1 - distance.cdist(one, other, "cosine")


def test_contrastive_is_a_loop_over_pairs():
    apart, costs = distances(unweighted()), []
    for i, j in itertools.permutations(range(8), 2):
        same = CLASSES[i] == CLASSES[j]
        costs.append(apart[i, j] ** 2 / 2 if same else max(0, 2.5 - apart[i, j]) ** 2 / 2)
    assert of(contrastive, unweighted(), margin=2.5) == pytest.approx(np.mean(costs))


def test_hard_triplets_are_the_extremes_of_each_anchor():
    apart, costs = distances(unweighted()), []
    for anchor in range(8):
        like = [apart[anchor, p] for p in range(8) if CLASSES[p] == CLASSES[anchor] and p != anchor]
        unlike = [apart[anchor, n] for n in range(8) if CLASSES[n] != CLASSES[anchor]]
        costs.append(max(0, 0.5 + max(like) - min(unlike)))
    assert of(triplet, unweighted(), margin=0.5) == pytest.approx(np.mean(costs))


def test_semihard_triplets_are_a_loop_over_pairs():
    apart, costs = distances(unweighted()), []
    for a, p in itertools.permutations(range(8), 2):
        if CLASSES[a] == CLASSES[p]:
            unlike = [apart[a, n] for n in range(8) if CLASSES[n] != CLASSES[a]]
            farther = [d for d in unlike if d > apart[a, p]]
            costs.append(max(0, 0.5 + apart[a, p] - (min(farther) if farther else max(unlike))))
    ours = of(triplet, unweighted(), margin=0.5, mining="semihard")
    assert ours == pytest.approx(np.mean(costs))


def test_equally_far_examples_share_the_gradient_of_a_triplet():
    embedding = tf.constant([[0.0, 0.0], [2.0, 0.0], [2.0, 0.0], [1.0, 1.0]])
    labels = tf.constant([[0.0], [0.0], [0.0], [1.0]])
    with tf.GradientTape() as tape:
        tape.watch(embedding)
        total = triplet(labels, embedding, tf.constant([1.0, 1e-6, 1e-6, 1e-6]))
    gradient = tape.gradient(total, embedding).numpy()
    np.testing.assert_allclose(gradient[1:3, 0], [0.5, 0.5], rtol=1e-4)


def test_no_triplets_cost_nothing():
    alone = unweighted(3) | {"labels": np.eye(3)}
    assert of(triplet, alone) == 0


def test_n_pair_is_the_papers_sum():
    data = unweighted()
    products, costs = data["first"] @ data["second"].T, []
    for i in range(8):
        others = sum(np.exp(products[i, j] - products[i, i]) for j in range(8) if j != i)
        costs.append(np.log1p(others))
    assert of(n_pair, data) == pytest.approx(np.mean(costs))


def test_info_nce_is_a_classification_of_partners():
    data = unweighted()
    scores = cosines(data["first"], data["second"]) / 0.2
    expected = -np.mean(np.diag(special.log_softmax(scores, axis=1)))
    assert of(info_nce, data, temperature=0.2) == pytest.approx(expected)


def simclr(views, temperature):
    """The loop of the paper, views 2k and 2k + 1 being of one example."""
    near, costs = np.exp(cosines(views, views) / temperature), []
    for i in range(len(views)):
        partner = i + 1 if i % 2 == 0 else i - 1
        costs.append(-np.log(near[i, partner] / (near[i].sum() - near[i, i])))
    return np.mean(costs)


def test_nt_xent_is_simclrs_loop():
    data = unweighted()
    views = np.stack([data["first"], data["second"]], axis=1).reshape(16, 4)
    assert of(nt_xent, data, temperature=0.3) == pytest.approx(simclr(views, 0.3))


def test_supervised_contrastive_is_a_loop_over_anchors():
    data, costs = unweighted(), []
    near = np.exp(cosines(data["embedding"], data["embedding"]) / 0.2)
    for i in range(8):
        others = sum(near[i, a] for a in range(8) if a != i)
        likes = [p for p in range(8) if CLASSES[p] == CLASSES[i] and p != i]
        costs.append(-np.mean([np.log(near[i, p] / others) for p in likes]))
    ours = of(supervised_contrastive, data, temperature=0.2)
    assert ours == pytest.approx(np.mean(costs))


def test_an_example_alone_in_its_class_does_not_count():
    data = unweighted(7)  # classes 0, 1, 2, 0, 1, 0, 2
    lonely = {**data, "labels": np.eye(4)[[0, 1, 3, 0, 1, 0, 2]]}
    costs = []
    near = np.exp(cosines(data["embedding"], data["embedding"]) / 0.1)
    for i, likes in ((0, [3, 5]), (3, [0, 5]), (5, [0, 3]), (1, [4]), (4, [1])):
        others = near[i].sum() - near[i, i]
        costs.append(-np.mean([np.log(near[i, p] / others) for p in likes]))
    assert of(supervised_contrastive, lonely) == pytest.approx(np.mean(costs))


def circle_by_hand(similarity, anchor, margin, gamma):
    """Sums over unlike and like examples, each with its paces."""
    unlike, like = [], []
    for other in range(8):
        s = similarity[anchor, other]
        if CLASSES[other] != CLASSES[anchor]:
            unlike.append((max(s + margin, 0), s))
        elif other != anchor:
            like.append((max(1 + margin - s, 0), s))
    apart = sum(np.exp(gamma * pace * (s - margin)) for pace, s in unlike)
    together = sum(np.exp(-gamma * pace * (s - 1 + margin)) for pace, s in like)
    return np.log1p(apart * together)


def test_circle_is_the_papers_formula():
    data = unweighted()
    similarity = cosines(data["embedding"], data["embedding"])
    costs = [circle_by_hand(similarity, anchor, 0.3, 5) for anchor in range(8)]
    assert of(circle, data, margin=0.3, gamma=5.0) == pytest.approx(np.mean(costs))


def test_the_paces_of_circle_have_no_gradient():
    """Equation 9: for one like and one unlike example, Z·gamma·pace each."""
    angle = tf.constant([0.3, 1.4], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(angle)
        ends = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1)
        rows = tf.concat([tf.constant([[1.0, 0.0]], tf.float64), ends], axis=0)
        labels = tf.constant([[0.0], [0.0], [1.0]], tf.float64)
        weight = tf.constant([1.0, 1e-12, 1e-12], tf.float64)
        total = circle(labels, rows, weight, margin=0.25, gamma=4.0)
    like, unlike = np.cos(0.3), np.cos(1.4)
    paces = 1.25 - like, unlike + 0.25
    exponent = 4 * (paces[1] * (unlike - 0.25) - paces[0] * (like - 0.75))
    z = special.expit(exponent)
    expected = [-z * 4 * paces[0] * -np.sin(0.3), z * 4 * paces[1] * -np.sin(1.4)]
    np.testing.assert_allclose(tape.gradient(total, angle), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (contrastive, {"margin": 0.0}),
        (triplet, {"margin": -1.0}),
        (triplet, {"mining": "easy"}),
        (info_nce, {"temperature": 0.0}),
        (nt_xent, {"temperature": 0.0}),
        (supervised_contrastive, {"temperature": 0.0}),
        (circle, {"margin": 1.0}),
        (circle, {"gamma": 0.0}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, unweighted(), **settings)
