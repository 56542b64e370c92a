"""scikit-learn's own checks of an estimator, each by its name."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tfloss.sklearn import DistilledClassifier, DistilledRegressor

# Each check fits small networks from the start; half of their time is TensorFlow's tracing.
QUICK = {"hidden": (10,), "epochs": 40, "optimizer": "adam:learning_rate=0.02"}

# Not passed, with the reason. `test_estimators.py` holds the same law to 1e-4.
EXPECTED = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "a row of weight 2 counts as two rows to 1e-4, which is what float32 training keeps; the check "
    "asks for 1e-7.",
)

# At the small size: what is about these estimators rather than about arguments.
TELLING = {
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimators_unfitted",
    "check_dict_unchanged",
    "check_fit2d_1sample",
    "check_methods_subset_invariance",
    "check_classifiers_one_label",
    "check_classifiers_train",
    "check_class_weight_classifiers",
    "check_regressors_train",
    "check_sample_weight_equivalence_on_dense_data",
}


@parametrize_with_checks(
    [DistilledClassifier(**QUICK), DistilledRegressor(**QUICK)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimator(estimator, check, full_size):
    name, variant = getattr(check, "func", check).__name__, getattr(check, "keywords", {})
    if not full_size and (name not in TELLING or variant):
        pytest.skip("at full size only: TFLOSS_TEST_SIZE=full")
    check(estimator)
