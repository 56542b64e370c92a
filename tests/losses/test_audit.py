"""Values that an audit from outside found wrong, with the right ones and their sources."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import log_softmax, logsumexp, softmax

import tfloss
from tfloss import losses, ops
from tfloss.errors import NumericsError
from tfloss.objective import Entry, Objective, Scope


def f(values):
    return tf.constant(np.array(values, np.float32))


# -- a network's logits --------------------------------------------------------------------------

SURE = f([[20.0, 0.0, 0.0]])
LABELS = f([[1.0, 0, 0, 0, 0]])
FIVE = f([[25.0, 2, 1, 0, -1]])
STUDENT = f([[1.0, 0.5, 0, 0, -0.5]])


@pytest.mark.parametrize(
    ("name", "own", "student", "settings", "expected"),
    [
        ("kd", SURE, f([[1.0, 0, 0]]), {"temperature": 4.0}, 13.800),  # Hinton et al. 2015, eq. 1
        ("dkd", FIVE, STUDENT, {}, 24.11),  # the authors' code, mdistiller
        ("kd_standardised", FIVE, STUDENT, {}, 0.1416),
        ("logit_mse", FIVE, STUDENT, {}, 88.86),
    ],
)
def test_a_networks_logits_are_not_cut_at_1e_7(name, own, student, settings, expected):
    labels = {"labels": LABELS} if name == "dkd" else {}
    loss = getattr(losses, name)
    value = loss(
        **labels, teacher=tf.nn.softmax(own), logits=student, teacher_logits=own, **settings
    )
    assert float(value[0]) == pytest.approx(expected, rel=1e-3)


def test_kd_of_logits_is_the_divergence_of_both_softened():
    rng = np.random.default_rng(0)
    own, z = rng.normal(size=(4, 7)) * 8, rng.normal(size=(4, 7))
    log_q, log_p = log_softmax(own / 4, axis=1), log_softmax(z / 4, axis=1)
    expected = 16 * np.sum(np.exp(log_q) * (log_q - log_p), axis=1)
    value = losses.kd(f(softmax(own, axis=1)), f(z), f(own), temperature=4.0)
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_a_formula_binds_the_logits_of_its_teacher(registry):
    scope = Scope(
        [
            Entry("logits", "student output", (None, 3)),
            Entry("big", "teacher", (None, 3), known_outside=True),
            Entry("big.logits", "teacher", (None, 3), known_outside=True),
        ]
    )
    objective = Objective("kd(teacher=big, temperature=4)", registry, scope)
    assert objective.needs == {"logits", "big", "big.logits"}
    tensors = {"logits": f([[1.0, 0, 0]]), "big": tf.nn.softmax(SURE), "big.logits": SURE}
    assert float(objective(tensors).total) == pytest.approx(13.800, rel=1e-3)


def test_without_logits_probabilities_will_do(registry):
    scope = Scope([Entry("logits", "output", (None, 3)), Entry("teacher", "data", (None, 3))])
    assert Objective("kd", registry, scope).needs == {"logits", "teacher"}


# -- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [(0, 1, 0, 1), (1, 2, 1, 2), (-1, 1, -1, 1), (7, 3, 7, 3)])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_groups_of_any_codes(codes, shape, dtype):
    z = f([[2.0], [-1.0], [0.5], [0.0]])
    group = tf.constant(np.array(codes, dtype).reshape(shape))
    assert float(losses.demographic_parity(z, group)) == pytest.approx(0.3672, abs=1e-4)


def test_three_groups_in_a_column_are_as_one_hot():
    codes = np.array([0, 1, 2, 0, 1, 2])
    z = f([[0.25], [-0.26], [1.3], [0.2], [-1.1], [0.7]])
    y = f([[0], [1], [0], [1], [0], [1]])
    one_hot = f(np.eye(3)[codes])
    for group in (f(codes + 4), one_hot):
        assert float(losses.demographic_parity(z, group)) == pytest.approx(0.3845, abs=1e-4)
        assert float(losses.equalised_odds(y, z, group)) == pytest.approx(0.3845, abs=1e-4)
    weighted = f([1.0, 1, 1, 1, 1, 1, 0]), f([0.0, 0, 0, 0, 0, 0, np.nan])
    z_more, group = tf.concat([z, [[np.nan]]], 0), f([*codes + 4, np.nan])
    assert float(losses.demographic_parity(z_more, group, weighted[0])) == pytest.approx(
        0.3845, abs=1e-4
    )


# -- distances -----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_distances_keep_their_digits_far_from_the_origin(offset):
    rng = np.random.default_rng(0)
    near = rng.normal(size=(1, 64)) + 1e-3 * rng.normal(size=(20, 64))
    x = (near + offset).astype(np.float32)
    y = rng.normal(size=(30, 64)).astype(np.float32) + np.float32(offset)
    expected = cdist(x.astype(float), y.astype(float), "sqeuclidean")
    np.testing.assert_allclose(ops.squared_distances(f(x), f(y)), expected, rtol=1e-6)
    own = cdist(x.astype(float), x.astype(float), "sqeuclidean")
    apart = ~np.eye(20, dtype=bool)
    found = np.asarray(ops.squared_distances(f(x), f(x)))
    np.testing.assert_allclose(found[apart], own[apart], rtol=1e-5)


def test_a_nan_among_rows_stays_one_and_gradients_of_equal_rows_are_finite():
    x = tf.Variable([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(ops.root(ops.squared_distances(x, x)))
    assert np.all(np.isfinite(tape.gradient(total, x)))
    assert np.all(np.isnan(ops.squared_distances(f([[np.nan, 1]]), f([[1, 1.0]]))))


def test_four_thousand_rows_fit():
    x = tf.random.stateless_normal((4096, 64), seed=(1, 2))
    assert np.isfinite(losses.mmd(x, x + 1.0, bandwidth=8.0))


# -- transport -----------------------------------------------------------------------------------


def test_sinkhorn_converges_to_the_cost_of_the_best_assignment():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3)) + 1
    cost = cdist(x, y, "sqeuclidean") / 2
    best = cost[linear_sum_assignment(cost)].mean()
    found = losses.sinkhorn(f(x), f(y), epsilon=0.02, iterations=2000)
    assert float(found) == pytest.approx(best, rel=2e-2)


@pytest.mark.parametrize(("width", "limit"), [(16, 1e-3), (64, 1e-2)])
def test_the_gradient_of_sinkhorn_has_converged_with_the_defaults(width, limit):
    """Against the potentials of 4,000 steps in float64."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, width)), rng.normal(size=(32, width)) + 0.5

    def potentials(cost):
        columns = np.zeros(len(cost))
        for _ in range(4_000):
            rows = -logsumexp(columns[None] - cost - np.log(32), axis=1)
            columns = -logsumexp(rows[:, None] - cost - np.log(32), axis=0)
        return np.exp(rows[:, None] + columns[None] - cost) / 32**2

    def cost(a, b):
        return cdist(a, b, "sqeuclidean") / 2

    def pull(a, b):
        plan = potentials(cost(a, b))
        return plan.sum(axis=1, keepdims=True) * a - plan @ b

    expected = pull(x, y) - pull(x, x)
    variable = tf.Variable(f(x))
    with tf.GradientTape() as tape:
        value = losses.sinkhorn(variable, f(y))
    found = np.asarray(tape.gradient(value, variable))
    assert np.max(np.abs(found - expected)) < limit * np.max(np.abs(expected))


