"""Streams: the same training as in memory, from a `tf.data.Dataset`."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import (
    FORMULA,
    assert_same_weights,
    by_hand,
    columns,
    engine_of,
    mlp,
)
from tfloss.errors import DataError, NumericsError, UsageError
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.loop import dataset as dataset_source
from tfloss.training.stream import fit_stream

ROWS, BATCH = 20, 5
DATA = columns(ROWS)


def dataset(rows_per_element=BATCH, **more):
    values = {**DATA.values, **more}
    return tf.data.Dataset.from_tensor_slices(values).batch(rows_per_element)


def fitted(registry, data, model=None, formula=FORMULA, **options):
    model = model or mlp()
    options = {"optimizer": keras.optimizers.SGD(0.1), "steps_per_epoch": 4, "epochs": 3} | options
    return fit_stream(formula, data, model, batch_size=BATCH, registry=registry, **options)


def after_rows(model, rows):
    """A model, trained on these rows by hand."""
    by_hand(model, keras.optimizers.SGD(0.1), DATA, np.array([list(rows)]), BATCH)
    return model


def in_memory(registry, epochs=3, **options):
    engine = engine_of(registry, model := mlp(), train=DATA, compile="graph", **options)
    order = np.tile(np.arange(ROWS, dtype=np.int32), (epochs, 1))
    return model, engine.run(order, 0)


@pytest.mark.parametrize("how", ["xla", "graph", "eager"])
@pytest.mark.parametrize("rows_per_element", [5, 3, 20, 1])
def test_the_same_batches_train_the_same_way(registry, how, rows_per_element):
    model = mlp()
    data, holdout = dataset(rows_per_element), columns(9, seed=2)
    result = fitted(registry, data, model, compile=how, holdout=holdout.values)
    other, log = in_memory(registry, holdout=holdout)
    assert_same_weights(model, other)
    assert result.compiled_as == how
    assert result.history.names == ("bce", "abs_kl")
    for number, name in enumerate(("total", "bce", "abs_kl")):
        np.testing.assert_allclose(result.history.column(name), log.train[:, number], rtol=1e-5)
        seen = result.history.column(name, "holdout")
        np.testing.assert_allclose(seen, log.holdout[:, number], rtol=1e-5)


@pytest.mark.parametrize("block_rows", [1, 7, 10, 15])
def test_blocks_that_do_not_fit_epochs_change_nothing(registry, monkeypatch, block_rows):
    """Blocks of one, two and three batches beside epochs of four: one program, no row left out."""
    monkeypatch.setattr(dataset_source, "BLOCK_BYTES", block_rows * 8 * 4)
    model = mlp()
    result = fitted(registry, dataset(), model, compile="xla")
    assert_same_weights(model, in_memory(registry)[0])
    assert result.traces == 1


@pytest.mark.parametrize("how", ["xla", "graph"])
def test_several_short_epochs_in_a_call(registry, how):
    """40 epochs, four in a block and the last block not full, equal 40 one by one."""
    holdout = columns(9, seed=2)
    calls, model = [], mlp()
    result = fitted(
        registry,
        dataset(),
        model,
        epochs=38,
        compile=how,
        holdout=holdout.values,
        on_progress=lambda history: calls.append(history[-1].step),
    )
    assert calls == [*range(16, 150, 16), 152]  # four steps of each epoch
    other, log = in_memory(registry, epochs=38, holdout=holdout)
    assert_same_weights(model, other)
    for number, name in enumerate(("total", "bce", "abs_kl")):
        np.testing.assert_allclose(result.history.column(name), log.train[:, number], rtol=1e-4)
        seen = result.history.column(name, "holdout")
        np.testing.assert_allclose(seen, log.holdout[:, number], rtol=1e-4)


def test_no_more_is_read_than_is_trained_on(registry):
    read = []

    def rows():
        for start in range(0, ROWS, BATCH):
            read.append(start)
            yield {name: column[start : start + BATCH] for name, column in DATA.values.items()}

    signature = {
        name: tf.TensorSpec((BATCH, *column.shape[1:]), column.dtype)
        for name, column in DATA.values.items()
    }
    data = tf.data.Dataset.from_generator(rows, output_signature=signature)
    fitted(registry, data, epochs=25)
    assert 100 <= len(read) <= 110  # ten batches are read together


def test_a_training_cut_off_within_a_block_goes_on(registry, tmp_path):
    """Blocks hold three epochs; the checkpoint lies within one, later blocks across epochs."""
    kept, model = {"checkpoint": tmp_path / "kept"}, mlp()

    def stop(history):
        if history[-1].step >= 28:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(
            registry,
            dataset(),
            epochs=30,
            checkpoint_every="5steps",
            on_progress=stop,
            compile="graph",
            **kept,
        )
    result = fitted(registry, dataset(), model, epochs=30, resume=True, compile="graph", **kept)
    assert len(result.history) == 30
    other, log = in_memory(registry, epochs=30)
    assert_same_weights(model, other)
    np.testing.assert_allclose(result.history.column("total"), log.train[:, 0], rtol=1e-4)


def test_epochs_may_end_in_the_midst_of_the_rows(registry):
    """Twelve steps are three passes over four batches, in however many epochs they are counted."""
    model = mlp()
    history = fitted(registry, dataset(), model, steps_per_epoch=6, epochs=2).history
    assert [epoch.step for epoch in history] == [6, 12]
    assert_same_weights(model, in_memory(registry)[0])


def test_generators_float64_and_columns_that_nobody_asked_for(registry):
    def rows():
        for start in range(0, ROWS, BATCH):
            part = {n: c[start : start + BATCH].astype(np.float64) for n, c in DATA.values.items()}
            yield {**part, "unused": np.array([["text"]] * BATCH)}

    signature = {
        name: tf.TensorSpec((None, *column.shape[1:]), tf.float64)
        for name, column in DATA.values.items()
    }
    signature["unused"] = tf.TensorSpec((None, 1), tf.string)
    model = mlp()
    fitted(registry, tf.data.Dataset.from_generator(rows, output_signature=signature), model)
    assert_same_weights(model, in_memory(registry)[0])


def test_records_from_files(registry, tmp_path):
    path = str(tmp_path / "rows.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for row in range(ROWS):
            features = {
                n: tf.train.Feature(float_list=tf.train.FloatList(value=c[row]))
                for n, c in DATA.values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    parsed = {n: tf.io.FixedLenFeature(c.shape[1:], tf.float32) for n, c in DATA.values.items()}
    data = tf.data.TFRecordDataset(path).batch(BATCH)
    model = mlp()
    fitted(registry, data.map(lambda rows: tf.io.parse_example(rows, parsed)), model)
    assert_same_weights(model, in_memory(registry)[0])


def test_sample_weights_count(registry):
    weight = np.zeros(ROWS, np.float32)
    still, moved = mlp(), mlp()
    fitted(registry, dataset(sample_weight=weight), still, formula="bce")
    fitted(registry, dataset(sample_weight=weight + 1), moved, formula="bce")
    assert_same_weights(still, mlp())
    assert np.abs(moved.get_weights()[0] - still.get_weights()[0]).max() > 1e-3


def test_callbacks_look_at_epochs(registry):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)
    assert len(fitted(registry, dataset(), epochs=9, callbacks=[stop]).history) == 2


def test_a_student_is_built_for_the_columns(registry):
    result = fitted(registry, dataset(), "mlp:3", precision="mixed_bfloat16")
    assert result.student.forward_model.input_shape == (None, 6)
    assert result.student.n_outputs == 1
    assert result.student.model.layers[-1].compute_dtype == "bfloat16"


def test_what_cannot_be_streamed_is_refused(registry):
    pairs = tf.data.Dataset.from_tensor_slices((DATA.values["inputs"], DATA.values["labels"]))
    with pytest.raises(DataError, match="dictionaries of batches"):
        fitted(registry, pairs.batch(5))
    with pytest.raises(DataError, match="batch the dataset"):
        fitted(registry, tf.data.Dataset.from_tensor_slices(DATA.values))
    with pytest.raises(DataError, match="has no rows"):
        fitted(registry, dataset().take(0))
    with pytest.raises(UsageError, match="'logits'"):
        fitted(registry, dataset(logits=DATA.values["labels"]))


def test_the_result_predicts_scores_and_shows_itself(registry):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(12, DATA.inputs.shape[1])).astype(np.float32)
    labels = (inputs[:, :1] > 0).astype(np.float32)
    result = fit_stream(
        "bce",
        dataset(),
        mlp(),
        steps_per_epoch=4,
        batch_size=BATCH,
        holdout={"inputs": inputs, "labels": labels},
        registry=registry,
    )
    chosen = result.predict(inputs).argmax(axis=1)
    accuracy = float((chosen == labels[:, 0]).mean())
    assert result.scores["student on holdout"]["accuracy"] == pytest.approx(accuracy)
    assert "student on holdout" in str(result)
    assert "<" in result._repr_html_()
    assert result.plot().axes
    with pytest.raises(DataError, match="have shape"):
        result.predict(inputs[:, :1])


def test_checkpoints_come_after_as_many_steps_as_was_asked_for(registry, tmp_path, monkeypatch):
    saved, save = [], Checkpoints.save
    monkeypatch.setattr(
        Checkpoints, "save", lambda self, *a: (saved.append(a[2].step(10)), save(self, *a))
    )
    fit_stream(
        "bce",
        dataset(),
        mlp(),
        steps_per_epoch=10,
        batch_size=BATCH,
        epochs=2,
        registry=registry,
        compile="graph",
        checkpoint=tmp_path / "kept",
        checkpoint_every="3steps",
    )
    assert saved == [3, 6, 9, 12, 15, 18, 20]


def test_a_callback_sees_every_batch_and_ends_the_training_at_once(registry):
    class ThreeBatches(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(logs["loss"])
            self.model.stop_training = len(self.seen) == 3

    model, other, counting = mlp(), mlp(), ThreeBatches()
    result = fitted(registry, dataset(), model, epochs=4, callbacks=[counting])
    assert len(result.history) == 1
    np.testing.assert_allclose(result.history.column("total"), counting.seen[-1], rtol=1e-6)
    assert_same_weights(model, after_rows(other, range(15)))


def test_a_step_that_is_not_finite_is_named_and_not_taken(registry):
    model, other = mlp(), mlp()
    teacher = DATA.values["teacher"].copy()
    teacher[6] = np.nan
    with pytest.raises(NumericsError, match=r"At step 1 .*'abs_kl'.* in row 6 of the stream"):
        fitted(registry, dataset(teacher=teacher), model)
    assert_same_weights(model, after_rows(other, range(5)))


def test_steps_that_are_not_finite_are_left_out_and_counted(registry):
    model, other = mlp(), mlp()
    teacher = DATA.values["teacher"].copy()
    teacher[6] = np.nan
    with pytest.warns(UserWarning, match="Step 1 was left out"):
        result = fitted(registry, dataset(teacher=teacher), model, epochs=1, on_nan="skip")
    assert result.events == ["1 step was left out, since it was not finite."]
    assert np.isfinite(result.history.column("total")).all()
    assert_same_weights(model, after_rows(other, [*range(5), *range(10, 20)]))


MEMORY = """
    import resource, sys
    import numpy as np, tensorflow as tf
    from tfloss.training import stream
    from tfloss.training.loop import dataset
    ROWS, WIDTH, BATCH, BLOCK = int(sys.argv[1]), 256, 64, 8 * 2**20
    dataset.BLOCK_BYTES = BLOCK
    def rows():
        generator = np.random.default_rng(0)
        for _ in range(ROWS // 1024):
            inputs = generator.normal(size=(1024, WIDTH)).astype(np.float32)
            yield {"inputs": inputs, "labels": (inputs[:, :1] > 0).astype(np.float32)}
    spec = {n: tf.TensorSpec((None, w), tf.float32) for n, w in (("inputs", WIDTH), ("labels", 1))}
    data = tf.data.Dataset.from_generator(rows, output_signature=spec)
    def train(steps):
        stream.fit_stream("bce", data, "mlp:8", steps_per_epoch=steps, batch_size=BATCH)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    small = train(2 * BLOCK // (BATCH * WIDTH * 4))
    print((train(ROWS // BATCH) - small) * 1024 / BLOCK)
"""


def test_memory_stays_flat_over_data_larger_than_blocks():
    """Of twenty blocks' worth of rows, what two blocks' worth did not take is below five blocks."""
    rows = 20 * 8 * 2**20 // (256 * 4)
    program = [sys.executable, "-c", textwrap.dedent(MEMORY), str(rows)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=300)
    grown = done.stdout
    assert float(grown.split()[-1]) < 5
