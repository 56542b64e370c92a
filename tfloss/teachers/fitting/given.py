"""Teachers as the user gave them: texts, estimators, fitted models, or several of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tfloss.errors import UsageError
from tfloss.registry import Registry, Teacher
from tfloss.teachers.column import PredictionsColumn
from tfloss.teachers.fitting.classifiers import copied, seeded
from tfloss.teachers.keras_models import is_network
from tfloss.teachers.prefitted import PrefittedTeacher, is_fitted
from tfloss.teachers.spec.building import build_estimator
from tfloss.teachers.spec.options import Options
from tfloss.teachers.spec.text import DEFAULT_ALIAS, TeacherSpec, parse_teacher, refuse_same_alias


@dataclass(frozen=True, eq=False)
class Given:
    """A teacher as the user gave it: a text's name and settings, or an object.

    `own` says whether the user made the estimator, and not tfloss by its name.
    """

    alias: str
    text: str
    thing: Any
    options: Options = field(default_factory=Options)
    own: bool = True

    @property
    def name(self) -> str:
        """What messages call it: the name that the user gave it, else what the user wrote."""
        return self.text if self.alias == DEFAULT_ALIAS else self.alias


def listed_teachers(teachers: Any) -> list[Given]:
    """A text, an estimator, a mapping from names, or a list of these, as a list.

    Raises:
        UsageError: something else, or one name for two teachers.
    """
    if isinstance(teachers, Mapping):
        given = [_given(teacher, alias) for alias, teacher in teachers.items()]
    elif teachers is None:
        given = []
    elif isinstance(teachers, Iterable) and not (isinstance(teachers, str) or _fits(teachers)):
        given = [_given(teacher) for teacher in teachers]
    else:
        given = [_given(teachers)]
    refuse_same_alias((one.alias, one.text) for one in given)
    return given


def _given(teacher: Any, alias: str | None = None) -> Given:
    if isinstance(teacher, str):
        teacher = parse_teacher(teacher if alias is None else f"{alias}={teacher}")
    if isinstance(teacher, TeacherSpec):
        return Given(alias or teacher.alias, teacher.text or teacher.name, teacher)
    known = isinstance(teacher, PrefittedTeacher | PredictionsColumn)
    if not (known or _fits(teacher) or _predicts(teacher)):
        raise UsageError(
            f"An object of type {type(teacher).__name__} is not a teacher; give a name, or an "
            f"estimator with 'fit' and 'predict_proba'."
        )
    return Given(alias or DEFAULT_ALIAS, type(teacher).__name__, teacher)


def _fits(teacher: Any) -> bool:
    """Whether it is an estimator; a Pipeline is also a sequence, so this is checked first."""
    return hasattr(teacher, "fit") and not isinstance(teacher, type)


def _predicts(teacher: Any) -> bool:
    """Whether it can be asked although it has nothing to fit."""
    able = hasattr(teacher, "predict_proba") or hasattr(teacher, "predict")
    return able and not isinstance(teacher, type)


def layers_named(
    given: Iterable[Given], names: Iterable[str], registry: Registry
) -> frozenset[str]:
    """The names, of those in a formula, that can only be tensors of a teacher that is a network.

    Raises:
        UsageError: no such teacher.
    """
    networks = tuple(f"{one.alias}." for one in given if may_have_layers(one.thing, registry))
    return frozenset(name for name in names if networks and name.startswith(networks))


def may_have_layers(thing: Any, registry: Registry) -> bool:
    """Whether what a user gave is, or names, a network.

    Raises:
        UsageError: no such teacher.
    """
    if isinstance(thing, TeacherSpec):
        # A class name is looked for in scikit-learn, which is slow to import.
        if thing.name not in registry.teachers and is_class_name(thing.name):
            return False
        return registry.get(Teacher, thing.name).layers
    return is_network(getattr(thing, "estimator", thing))


def is_class_name(name: str) -> bool:
    """Whether a name can be that of one of scikit-learn's classes."""
    return name.isidentifier() and name[0].isupper()


def resolved(given: Given, options: Options, registry: Registry, seed: int) -> Given:
    """The object that a text names, seeded; a fitted one as it is."""
    thing, keep = given.thing, frozenset[str]()
    if isinstance(thing, TeacherSpec):
        options, settings = options.taking(thing.settings)
        given = replace(given, own=":" in thing.name)
        thing = build_estimator(replace(thing, settings=settings), registry)
        keep = frozenset(settings)
    if isinstance(thing, PrefittedTeacher | PredictionsColumn):
        return replace(given, thing=thing, options=options)
    nothing_to_fit = _predicts(thing) and not hasattr(thing, "fit")
    if is_network(thing) or is_fitted(thing) or nothing_to_fit:
        return replace(given, thing=PrefittedTeacher(thing, given.text), options=options)
    return replace(given, thing=seeded(copied(thing, given.name), seed, keep), options=options)
