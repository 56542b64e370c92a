"""What listings say of a teacher, against what it does."""

import pytest

from tfloss.errors import UsageError
from tfloss.registry import load_registry
from tfloss.teachers import about_teacher

REGISTRY = load_registry()


@pytest.mark.parametrize("name", sorted(REGISTRY.teachers))
def test_every_listed_teacher_can_be_described(name):
    about = about_teacher(name, REGISTRY)
    assert about.answers != "refused"
    assert about.summary
    declared = REGISTRY.teachers[name]
    assert (about.estimator, about.answers) == (declared.estimator, declared.answers)


@pytest.mark.parametrize(
    ("name", "task", "answers"),
    [
        ("gpc", "classification", "probabilities"),
        ("stacking", "classification", "probabilities"),
        ("MultinomialNB", "classification", "probabilities"),
        ("linear_svc", "classification", "calibrated"),
        ("OneVsOneClassifier", "classification", "calibrated"),
        ("ClassifierChain", "classification", "refused"),
        ("OutputCodeClassifier", "classification", "refused"),
        ("rfr", "regression", "prediction"),
        ("gpr", "regression", "prediction and deviation"),
    ],
)
def test_what_it_answers(name, task, answers):
    about = about_teacher(name, REGISTRY)
    assert (about.task, about.answers) == (task, answers)
    assert bool(about.reason) == (answers in ("refused", "calibrated") or name == "MultinomialNB")


def test_its_settings():
    about = about_teacher("OneVsRestClassifier", REGISTRY)
    assert about.needs == ("estimator",)
    assert set(about.settings) == {"n_jobs", "verbose"}
    assert about_teacher("rf", REGISTRY).settings["n_estimators"] == 100


def test_what_is_no_estimator():
    with pytest.raises(UsageError, match="is no estimator"):
        about_teacher("column:x", REGISTRY)
