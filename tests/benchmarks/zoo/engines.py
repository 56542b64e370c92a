"""The ways to train a member of the zoo, each as its users write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np

from tests.benchmarks.zoo.members import Member

_LONG = 10_000  # steps: what a training is that nobody waits for


class Engine(Protocol):
    """A network, ready to be trained."""

    def __init__(self, member: Member) -> None:
        """Build the network; nothing is compiled yet."""

    def short(self, epochs: int) -> Any:
        """Train with the defaults."""

    def long(self, epochs: int) -> Any:
        """Train as in a training of many steps."""


class Keras:
    """Keras' `fit`."""

    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, member: Member) -> None:
        import keras

        self._member, (train, holdout) = member, member.data()
        model = member.build()
        loss, weights = member.keras_loss(), None
        if loss is None:  # a second output is compared with what it is taught
            model = keras.Model(model.inputs, [model.output, model.get_layer("hidden").output])
            loss, weights = [keras.losses.BinaryCrossentropy(from_logits=True), "mse"], [1.0, 0.1]
            parts = [(x["inputs"], [y, x["features"]]) for x, y in (train, holdout)]
        else:
            parts = [member.plain(x, y) for x, y in (train, holdout)]
        (self._x, self._y), self._holdout = parts
        options = dict(self.options)
        if options.get("steps_per_execution") == 0:
            options["steps_per_execution"] = member.steps
        model.compile(member.make_optimizer(), loss, loss_weights=weights, **options)
        self._model = model

    def short(self, epochs: int) -> Any:
        self._model.fit(
            self._x,
            self._y,
            batch_size=self._member.batch,
            epochs=epochs,
            verbose=0,
            validation_data=self._holdout,
            validation_batch_size=self._member.batch,
        )

    long = short


class KerasJit(Keras):
    """The same through XLA."""

    options: ClassVar = {"jit_compile": True}


class KerasSteps(Keras):
    """The same, an epoch of steps in one call."""

    options: ClassVar = {"steps_per_execution": 0}


class Attached:
    """`tfloss.attach`, and Keras' `fit`."""

    def __init__(self, member: Member) -> None:
        import tfloss

        self._member, (self._train, self._holdout) = member, member.data()
        model = tfloss.attach(member.build(), member.formula, columns=list(member.columns))
        model.compile(member.make_optimizer())
        self._model = model

    def short(self, epochs: int) -> Any:
        self._model.fit(
            *self._train,
            batch_size=self._member.batch,
            epochs=epochs,
            verbose=0,
            validation_data=self._holdout,
            validation_batch_size=self._member.batch,
        )

    long = short


class FitModel:
    """`tfloss.fit_model` with its defaults; long as its rule chooses for 10,000 steps."""

    def __init__(self, member: Member) -> None:
        self._member, (self._train, self._holdout) = member, member.data()
        self._model = member.build()
        self._long: str | None = None

    def short(self, epochs: int, compile: str = "auto") -> Any:
        import tfloss

        rate = {"sgd": 0.05, "adam": 0.001}[self._member.optimizer]
        tfloss.fit_model(
            self._model,
            self._train,
            self._member.formula,
            columns=list(self._member.columns),
            optimizer=f"{self._member.optimizer}:learning_rate={rate}",
            batch_size=self._member.batch,
            epochs=epochs,
            validation_data=self._holdout,
            compile=compile,
        )

    def long(self, epochs: int) -> Any:
        self.short(epochs, self.chosen)

    @property
    def chosen(self) -> str:
        """How it is compiled for many steps."""
        if self._long is None:
            self._long = choice_for(self._member)
        return self._long


def choice_for(member: Member) -> str:
    """What `auto` chooses for a long training."""
    import tfloss
    from tfloss.keras_integration.array_dataset import Rows
    from tfloss.keras_integration.engine_fit import KeptAttached

    model = tfloss.attach(member.build(), member.formula, columns=list(member.columns))
    model.compile(member.make_optimizer())
    (x, y), _ = member.data()
    kept = KeptAttached(model, Rows(x, y), None, batch_size=member.batch, rows_at_once=member.batch)
    engine = kept.engine(apart=False, compile="auto", work=_LONG, before=None)
    return engine.choice.compiled_as


