"""A training that was interrupted ends with the same bytes as one that was not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.reliability.builders import StoppedAt, digest_of_state, student
from tfloss.data import Classes
from tfloss.errors import DataError, Interrupted, UsageError
from tfloss.training.loop import chunk_size, dataset

FORMULA = (
    "bce + linear(0, 1, epochs=3)*binary_kl"
    " + 0.1*centre(labels, hidden) + 0.01*cosface(labels, hidden)"
)
EPOCHS, BATCH = 4, 8

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "accumulating": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=3),
    "averaging": lambda: keras.optimizers.AdamW(use_ema=True, ema_overwrite_frequency=5),
    "scheduled": lambda: keras.optimizers.RMSprop(keras.optimizers.schedules.CosineDecay(0.01, 20)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(), dynamic_growth_steps=3
    ),
    "adamax": keras.optimizers.Adamax,
    "adadelta": keras.optimizers.Adadelta,
    "adafactor": keras.optimizers.Adafactor,
    "adagrad": keras.optimizers.Adagrad,
    "ftrl": keras.optimizers.Ftrl,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
    "nadam": keras.optimizers.Nadam,
    "schedulefree": keras.optimizers.ScheduleFreeAdamW,
}
FACTORS = list(itertools.product(("dropout", "norm"), ("mid", "epoch"), ("memory", "stream")))


def combinations():
    """24: three times every place, layer and source; shuffled or not; every optimizer."""
    names = list(OPTIMIZERS)
    for number in range(24):
        layer, place, source = FACTORS[number % 8]
        shuffle = (number // 8 + number) % 2 == 0
        yield number, names[number % len(names)], layer, shuffle, place, source


SMALL = (0, 5, 6)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Three steps in a call, so that an epoch of eight has a midst."""
    monkeypatch.setattr(chunk_size, "_STEPS", dict.fromkeys(("xla", "graph", "eager"), 3))
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 3 * BATCH * 4 * 32)


@pytest.fixture(scope="module")
def data():
    return tfloss.load_data("breast_cancer", train_size=60, test_size=30)


def train(data, source, optimizer, layer, shuffle, where, **options):
    """A new student, as a new process would make it."""
    more = {"optimizer": OPTIMIZERS[optimizer](), "seed": 3, "epochs": EPOCHS, **options}
    model = student(layer)
    if source == "memory":
        return tfloss.fit(
            FORMULA, data, model, teacher="lr", batch_size=BATCH,
            batches="shuffled" if shuffle else "sequential",
            checkpoint=where, compile="graph", **more,
        )  # fmt: skip
    part = data.train
    teacher = part.labels * 0.8 + 0.1
    rows = tf.data.Dataset.from_tensor_slices(
        {"inputs": part.inputs, "labels": part.labels, "teacher": teacher}
    )
    rows = rows.shuffle(40, seed=5) if shuffle else rows
    return tfloss.fit_stream(
        FORMULA, rows.batch(7), model, steps_per_epoch=8, batch_size=BATCH,
        checkpoint=where, compile="graph", **more,
    )  # fmt: skip


RESULTS = {}


def uninterrupted(data, *what):
    """Without checkpoints; once for all tests."""
    if what not in RESULTS:
        RESULTS[what] = train(data, *what, None)
    return RESULTS[what]


@pytest.mark.parametrize(
    ("number", "optimizer", "layer", "shuffle", "place", "source"),
    list(combinations()),
    ids=lambda value: str(value),
)
def test_resume_is_exact(
    data, tmp_path, full_size, number, optimizer, layer, shuffle, place, source
):
    if not full_size and number not in SMALL:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    what = (data, source, optimizer, layer, shuffle)
    whole = uninterrupted(*what)
    stop = 13 if place == "mid" else 16  # of 32 steps
    with (
        StoppedAt(stop, tmp_path / "part") as kept,
        pytest.raises(Interrupted, match=r"Interrupted at step \d+; all of it is saved"),
    ):
        train(*what, kept)
    assert kept.stopped_at % 8 == (0 if place == "epoch" else kept.stopped_at % 8)
    assert 0 < kept.stopped_at < 32
    assert place == "epoch" or kept.stopped_at % 8, "the midst of an epoch"
    resumed = train(*what, tmp_path / "part", resume=True)
    assert digest_of_state(resumed) == digest_of_state(whole)
    for name in ("total", *whole.history.names):
        for split in ("train", "holdout"):
            one, other = (r.history.column(name, split) for r in (resumed, whole))
            np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:Step .* was left out")
@pytest.mark.parametrize("source", ["memory", "stream"])
def test_steps_left_out_are_counted_over_an_interruption(data, tmp_path, source):
    """In the averages of the epoch that is under way, and in what `Result.events` tells."""
    labels = data.train.labels.copy()
    labels[5] = np.nan  # in steps 0 and 8, before the interruption, and in later epochs again
    part = replace(data.train, values={**data.train.values, "labels": labels})
    what = (replace(data, train=part), source, "adam", "norm", False)
    whole = train(*what, None, on_nan="skip")
    with StoppedAt(13, tmp_path) as kept, pytest.raises(Interrupted):
        train(*what, kept, on_nan="skip")
    assert kept.stopped_at % 8, "the midst of an epoch"
    resumed = train(*what, tmp_path, resume=True, on_nan="skip")
    times = {"memory": 4, "stream": 5}[source]  # the stream goes over its 60 rows in 7.5 steps
    assert whole.events == [f"{times} steps were left out, since they were not finite."]
    assert resumed.events == whole.events
    assert digest_of_state(resumed) == digest_of_state(whole)
    for name in ("total", *whole.history.names):
        one, other = (r.history.column(name) for r in (resumed, whole))
        np.testing.assert_array_equal(one, other)