# -- orders next to one --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["renyi", "alpha"])
@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-6, 1e-8, -1e-3, -1e-6])
def test_divergences_next_to_order_one(name, apart):
    q, z = np.array([[0.2, 0.3, 0.5]]), np.array([[1.0, 0, 0.5]])
    log_p, order = log_softmax(z, axis=1), 1 + apart
    excess = np.sum(np.exp(log_p) * np.expm1(apart * (log_p - np.log(q))))
    expected = {"renyi": np.log1p(excess) / apart, "alpha": -excess / (order * (1 - order))}
    value = getattr(losses, name)(f(q), f(z), order=order)
    assert float(value[0]) == pytest.approx(expected[name], rel=2e-5)
    assert float(value[0]) == pytest.approx(0.232218, rel=2 * abs(apart) + 1e-5)  # KL, the limit


def test_both_forms_of_a_divergence_meet():
    q, z = f([[0.2, 0.3, 0.5]]), f([[1.0, 0, 0.5]])
    for loss in (losses.renyi, losses.alpha):
        inside, outside = (float(loss(q, z, order=order)[0]) for order in (1.0999, 1.1001))
        assert inside == pytest.approx(outside, rel=1e-3)


# -- lists ---------------------------------------------------------------------------------------


def test_listmle_is_plackett_and_luces_likelihood():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 4, (3, 9)).astype(float), rng.normal(size=(3, 9)) * 5
    labels[1, 6:] = -1
    expected = []
    for y, s in zip(labels, scores, strict=True):
        order = np.argsort(-y, kind="stable")[: np.sum(y >= 0)]
        s = s[order]
        expected.append(sum(logsumexp(s[i:]) - s[i] for i in range(len(s))))
    np.testing.assert_allclose(losses.listmle(f(labels), f(scores)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["pairwise_logistic", "ranknet", "listnet", "softmax_rank", "listmle", "lambda_rank"]
)
def test_a_list_of_empty_places_costs_nothing(name):
    assert float(getattr(losses, name)(f([[-1.0, -1, -1]]), f([[1.0, 2, 3]]))[0]) == 0


# -- rows that are missing -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky"])
def test_nan_in_a_row_of_weight_zero_is_not_seen(name):
    loss = getattr(losses, name)
    labels, logits = f([[1.0], [np.nan]]), tf.Variable([[0.3], [np.nan]])
    with tf.GradientTape() as tape:
        value = loss(labels, logits, f([1.0, 0.0]))
    assert float(value) == pytest.approx(float(loss(f([[1.0]]), f([[0.3]]))))
    assert np.all(np.isfinite(tape.gradient(value, logits)))


def test_dice_of_the_audit():
    value = losses.dice(f([[1.0], [np.nan]]), f([[0.3], [0.2]]), f([1.0, 0.0]))
    assert float(value) == pytest.approx(0.1653, abs=1e-4)


def test_abs_kl_has_no_gradient_at_a_row_of_weight_zero():
    logits = tf.Variable([[0.3], [np.nan]])
    with tf.GradientTape() as tape:
        value = losses.abs_kl(f([[0.5], [np.nan]]), logits, f([1.0, 0.0]))
    assert np.all(np.isfinite(tape.gradient(value, logits)))


WEIGHTED = [
    name
    for name, loss in tfloss.load_registry().losses.items()
    if loss.per == "batch" and "sample_weight" in loss.signature.positional and loss.state is None
]


@pytest.mark.parametrize("name", WEIGHTED)
def test_a_batch_without_weight_costs_nothing(name):
    from tfloss.testing.subject import Subject, as_tensors

    subject = Subject(losses.__getattr__(name))
    inputs = subject.moderate(subject.width)
    inputs["sample_weight"] = np.zeros_like(inputs["sample_weight"])
    tensors = as_tensors(inputs)
    value, gradients = subject.with_gradients(tensors)
    assert float(value) == pytest.approx(0, abs=1e-6)
    for moved in subject.differentiable:
        np.testing.assert_allclose(gradients[moved.name], 0, atol=1e-6)


@pytest.mark.parametrize("name", WEIGHTED)
def test_rows_of_weight_zero_may_hold_nan(name):
    from tfloss.testing import check_loss

    (result,) = check_loss(
        losses.__getattr__(name), checks=["examples without weight do not count"]
    )
    assert result.status == "passed", result.message


# -- numbers of another kind ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ce", "cross_entropy"])
def test_a_number_that_is_no_class_costs_nan(name):
    value = getattr(losses, name)(tf.constant([5, -1, 1]), f(np.zeros((3, 3))))
    np.testing.assert_array_equal(np.isnan(value), [True, True, False])


@pytest.mark.parametrize("name", ["bce", "focal", "mse", "dice", "hinge", "poly1"])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint8, tf.bool])
def test_whole_numbers_are_labels_too(name, dtype):
    labels, logits = [[0], [1]], f([[0.3], [0.3]])
    loss = getattr(losses, name)
    np.testing.assert_array_equal(loss(tf.cast(labels, dtype), logits), loss(f(labels), logits))


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_becomes_float32(dtype):
    rows = tf.cast(f([[0.0, 0], [3, 4]]), dtype)
    for loss in (losses.mmd, losses.info_nce):
        value = loss(rows, rows)
        assert value.dtype == tf.float32
        assert np.isfinite(value)