class Stream:
    """`tfloss.fit_stream` on the same rows as a `tf.data.Dataset` of batches."""

    def __init__(self, member: Member) -> None:
        import tensorflow as tf

        self._member, ((x, y), (held_x, held_y)) = member, member.data()
        self._model = member.build()
        if isinstance(x, Mapping) and "inputs" not in x:
            raise ValueError("several inputs, which streams do not have")
        parts = [
            {**(inputs if isinstance(inputs, Mapping) else {"inputs": inputs}), "labels": labels}
            for inputs, labels in ((x, y), (held_x, held_y))
        ]
        self._holdout = parts[1]
        self._dataset = tf.data.Dataset.from_tensor_slices(parts[0]).batch(member.batch)

    def short(self, epochs: int, compile: str = "auto") -> Any:
        import tfloss

        rate = {"sgd": 0.05, "adam": 0.001}[self._member.optimizer]
        task = "regression" if self._member.formula == "mse" else "classification"
        tfloss.fit_stream(
            self._member.formula,
            self._dataset,
            self._model,
            steps_per_epoch=self._member.steps,
            batch_size=self._member.batch,
            epochs=epochs,
            holdout=self._holdout,
            optimizer=f"{self._member.optimizer}:learning_rate={rate}",
            task=task,
            compile=compile,
        )

    def long(self, epochs: int) -> Any:
        if not hasattr(self, "_chosen"):
            self._chosen = choice_for(self._member)
        self.short(epochs, self._chosen)


class Data:
    """`tf.data` alone: what a stream can be given at most."""

    def __init__(self, member: Member) -> None:
        self._member, self._dataset = member, Stream(member)._dataset

    def short(self, epochs: int) -> Any:
        for _ in (
            self._dataset.repeat().rebatch(self._member.batch * self._member.steps).take(epochs)
        ):
            pass

    long = short


class ByHand:
    """A step in a `tf.function`, called from a loop in Python; the holdout after each epoch."""

    def __init__(self, member: Member) -> None:
        import keras
        import tensorflow as tf

        self._member, (train, holdout) = member, member.data()
        model, optimizer, loss = member.build(), member.make_optimizer(), member.keras_loss()
        if loss is None:
            model = keras.Model(model.inputs, [model.output, model.get_layer("hidden").output])
            bce = keras.losses.BinaryCrossentropy(from_logits=True)

            def total(y: Any, outputs: Any) -> Any:
                mean = tf.reduce_mean((outputs[1] - y[1]) ** 2)
                return bce(y[0], outputs[0]) + 0.1 * mean

            parts = [(x["inputs"], [y, x["features"]]) for x, y in (train, holdout)]
        else:
            total = loss
            parts = [member.plain(x, y) for x, y in (train, holdout)]
        (x, y), held_out = tf.nest.map_structure(tf.constant, parts)
        optimizer.build(model.trainable_variables)

        def step(rows: Any) -> Any:
            batch = tf.nest.map_structure(lambda part: tf.gather(part, rows), (x, y))
            with tf.GradientTape() as tape:
                value = total(batch[1], model(batch[0], training=True))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(value, variables), variables)
            return value

        self._step = tf.function(step, autograph=False)
        self._evaluate = tf.function(
            lambda: total(held_out[1], model(held_out[0], training=False)), autograph=False
        )
        self._generator = np.random.default_rng(0)

    def short(self, epochs: int) -> Any:
        import tensorflow as tf

        member, log = self._member, []
        for _ in range(epochs):
            order = self._generator.permutation(member.batch * member.steps).astype(np.int32)
            values = [self._step(tf.constant(rows)) for rows in order.reshape(-1, member.batch)]
            log.append((float(sum(values)), float(self._evaluate())))
        return log

    long = short


ENGINES: dict[str, type[Any]] = {
    "fit_model": FitModel,
    "Keras fit": Keras,
    "Keras fit, steps_per_execution": KerasSteps,
    "attach().fit": Attached,
    "fit_stream": Stream,
    "Keras fit, jit_compile": KerasJit,
    "tf.function by hand": ByHand,
    "tf.data alone": Data,
}