def test_weights_in_parts_are_those_of_whole_epochs(data, monkeypatch):
    """The parts change nothing: an epoch in one call ends alike, up to rounding."""
    parts = uninterrupted(data, "memory", "sgd", "norm", True)
    monkeypatch.undo()
    whole = train(data, "memory", "sgd", "norm", True, None)
    for one, other in zip(
        parts.student.model.get_weights(), whole.student.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_finished_training_is_not_trained_again(data, tmp_path):
    """The averaged weights, which an optimizer sets at the end, included."""
    what = (data, "memory", "averaging", "dropout", True)
    whole = train(*what, tmp_path)
    seen = []
    again = train(*what, tmp_path, resume=True, on_progress=seen.append)
    assert digest_of_state(again) == digest_of_state(whole)
    assert not seen


def test_another_training_is_refused_with_the_difference(data, tmp_path):
    options = {"teacher": "lr", "epochs": 1, "batch_size": 8, "optimizer": "adam", "seed": 3}
    tfloss.fit("bce + kl", data, "mlp:4", checkpoint=tmp_path, **options)

    def refused(match, formula="bce + kl", rows=data, model="mlp:4", **other):
        with pytest.raises(UsageError, match=match) as error:
            tfloss.fit(
                formula, rows, model, checkpoint=tmp_path, resume=True, **{**options, **other}
            )
        return str(error.value)

    refused(r"formula: bce \+ kl in the checkpoint, bce \+ 2\*kl now", formula="bce + 2*kl")
    refused(r"model\[0\]: mlp:4 in the checkpoint, mlp:5 now", model="mlp:5")
    refused(r"model\[.\]\.units: 4 in the checkpoint, 5 now", model="mlp:5")
    refused("optimizer: adam in the checkpoint, sgd now", optimizer="sgd")
    refused("seed: 3 in the checkpoint, 4 now", seed=4)
    refused(r"teachers\[0\]: lr in the checkpoint, knn now", teacher="knn")
    refused("epochs: 1 in the checkpoint, 2 now", epochs=2)
    other = tfloss.load_data("breast_cancer", train_size=60, test_size=30, seed=1)
    assert "data.sha256" in refused("data.sha256", rows=other)
    order = Classes(data.classes.values[::-1], tuple(reversed(data.classes.names)))
    refused(
        r'classes: \["0", "1"\] in the checkpoint, \["1", "0"\] now',
        rows=replace(data, classes=order),
    )
    with pytest.raises(UsageError, match="pass resume=True"):
        tfloss.fit("bce + kl", data, "mlp:4", checkpoint=tmp_path, **options)
    with pytest.raises(UsageError, match="pass the folder"):
        tfloss.fit("bce + kl", data, "mlp:4", resume=True, **options)


def test_a_stream_that_does_not_repeat_is_noticed(data, tmp_path):
    part = data.train
    columns = {"inputs": part.inputs, "labels": part.labels}
    rows = tf.data.Dataset.from_tensor_slices(columns).batch(8)
    other = tf.data.Dataset.from_tensor_slices(
        {"inputs": part.inputs + 1e-6, "labels": part.labels}
    ).batch(8)
    options = {"steps_per_epoch": 4, "batch_size": 8, "epochs": 3}
    with StoppedAt(6, tmp_path) as kept, pytest.raises(Interrupted):
        tfloss.fit_stream("bce", rows, student("norm"), checkpoint=kept, **options)
    with pytest.raises(DataError, match="does not repeat: its batch"):
        tfloss.fit_stream(
            "bce", other, student("norm"), checkpoint=tmp_path, resume=True, **options
        )


def test_a_damaged_checkpoint_gives_way_to_the_one_before(data, tmp_path):
    what = (data, "memory", "adam", "dropout", True)
    with StoppedAt(20, tmp_path, every="6steps") as kept, pytest.raises(Interrupted):
        train(*what, kept)
    older, newest = sorted(tmp_path.glob("step-*.npz"))
    whole = uninterrupted(*what)
    damage(newest)
    with pytest.warns(UserWarning, match="The checkpoint before it is taken"):
        resumed = train(*what, tmp_path, resume=True, checkpoint_every="never")
    assert digest_of_state(resumed) == digest_of_state(whole)
    assert not older.exists(), "the newest two are kept"
    for path in tmp_path.glob("step-*.npz"):
        damage(path)
    with (
        pytest.warns(UserWarning, match="cannot be read"),
        pytest.raises(DataError, match=r"No checkpoint in .* can be read"),
    ):
        train(*what, tmp_path, resume=True)


def damage(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_callbacks_go_on_as_they_were(data, tmp_path):
    """Early stopping counts on from where it was, and knows the best weights."""

    def callbacks():
        stop = keras.callbacks.EarlyStopping("loss", mode="max", patience=2)
        stop.restore_best_weights = True
        return [stop, keras.callbacks.ReduceLROnPlateau("loss", mode="max", patience=1)]

    what = (data, "memory", "sgd", "norm", True)
    whole = train(*what, None, callbacks=callbacks())
    assert len(whole.history) == 3, "it stops early"
    with StoppedAt(16, tmp_path) as kept, pytest.raises(Interrupted):
        train(*what, kept, callbacks=callbacks())
    resumed = train(*what, tmp_path, resume=True, callbacks=callbacks())
    assert len(resumed.history) == 3
    assert digest_of_state(resumed) == digest_of_state(whole)
    with pytest.raises(UsageError, match="callbacks: "):
        train(*what, tmp_path, resume=True)
