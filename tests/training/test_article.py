"""tfloss's weights follow the article's own graph, step for step."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training import article_graph
from tfloss.data import Columns, load_dataset, prepare
from tfloss.objective import Objective
from tfloss.student import make_student
from tfloss.teachers import fit_teachers
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import train
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.optimizers import make_optimizer
from tfloss.training.scope import full_scope

STEPS = 200
RATE = 0.02  # the article's learning rate; tfloss averages over the batch, so it takes N times that


@pytest.mark.parametrize("train_size", [5, 40])
@pytest.mark.parametrize(("formula", "teacher_weight"), [("bce", None), ("bce + 0.1*abs_kl", 0.1)])
@pytest.mark.parametrize("compile", ["xla", "graph"])
def test_weights_follow_the_articles_graph(registry, train_size, formula, teacher_weight, compile):
    data = prepare(load_dataset("breast_cancer", registry), train_size=train_size)
    teacher = fit_teachers("gpc", data, registry, fit="train")["teacher"]
    student = make_student(
        "mlp:10,10,init=article", inputs=data.n_features, outputs=1, registry=registry, seed=3
    )
    start = [variable.numpy() for variable in student.forward_model.trainable_variables]

    order = BatchOrder(train_size, batch_size=5, seed=7)
    epochs = STEPS // order.steps_per_epoch
    optimizer = make_optimizer(f"sgd:learning_rate={5 * RATE}")
    columns = Columns({**data.train.values, "teacher": teacher.predictions_train})
    scope = full_scope(student, data, {"teacher": "gpc"})
    loss = StudentLoss(student, Objective(formula, registry, scope))
    rows = as_tensors(columns, loss.objective.needs)
    engine = Engine(loss, optimizer, rows, batch_size=5, compile=compile)
    train(ArraySource(engine, order), epochs, callbacks=Callbacks((), student.model, optimizer))
    ours = [variable.numpy() for variable in student.forward_model.trainable_variables]

    rows = order.epochs(0, epochs).reshape(-1, 5)
    batches = [
        (data.train.inputs[r], data.train.labels[r], teacher.predictions_train[r]) for r in rows
    ]
    theirs = article_graph.train(start, batches, learning_rate=RATE, teacher_weight=teacher_weight)

    assert len(batches) == STEPS
    moved = max(np.abs(a - b).max() for a, b in zip(start, theirs, strict=True))
    assert moved > 0.05
    for our_weights, their_weights in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our_weights, their_weights, rtol=0, atol=1e-5)
