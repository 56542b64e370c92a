"""From a short text such as `mlp:10,10` to a student."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.formula import ShortText, parse_short_text
from tfloss.registry import Model, Registry, call_plugin
from tfloss.student.embeddings import Embedding, behind_vectors, width_of
from tfloss.student.student import Student, wrap_model


def check_model(text: str, registry: Registry) -> tuple[Model, ShortText]:
    """Look a model up and check its settings, without building it or importing TensorFlow.

    Raises:
        UsageError: no such model, or settings that it does not have.
    """
    specification = parse_short_text(text, what="model", calls=True)
    if _may_be_factory(text, specification, registry):
        specification = ShortText(text, text=text)
    model = registry.get(Model, specification.name)
    known = set(model.settings)
    for setting in specification.settings:
        if setting not in known:
            raise UsageError(
                f"The model '{model.name}' has no setting '{setting}'."
                f"{did_you_mean(setting, known)} It has: {listed(known)}."
            )
    return model, specification


def _may_be_factory(text: str, read: ShortText, registry: Registry) -> bool:
    """Whether it is `module:factory`: no dot, so that it looks like a model with a value."""
    module, colon, factory = text.partition(":")
    names = module.isidentifier() and factory.isidentifier()
    return bool(colon) and names and read.name not in registry.models


def known_layers(text: str, registry: Registry) -> tuple[str, ...] | None:
    """The names of a model's layers, where its plugin knows them without building it."""
    model, specification = check_model(text, registry)
    if model.layers is None:
        return None
    return model.layers(*specification.values, **specification.settings)


def make_student(
    text: str | Any,
    *,
    inputs: int,
    outputs: int,
    registry: Registry,
    seed: int = 0,
    embeddings: Sequence[Embedding] = (),
) -> Student:
    """Build the student that a text describes, or take a Keras model as it is.

    Args:
        text: 'mlp:10,10', 'module:factory', 'file.keras', or a Keras model.
        inputs: the number of features.
        outputs: the number of logits: 1 for two classes, C for C classes.
        registry: where models are looked up.
        seed: of the initial weights and of what is random in the layers.
        embeddings: for the last of the inputs, which are positions; a model that exists already
            gets the positions.

    Raises:
        UsageError: an unknown model or setting, or a model that does not fit the data.
        PluginError: the model's factory failed.
    """
    if not isinstance(text, str):
        student = wrap_model(text)
    else:
        built = built_model(text, inputs, outputs, registry, seed, embeddings)
        student = wrap_model(built, text=text)
    _check_fit(student, inputs, outputs)
    return student


def built_model(
    text: str,
    inputs: int,
    outputs: int,
    registry: Registry,
    seed: int,
    embeddings: Sequence[Embedding] = (),
) -> Any:
    """The Keras model that a text describes, before it is a student; see `make_student`."""
    model, specification = check_model(text, registry)
    if not is_built_by_name(text):
        embeddings = ()
    width = width_of(inputs, embeddings)
    with seeded(seed):
        built = call_plugin(
            model, text, width, outputs, *specification.values, **specification.settings
        )
        return behind_vectors(built, inputs, embeddings) if embeddings else built


def is_built_by_name(model: Any) -> bool:
    """Whether a model is a text that names a new one, and no file of a trained one."""
    return isinstance(model, str) and not model.lower().endswith(".keras")


@contextmanager
def generators_kept() -> Iterator[None]:
    """Python's and numpy's global generators are afterwards as they were before."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Keras draws weights from a seed; Python's and numpy's own generators stay as they are.

    `keras.utils.set_random_seed` seeds these too, which a caller's own draws must not notice.
    """
    from tfloss.lazy import keras

    with generators_kept():
        keras.utils.set_random_seed(seed)
        yield


def _check_fit(student: Student, inputs: int, outputs: int) -> None:
    takes = student.forward_model.input_shape[-1]
    if takes is not None and takes != inputs:
        raise UsageError(
            f"The model '{student.text}' takes {takes} features, but the data have {inputs}."
        )
    if student.n_outputs != outputs:
        raise UsageError(
            f"The model '{student.text}' returns {student.n_outputs} values, but these data need "
            f"{outputs} ({'one logit for two classes' if outputs == 1 else 'one logit per class'})."
        )
