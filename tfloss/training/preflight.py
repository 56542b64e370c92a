"""Everything about a configuration that can be checked before TensorFlow is imported."""

from __future__ import annotations

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.objective import plan_terms
from tfloss.registry import Dataset, Registry, Teacher
from tfloss.student import check_model, known_layers
from tfloss.teachers import parse_teachers
from tfloss.training.config import Config
from tfloss.training.optimizers import check_optimizer
from tfloss.training.scopes import early_scope

_COMPILE = ("auto", "xla", "graph", "steps")
_TEACHER_FIT = ("auto", "cross", "train")


def check(config: Config, registry: Registry) -> None:
    """Refuse what cannot work, in well under a second.

    Checks the formula (its names, arity, settings, coefficients and, where the model's layers are
    known, its tensors), the model, the optimizer, the teachers' and the data set's names.

    Raises:
        UsageError: with one sentence and the remedy.
        DataError: a file that is not there.
    """
    check_model(config.model, registry)
    check_optimizer(config.optimizer)
    _one_of("compile", config.compile, _COMPILE)
    _one_of("teacher_fit", config.teacher_fit, _TEACHER_FIT)
    teachers = parse_teachers(config.teacher)
    for teacher in teachers:
        if teacher.name not in registry.teachers and not teacher.name[:1].isupper():
            registry.get(Teacher, teacher.name)
    scope = early_scope(
        known_layers(config.model, registry),
        [*config.extra, *([config.weight] if config.weight else [])],
        {teacher.alias: teacher.text for teacher in teachers},
    )
    plan_terms(config.loss, registry, scope, allow_negative=config.allow_negative)
    registry.get(Dataset, config.data)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(
            f"{name} cannot be '{value}'.{did_you_mean(value, known)} Known: {listed(known)}."
        )
