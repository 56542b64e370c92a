"""Estimators of scikit-learn's kind, trained by a formula; TensorFlow is imported by the first fit.

from tfloss.sklearn import DistilledClassifier

model = DistilledClassifier("bce + 0.1*abs_kl", teacher=GaussianProcessClassifier())
model.fit(X, y).predict_proba(X)
"""

from tfloss.sklearn.classifier import DistilledClassifier
from tfloss.sklearn.regressor import DistilledRegressor

# What `skops.io.load(file, trusted=TRUSTED)` has to be given; each holds plain values and arrays.
TRUSTED = (
    "tfloss.sklearn.classifier.DistilledClassifier",
    "tfloss.sklearn.network.Network",
    "tfloss.sklearn.regressor.DistilledRegressor",
)

__all__ = ["TRUSTED", "DistilledClassifier", "DistilledRegressor"]
