"""Trainings in TensorFlow and Keras that tfloss is compared with.

Each takes a workload and returns a function that trains: `train(epochs)`. All record the mean of
each term over every epoch, and the terms on the holdout after it. A function that returns a number
has measured its steps per second itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, TEACHER_WEIGHT, Workload

Train = Callable[[int], Any]


def tfloss_fit(workload: Workload, **options: Any) -> Train:
    """`tfloss.fit`; what it answers leaves out the time until the first chunk has been compiled."""
    import tfloss
    from tfloss.data import Table, prepare

    columns = workload.columns()
    table = Table(
        columns["inputs"], columns["labels"][:, 0], columns={"teacher": columns["teacher"]}
    )
    data = prepare(table, train_size=workload.rows, test_size=workload.holdout, scale="none")
    least = 1  # epochs that are several chunks, so that the clock runs

    def train(epochs: int) -> float:
        nonlocal least
        clock = _Clock(workload)
        tfloss.fit(
            FORMULA,
            data,
            _model(workload),
            optimizer=f"sgd:learning_rate={LEARNING_RATE}",
            epochs=max(epochs, least),
            batch_size=workload.batch,
            compile="xla",
            on_progress=clock,
            **options,
        )
        if clock.ran:
            return clock.rate
        least = 4 * max(epochs, least)
        return train(epochs)

    return train


def tfloss_fit_stream(workload: Workload, whole: bool = False) -> Train:
    """`tfloss.fit_stream` on a `tf.data.Dataset` of rows, or of whole batches, shuffled."""
    import tfloss

    _, holdout = _split(workload)
    batches = _batches(workload, whole)

    def train(epochs: int) -> float:
        clock = _Clock(workload)
        tfloss.fit_stream(
            FORMULA,
            batches,
            _model(workload),
            steps_per_epoch=workload.steps_per_epoch,
            batch_size=workload.batch,
            epochs=max(epochs, 2),
            holdout=holdout,
            optimizer=f"sgd:learning_rate={LEARNING_RATE}",
            compile="xla",
            on_progress=clock,
        )
        return clock.rate

    return train


def data_alone(workload: Workload) -> Train:
    """The rows that `fit_stream` is given, batched and shuffled, and nothing trained on them."""
    epochs_of_rows = _batches(workload).repeat().rebatch(workload.rows)

    def train(epochs: int) -> None:
        for _ in epochs_of_rows.take(epochs):  # nothing is made ahead when it is another's turn
            pass

    return train


def _batches(workload: Workload, whole: bool = False) -> Any:
    """A `tf.data.Dataset` of shuffled batches, from single rows or from whole batches."""
    import tensorflow as tf

    rows, _ = _split(workload)
    steps = workload.steps_per_epoch
    if whole:
        rows = {name: c.reshape(steps, workload.batch, -1) for name, c in rows.items()}
        return tf.data.Dataset.from_tensor_slices(rows).shuffle(steps)
    return tf.data.Dataset.from_tensor_slices(rows).batch(workload.batch).shuffle(steps)


class _Clock:
    """Watches a training, and knows its steps per second after the first chunk of epochs."""

    def __init__(self, workload: Workload) -> None:
        self._steps_per_epoch = workload.steps_per_epoch
        self._seen: list[tuple[int, float]] = []

    def __call__(self, history: Any) -> None:
        self._seen.append((history.latest.number, time.perf_counter()))

    @property
    def ran(self) -> bool:
        return len(self._seen) > 1

    @property
    def rate(self) -> float:
        (first, began), (last, ended) = self._seen[0], self._seen[-1]
        return (last - first) * self._steps_per_epoch / (ended - began)


def _model(workload: Workload) -> Any:
    import keras

    layers = [keras.layers.Dense(units, activation="sigmoid") for units in workload.hidden]
    model = keras.Sequential([keras.Input((workload.features,)), *layers, keras.layers.Dense(1)])
    model.set_weights(workload.weights())
    return model


def _split(workload: Workload) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    columns = workload.columns()
    train = {name: column[: workload.rows] for name, column in columns.items()}
    return train, {name: column[workload.rows :] for name, column in columns.items()}


def _terms(logits: Any, labels: Any, teacher: Any) -> tuple[Any, Any]:
    """The two terms as a user of TensorFlow writes them."""
    import tensorflow as tf

    bce = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
    ratio = tf.math.log_sigmoid(logits) - tf.math.log(teacher)
    return bce, TEACHER_WEIGHT * tf.abs(tf.reduce_sum(tf.sigmoid(logits) * ratio))


def keras_fit(workload: Workload, **compile_options: Any) -> Train:
    """`Model.fit` with a loss of one's own; the teacher's column rides beside the labels."""
    import keras

    def bce(y_true: Any, logits: Any) -> Any:
        return _terms(logits, y_true[:, :1], y_true[:, 1:])[0]

    def abs_kl(y_true: Any, logits: Any) -> Any:
        return _terms(logits, y_true[:, :1], y_true[:, 1:])[1]

    def loss(y_true: Any, logits: Any) -> Any:
        first, second = _terms(logits, y_true[:, :1], y_true[:, 1:])
        return first + second

    model = _model(workload)
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    model.compile(optimizer, loss, metrics=[bce, abs_kl], **compile_options)
    train, holdout = _split(workload)

    def beside(part: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([part["labels"], part["teacher"]], axis=1)

    return lambda epochs: model.fit(
        train["inputs"],
        beside(train),
        batch_size=workload.batch,
        epochs=epochs,
        verbose=0,
        validation_data=(holdout["inputs"], beside(holdout)),
        validation_batch_size=workload.holdout,
    )


def keras_distiller(workload: Workload) -> Train:
    """`keras.distillation.Distiller`: the teacher must be a network; it is a student's copy.

    Its second term is the mean squared error of the logits, for a formula is not what it takes.
    """
    import keras
    from keras import distillation

    distiller = distillation.Distiller(
        teacher=_model(workload),
        student=_model(workload),
        distillation_losses=distillation.LogitsDistillation(loss="mse"),
        student_loss_weight=1.0,
    )
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    distiller.compile(optimizer=keras.optimizers.SGD(LEARNING_RATE), loss=bce)
    train, holdout = _split(workload)
    return lambda epochs: distiller.fit(
        train["inputs"],
        train["labels"],
        batch_size=workload.batch,
        epochs=epochs,
        verbose=0,
        validation_data=(holdout["inputs"], holdout["labels"]),
        validation_batch_size=workload.holdout,
    )


class _ByHand:
    """Raw TensorFlow: variables, a step of gradient descent, and the holdout's terms."""

    def __init__(self, workload: Workload) -> None:
        import tensorflow as tf

        self.variables = [tf.Variable(w) for w in workload.weights()]
        train, holdout = _split(workload)
        self.train = [tf.constant(train[n]) for n in ("inputs", "labels", "teacher")]
        self.holdout = [tf.constant(holdout[n]) for n in ("inputs", "labels", "teacher")]

    def terms(self, inputs: Any, labels: Any, teacher: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        hidden, weights = inputs, self.variables
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            hidden = tf.sigmoid(hidden @ kernel + bias)
        return _terms(hidden @ weights[-2] + weights[-1], labels, teacher)

    def step(self, rows: Any) -> Any:
        import tensorflow as tf

        batch = [tf.gather(column, rows) for column in self.train]
        with tf.GradientTape() as tape:
            terms = self.terms(*batch)
            total = terms[0] + terms[1]
        for variable, gradient in zip(
            self.variables, tape.gradient(total, self.variables), strict=True
        ):
            variable.assign_sub(LEARNING_RATE * gradient)
        return tf.stack(terms)

    def on_holdout(self) -> Any:
        import tensorflow as tf

        return tf.stack(self.terms(*self.holdout))


def tf_function_step(workload: Workload, **options: Any) -> Train:
    """A hand-written step in a `tf.function`, called from a loop in Python."""
    import tensorflow as tf

    hand = _ByHand(workload)
    step = tf.function(hand.step, autograph=False, **options)
    evaluate = tf.function(hand.on_holdout, autograph=False, **options)
    generator = np.random.default_rng(0)

    def train(epochs: int) -> list[Any]:
        log = []
        for _ in range(epochs):
            order = generator.permutation(workload.rows).astype(np.int32)
            batches = order.reshape(-1, workload.batch)
            terms = sum(step(tf.constant(rows)) for rows in batches) / len(batches)
            log.append((terms.numpy(), evaluate().numpy()))
        return log

    return train


def xla_whole_loop(workload: Workload) -> Train:
    """All epochs in one hand-written XLA program on raw variables: the limit within TensorFlow.

    It gets the same flags for XLA as tfloss sets.
    """
    import tensorflow as tf

    from tfloss.training.program.xla import prepare_xla

    prepare_xla()
    return _xla_whole_loop(workload, tf)


def xla_whole_loop_default(workload: Workload) -> Train:
    """The same with XLA's flags as they come."""
    import tensorflow as tf

    return _xla_whole_loop(workload, tf)


def _xla_whole_loop(workload: Workload, tf: Any) -> Train:
    hand = _ByHand(workload)
    generator = np.random.default_rng(0)

    @tf.function(jit_compile=True, autograph=False)
    def program(order: Any) -> Any:
        def epoch(number: Any, log: Any) -> Any:
            def one(index: Any, sums: Any) -> Any:
                return index + 1, sums + hand.step(order[number, index])

            steps = workload.steps_per_epoch
            _, sums = tf.while_loop(lambda i, _: i < steps, one, (0, tf.zeros(2)))
            row = tf.concat([sums / steps, hand.on_holdout()], 0)
            return number + 1, tf.tensor_scatter_nd_update(log, [[number]], [row])

        count = order.shape[0]
        return tf.while_loop(lambda n, _: n < count, epoch, (0, tf.zeros((count, 4))))[1]

    def train(epochs: int) -> Any:
        rows = [generator.permutation(workload.rows) for _ in range(epochs)]
        order = np.stack(rows).reshape(epochs, -1, workload.batch).astype(np.int32)
        return program(tf.constant(order)).numpy()

    return train


def tf1_session(workload: Workload) -> Train:
    """The founding article's way: a TensorFlow 1 session, one `run` per step."""
    import tensorflow as tf

    tf1 = tf.compat.v1
    graph = tf1.Graph()
    train_columns, holdout = _split(workload)
    generator = np.random.default_rng(0)
    with graph.as_default():
        feeds = [tf1.placeholder(tf.float32, [None, w]) for w in (workload.features, 1, 1)]
        weights = [
            tf1.get_variable(f"w{i}", initializer=w) for i, w in enumerate(workload.weights())
        ]
        hidden = feeds[0]
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            hidden = tf.sigmoid(tf.matmul(hidden, kernel) + bias)
        terms = _terms(tf.matmul(hidden, weights[-2]) + weights[-1], feeds[1], feeds[2])
        step = tf1.train.GradientDescentOptimizer(LEARNING_RATE).minimize(terms[0] + terms[1])
        session = tf1.Session(graph=graph)
        session.run(tf1.global_variables_initializer())

    names = ("inputs", "labels", "teacher")

    def train(epochs: int) -> list[Any]:
        log = []
        for _ in range(epochs):
            sums = np.zeros(2)
            order = generator.permutation(workload.rows).reshape(-1, workload.batch)
            for rows in order:
                batch = {f: train_columns[n][rows] for f, n in zip(feeds, names, strict=True)}
                sums += session.run([*terms, step], batch)[:2]
            seen = session.run(terms, {f: holdout[n] for f, n in zip(feeds, names, strict=True)})
            log.append((sums / len(order), seen))
        return log

    return train
