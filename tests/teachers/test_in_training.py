"""Teachers' tensors and masks inside a training, against numpy."""

import numpy as np
import pytest

import tfloss
from tfloss.data import augment

RANDOM = np.random.default_rng(0)
STILL = {"epochs": 1, "optimizer": "sgd:learning_rate=0.0", "batch_size": 1000, "compile": "graph"}


def _data(soft=None):
    features = RANDOM.normal(size=(120, 3))
    target = (features[:, 0] > 0).astype(int)
    extras = {} if soft is None else {"soft": soft}
    return tfloss.load_data((features, target), columns=extras, train_fraction=0.5)


def test_rows_without_an_answer_count_in_the_other_terms_only():
    soft = RANDOM.uniform(0.1, 0.9, size=120)
    soft[::3] = np.nan
    data = _data(soft)
    formula = "bce + mse(probs, teacher) + mse(logits, teacher.logits)"
    result = tfloss.fit(formula, data, teacher="column:soft", **STILL)
    for split, part in (("train", data.train), ("holdout", data.holdout)):
        there = part.rows % 3 != 0
        probs = result.student.forward_model(part.inputs).numpy()
        probs = 1 / (1 + np.exp(-probs))[:, 0]
        values = getattr(result.history[-1], split)
        truth = soft[part.rows]
        expected = np.mean((probs - truth)[there] ** 2)
        assert values["mse(probs, teacher)"] == pytest.approx(expected, rel=1e-4)
        odds = np.log(truth / (1 - truth)) - np.log(probs / (1 - probs))
        expected = np.mean(odds[there] ** 2)
        assert values["mse(logits, teacher.logits)"] == pytest.approx(expected, rel=1e-4)
        bce = -np.log(np.where(part.codes == 1, probs, 1 - probs)).mean()
        assert values["bce"] == pytest.approx(bce, rel=1e-4)
    there = data.holdout.rows % 3 != 0
    right = (soft[data.holdout.rows] > 0.5) == (data.holdout.codes == 1)
    assert result.scores["teacher on holdout"]["accuracy"] == pytest.approx(right[there].mean())


def test_added_rows_count_in_the_teachers_term_only():
    data = _data()
    more = augment(data, times=2, seed=1)
    result = tfloss.fit("bce + mse(probs, teacher)", more, teacher="lr:fit=train", **STILL)
    values = result.history[-1].train
    probs = 1 / (1 + np.exp(-result.student.forward_model(more.train.inputs).numpy()))
    first = len(data.train)
    own = probs[:first, 0]
    bce = -np.log(np.where(data.train.codes == 1, own, 1 - own)).mean()
    assert values["bce"] == pytest.approx(bce, rel=1e-4)
    teacher = result.teachers["teacher"].predict(more.train.inputs)
    assert len(teacher) == 3 * first
    expected = np.mean((probs - teacher) ** 2)
    assert values["mse(probs, teacher)"] == pytest.approx(expected, rel=1e-4)


def test_the_deviation_of_a_regressor():
    features = RANDOM.normal(size=(100, 2))
    data = tfloss.load_data((features, features[:, 0] + RANDOM.normal(size=100)))
    result = tfloss.fit("mse(prediction, teacher.std)", data, teacher="br", **STILL)
    prediction = result.student.forward_model(data.holdout.inputs).numpy()
    deviation = result.teachers["teacher"].tensors("holdout")["teacher.std"]
    found = result.history[-1].holdout["total"]
    assert found == pytest.approx(np.mean((prediction - deviation) ** 2), rel=1e-4)
    with pytest.raises(tfloss.FormulaError, match=r"no tensor 'teacher.std'"):
        tfloss.fit("mse(prediction, teacher.std)", data, teacher="rfr:n_estimators=2", **STILL)


def test_a_teacher_that_no_term_names_is_warned_of(recwarn):
    with pytest.warns(UserWarning, match="No term of the formula names the teacher 'hard'"):
        tfloss.fit("bce + kl(teacher=soft)", _data(), teacher={"soft": "lr", "hard": "nb"}, **STILL)
    recwarn.clear()
    tfloss.fit("bce + mse(logits, teacher.logits)", _data(), teacher="lr", **STILL)
    assert not [one for one in recwarn if "names the teacher" in str(one.message)]
