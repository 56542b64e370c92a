"""scipy's sparse rows: the same networks and predictions as with dense ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from tfloss.data import Scaler
from tfloss.errors import UsageError
from tfloss.sklearn import DistilledClassifier, DistilledRegressor, sparse

RNG = np.random.default_rng(0)
DENSE = RNG.random((80, 30)) * (RNG.random((80, 30)) < 0.1)
SPARSE = scipy.sparse.csr_matrix(DENSE)
Y = (DENSE[:, :10].sum(axis=1) > DENSE[:, 10:20].sum(axis=1)).astype(int)
FAST = {"hidden": (4,), "epochs": 5, "compile": "eager", "random_state": 0}


@pytest.mark.parametrize("kind", ["standard", "minmax", "maxabs", "robust", "none"])
@pytest.mark.parametrize("weight", [None, RNG.random(80)], ids=["plain", "weighted"])
def test_they_are_scaled_as_dense_rows_are(kind, weight):
    own, other = sparse.fit_scaler(SPARSE, kind, weight), Scaler.fit(DENSE, kind, weight)
    dense = DENSE if other is None else other.transform(DENSE)
    np.testing.assert_allclose(sparse.dense_inputs(SPARSE, own, kind), dense, atol=1e-5)


@pytest.mark.parametrize("made", [scipy.sparse.coo_matrix, scipy.sparse.csc_array])
def test_the_network_is_the_same(made):
    own = DistilledClassifier(**FAST).fit(made(DENSE), Y)
    other = DistilledClassifier(**FAST).fit(DENSE, Y)
    answers = own.predict_proba(made(DENSE))
    np.testing.assert_allclose(answers, other.predict_proba(DENSE), atol=1e-4)
    np.testing.assert_allclose(answers, own.predict_proba(DENSE), atol=1e-6)


class Looks(ClassifierMixin, BaseEstimator):
    """Remembers what it was given."""

    seen: list = []  # noqa: RUF012

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y):
        self.seen.append(X)
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        self.seen.append(X)
        return self.inner_.predict_proba(X)


def test_a_teacher_that_takes_sparse_rows_gets_them():
    Looks.seen.clear()
    own = DistilledClassifier("bce + kd", teacher=Looks(), **FAST).fit(SPARSE, Y)
    assert len(Looks.seen) > 2
    assert all(scipy.sparse.issparse(rows) for rows in Looks.seen)
    other = DistilledClassifier("bce + kd", teacher=LogisticRegression(), **FAST).fit(DENSE, Y)
    np.testing.assert_allclose(own.history_["kd"], other.history_["kd"], rtol=1e-3)


def test_others_get_dense_rows():
    DistilledClassifier("bce + kd", teacher=GaussianNB(), **FAST).fit(SPARSE, Y)
    DistilledRegressor(teacher="br", **FAST).fit(SPARSE, DENSE[:, 0])


def test_what_does_not_fit_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(sparse, "memory", lambda: 2**30)
    one = np.arange(1000)
    wide = scipy.sparse.csr_matrix((np.ones(1000), (one, one * 500)), shape=(1000, 500_000))
    with pytest.raises(UsageError, match=r"1,000 × 500,000.*3\.7 GiB.*1\.0 GiB.*TruncatedSVD"):
        DistilledClassifier(**FAST).fit(wide, np.arange(1000) % 2)


def test_rows_of_weight_0_and_parts():
    weight = (np.arange(80) % 2).astype(float)
    own = DistilledClassifier(**FAST).fit(SPARSE, Y, sample_weight=weight)
    other = DistilledClassifier(**FAST).fit(SPARSE[weight > 0], Y[weight > 0])
    np.testing.assert_allclose(own.history_["total"], other.history_["total"], rtol=1e-4)
    DistilledClassifier(**FAST).partial_fit(SPARSE, Y, classes=[0, 1]).partial_fit(SPARSE, Y)
