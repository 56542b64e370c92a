"""`tfloss.attach`: a formula in a Keras model of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tfloss.formula import Node
from tfloss.keras_integration.model import Attached
from tfloss.objective import GradientMonitor
from tfloss.registry import Declaration
from tfloss.training.options import OnNan


def attach(
    model: Any,
    formula: str | Node,
    *,
    teacher: Any = None,
    columns: Sequence[str] = (),
    losses: Sequence[Declaration] = (),
    networks: Mapping[str, Any] | None = None,
    task: Literal["classification", "regression"] | None = None,
    from_logits: bool | None = None,
    ignore_class: int | None = None,
    steps_per_epoch: int | None = None,
    allow_negative: bool = False,
    on_nan: OnNan = "stop",
    teacher_fit: str = "auto",
    teacher_calibrate: str = "auto",
    cache: str | Path | None = None,
    watch: GradientMonitor | str | None = None,
    seed: int | None = None,
) -> Attached:
    """A Keras model that trains yours to minimise a formula; yours stays yours.

        model = tfloss.attach(model, "bce + 0.1*abs_kl + 1e-3*l2(dense_1)", teacher=forest)
        model.compile("adam", metrics=["accuracy"])
        model.fit(x, y, validation_split=0.2)

    The formula sees the model's inputs (`inputs`, or each by its name), its output as `logits`,
    `probs` and `prediction` with the `labels` for it (with several outputs `NAME.logits`,
    `NAME.labels` and so on), every layer by its name ('dense_1', 'encoder.dense_1' inside of a
    model), what `tfloss.tap` named, the weights, teachers' predictions and your own columns.

    Args:
        model: a functional, Sequential or subclassed Keras model.
        formula: text or tree.
        teacher: an estimator, a name ('gpc', 'rf:n_estimators=50') or a Keras model, called
            `teacher` in the formula; or a dictionary of them by name. What is fitted is asked once
            about the arrays that `fit` gets, and about each batch of a dataset. What is not fitted
            is fitted by `fit`, which then needs arrays: on the rows that train, out of fold.
        columns: names of tensors that come next to inputs and labels in a dictionary: in `x`, as
            `{"inputs": x, "slope": slope}`, or in `y`, as `{"labels": y, "slope": slope}`.
        losses: declared with `tfloss.loss` in your program, in addition to those of the plugins.
        networks: frozen networks that the formula calls, by name: Keras models or `.keras` files.
        task: whether an output without activation is logits of classes or a quantity; by default
            it is classes where the formula uses `logits` or `probs`.
        from_logits: whether the output is logits; by default a sigmoid or softmax that made it
            is looked for, and the logits are taken from before it.
        ignore_class: the class number of labels that are missing, as 255 of void pixels or -1; of
            outputs that the formula takes for classes.
        steps_per_epoch: turns epochs of schedules into steps; default: what Keras counts.
        allow_negative: accept coefficients below zero.
        on_nan: at a step whose total, or a weight after it, would not be finite: 'stop' raises
            NumericsError, with the weights before that step; 'skip' leaves the step out, unless all
            steps of an epoch are such; 'lower' repeats it with half the learning rate, ten times at
            most, unless the data themselves are not finite. `compile(on_nan=…)` overrides it.
        teacher_fit, teacher_calibrate, cache: as for `tfloss.fit`, of teachers that `fit` fits.
        watch: as for `tfloss.fit`; `model.remarks` says what was seen.
        seed: of their folds and random states; default: that of `keras.utils.set_random_seed`,
            else 0.

    Raises:
        FormulaError: the formula does not fit the model; with the position.
        UsageError: two things of one name, or something that cannot teach.
    """
    return Attached(
        model,
        formula,
        teacher=teacher,
        columns=columns,
        losses=losses,
        networks=networks,
        task=task,
        from_logits=from_logits,
        ignore_class=ignore_class,
        steps_per_epoch=steps_per_epoch,
        allow_negative=allow_negative,
        on_nan=on_nan,
        teacher_fit=teacher_fit,
        teacher_calibrate=teacher_calibrate,
        cache=cache,
        watch=watch,
        seed=seed,
    )