@pytest.mark.parametrize(
    ("name", "expected"), [("hinge", [1.3, 0.7]), ("squared_hinge", [1.69, 0.49])]
)
@pytest.mark.parametrize("no", [-1.0, 0.0])
def test_hinge_takes_both_codes_of_no(name, expected, no):
    """As Keras' does."""
    value = getattr(losses, name)(f([[no], [1.0]]), f([[0.3], [0.3]]))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    keras = getattr(tf.keras.losses, name)(f([[no], [1.0]]), f([[0.3], [0.3]]))
    np.testing.assert_allclose(value, keras, rtol=1e-6)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_classes_coded_one_and_two_are_no_number_anywhere_and_training_names_the_rows(name):
    loss, labels, logits = getattr(losses, name), f([[1.0], [2.0]]), f([[0.3], [0.3]])
    for call in (loss, tf.function(loss), tf.function(loss, jit_compile=True)):
        np.testing.assert_array_equal(np.isnan(call(labels, logits)), [False, True])
    code = np.where(np.arange(8) % 4, 1.0, 2.0)
    coded = tfloss.Table(np.eye(8), np.arange(8) % 2, columns={"code": code})
    with pytest.raises(NumericsError, match=rf"'{name}\(code, logits\)' is not.* rows? ") as said:
        tfloss.fit(f"{name}(code, logits)", tfloss.load_data(coded, test_size=2), "mlp", epochs=1)
    assert " 0" in str(said.value) or " 4" in str(said.value)


def test_the_title_of_listnet():
    assert '"Learning to rank: from pairwise approach to listwise approach"' in " ".join(
        losses.listnet.description.split()
    )
