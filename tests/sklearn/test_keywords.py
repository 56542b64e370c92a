"""Keywords of `fit`: columns that the formula names, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.errors import UsageError
from tfloss.sklearn import DistilledClassifier, DistilledRegressor
from tfloss.sklearn.training import refuse_unnamed

X = np.random.default_rng(0).normal(size=(20, 2))


@pytest.mark.parametrize("formula", ["bce", "auto"])
def test_a_keyword_that_the_formula_does_not_name_is_refused(formula):
    with pytest.raises(UsageError, match=r"got sample_weights=.*Did you mean 'sample_weight'"):
        DistilledClassifier(formula).fit(X, np.arange(20) % 2, sample_weights=np.ones(20))


def test_in_a_regressor_too():
    with pytest.raises(UsageError, match=r"got soft=.*by the names that stand in the formula"):
        DistilledRegressor("mse").fit(X, X[:, 0], soft=X[:, 1])


def test_columns_of_the_formula_and_of_a_teacher_are_taken():
    refuse_unnamed(["soft"], "bce + mse(probs, soft)", None)
    refuse_unnamed(["soft"], "bce + kl", "column:soft")
    refuse_unnamed([], "auto", None)
