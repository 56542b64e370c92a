"""Everything about a configuration that can be checked before TensorFlow is imported."""

from __future__ import annotations

from collections.abc import Collection

from tfloss.data.class_weights import read_class_weight
from tfloss.data.scaling import refuse_unknown_scale
from tfloss.errors import UsageError
from tfloss.objective import plan_terms
from tfloss.objective.plan import TensorUse
from tfloss.registry import Dataset, Registry
from tfloss.student import check_model, known_layers
from tfloss.teachers import CALIBRATIONS, FITS, INPUTS, Options, parse_teachers
from tfloss.teachers.fitting.given import layers_named, listed_teachers, may_have_layers
from tfloss.training.config import Config
from tfloss.training.options import BATCHES, COMPILE, ON_NAN, one_of
from tfloss.training.program.optimizers import check_optimizer
from tfloss.training.program.precision import check_precision
from tfloss.training.scope import early_scope
from tfloss.training.teachers import names_in


def check(config: Config, registry: Registry, table_columns: Collection[str] | None = None) -> None:
    """Refuse what cannot work, in well under a second.

    Checks the formula (its names, arity, settings, coefficients and, where the model's layers are
    known, its tensors), the model, the optimizer, the teachers' and the data set's names.

    Args:
        config: what is to be trained.
        registry: what names stand for.
        table_columns: where the rows are in memory, the names of their extra columns; `config.data`
            is then not looked up.

    Raises:
        UsageError: with one sentence and the remedy.
        DataError: a file that is not there.
    """
    check_model(config.model, registry)
    check_optimizer(config.optimizer)
    one_of("compile", config.compile, COMPILE)
    one_of("on_nan", config.on_nan, ON_NAN)
    one_of("batches", config.batches, BATCHES)
    refuse_unknown_scale(config.scale)
    read_class_weight(config.class_weight)
    check_precision(config.precision)
    one_of("teacher_fit", config.teacher_fit, FITS)
    one_of("teacher_calibrate", config.teacher_calibrate, CALIBRATIONS)
    one_of("teacher_inputs", config.teacher_inputs, INPUTS)
    Options(config.teacher_fit, config.teacher_calibrate, config.teacher_rows)
    if config.augment and not config.teacher:
        raise UsageError("Rows are added (augment) for a teacher to predict; name one (teacher).")
    teachers = parse_teachers(config.teacher)
    scope = early_scope(
        _layers(config, registry),
        [*config.columns, *(table_columns or ()), *([config.weight] if config.weight else [])],
        {teacher.alias: teacher.text for teacher in teachers},
        teacher_layers(config, registry),
        features_named(config.formula),
    )
    plan_terms(config.formula, registry, scope, allow_negative=config.allow_negative)
    if table_columns is None:
        registry.get(Dataset, config.data)


def unused_teachers(config: Config, registry: Registry) -> list[str]:
    """The names of teachers that no term of the formula asks; they are fitted and scored alone."""
    if not config.teacher:
        return []
    aliases = {teacher.alias: teacher.text for teacher in parse_teachers(config.teacher)}
    columns = [*config.columns, *([config.weight] if config.weight else [])]
    layers = _layers(config, registry)
    named = features_named(config.formula)
    scope = early_scope(layers, columns, aliases, teacher_layers(config, registry), named)
    terms = plan_terms(config.formula, registry, scope, allow_negative=True)
    used = {use.name for term in terms for use in term.body.walk() if isinstance(use, TensorUse)}
    return [alias for alias in aliases if not any(n.split(".")[0] == alias for n in used)]


def features_named(formula: str) -> list[str]:
    """The names in the formula of single features, which are known once the data are loaded."""
    return sorted(name for name in names_in(formula) if name.startswith("inputs."))


def _layers(config: Config, registry: Registry) -> tuple[str, ...] | None:
    """The names of the student's layers; None where they are not known before the data are."""
    return None if config.embed else known_layers(config.model, registry)


def has_networks(config: Config, registry: Registry) -> bool:
    """Whether a teacher is a Keras model, which needs TensorFlow to be asked.

    Raises:
        UsageError: no such teacher.
    """
    return any(may_have_layers(one.thing, registry) for one in listed_teachers(config.teacher))


def teacher_layers(config: Config, registry: Registry) -> frozenset[str]:
    """The names in the formula that can only be tensors of a teacher that is a network.

    Raises:
        UsageError: no such teacher.
    """
    return layers_named(listed_teachers(config.teacher), names_in(config.formula), registry)
