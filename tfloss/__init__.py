"""Write the loss as a formula; every name in it is a plugin or a tensor.

Train a network with it:

    import tfloss

    data = tfloss.load_data("breast_cancer", train_size=5)
    result = tfloss.fit("bce + 0.1*abs_kl", data, "mlp:10,10", teacher="gpc", epochs=200)
    print(result)

Put a formula into a Keras model of your own; compile, fit and save stay Keras':

    model = tfloss.attach(model, "bce + 0.1*abs_kl + 1e-3*l2(dense_1)", teacher="gpc")
    model.compile("adam", metrics=["accuracy"])
    model.fit(x, y, validation_split=0.2)

    history = tfloss.fit_model(model, (x, y), epochs=200)  # the same by the compiled engine

What a formula is made of:

    bce + 0.1*abs_kl                       terms: a number (or a schedule) times a loss
    kd(temperature=4), mse(hidden, slope)  settings by name; tensors by place or by name
    mse(softmax(logits/4), teacher)        an argument is a small expression of tensors
    tfloss.losses                          all losses: dir(tfloss.losses), help(tfloss.losses.kd)

Declare a loss of your own, to use in a formula like any other:

    from tfloss import tf

    @tfloss.loss
    def brier(labels, probs):
        return tf.reduce_sum((probs - labels) ** 2, axis=-1)

    result = tfloss.fit("brier + 0.1*kl", data, teacher="gpc", losses=[brier])

`@tfloss.balance` declares how several losses are weighed against each other (docs/balances.md).

Which function for what:

    data          load_data(name, file or arrays): split, encoded and scaled; Table: rows of yours
    training      fit(formula, data, model): data from load_data
                  fit_stream(formula, dataset, model): a tf.data.Dataset
                  fit_model(model, (x, y), formula): a Keras model of your own, compiled whole
                  attach(model, formula): the same model, with Keras' own compile and fit
                  Loss(formula): for compile(loss=…); tap(name, tensor): names an inner tensor
                  Checkpoint(folder): a Keras callback that resumes to the same bytes
                  GradientMonitor(every): watch=, which terms pull against each other
    comparing     compare([formulas]): many seeds, and which formula is better, how surely
                  search(formula with ranges): coefficients and settings, confirmed on other rows
    understanding explain(formula), bind(formula, data): terms and tensors; nothing is trained
                  losses: dir(tfloss.losses), help(tfloss.losses.kd); parse(formula): its tree
    afterwards    Result, ComparisonResult; read_run(folder), evaluate(folder, data);
                  export(result, "student.onnx"); load_network(file): a .keras file, not trusted
    scikit-learn  tfloss.sklearn: DistilledClassifier, DistilledRegressor
    declaring     loss, function, reduction, schedule, teacher, dataset, model, metric, recipe,
                  tracker; LossVariable; tfloss.constraints, tfloss.ops, tfloss.typing;
                  hookimpl, load_registry, Registry
    notebooks     LiveCurves; results and objectives show themselves
    errors        TflossError is every one of them: UsageError, FormulaError (with the position),
                  DataError, NumericsError (NaN), PluginError, WorkerError; Interrupted is Ctrl-C,
                  once all is saved
    lazily        tf, keras: TensorFlow and Keras, imported at their first use
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfloss.display import set_renderer
from tfloss.errors import (
    DataError,
    Interrupted,
    NumericsError,
    PluginError,
    TflossError,
    UsageError,
    WorkerError,
)
from tfloss.lazy import after_import, keras, tf
from tfloss.registry import (
    LossVariable,
    Registry,
    balance,
    dataset,
    function,
    hookimpl,
    load_registry,
    loss,
    metric,
    model,
    recipe,
    reduction,
    schedule,
    teacher,
    tracker,
)

if TYPE_CHECKING:
    from tfloss.api import bind, evaluate, explain, export, load_data
    from tfloss.comparison.api import compare, search
    from tfloss.comparison.result import ComparisonResult
    from tfloss.data import Table
    from tfloss.formula import FormulaError, parse
    from tfloss.keras_integration import Checkpoint, Loss, attach, fit_model
    from tfloss.objective import GradientMonitor
    from tfloss.registry.names import losses
    from tfloss.report.live import LiveCurves
    from tfloss.runs.folder import read_run
    from tfloss.student import load_network, tap
    from tfloss.training.fit import fit
    from tfloss.training.result import Result
    from tfloss.training.stream import fit_stream

__version__ = "0.1.0"

# Imported when first asked for, so that `import tfloss` in a plugin costs next to nothing.
_LATER = {
    "LiveCurves": "tfloss.report.live",
    "Checkpoint": "tfloss.keras_integration",
    "Loss": "tfloss.keras_integration",
    "attach": "tfloss.keras_integration",
    "tap": "tfloss.student",
    "bind": "tfloss.api",
    "ComparisonResult": "tfloss.comparison.result",
    "compare": "tfloss.comparison.api",
    "search": "tfloss.comparison.api",
    "evaluate": "tfloss.api",
    "explain": "tfloss.api",
    "export": "tfloss.api",
    "FormulaError": "tfloss.formula",
    "GradientMonitor": "tfloss.objective",
    "Result": "tfloss.training.result",
    "Table": "tfloss.data",
    "fit": "tfloss.training.fit",
    "fit_model": "tfloss.keras_integration",
    "fit_stream": "tfloss.training.stream",
    "losses": "tfloss.registry.names",
    "load_data": "tfloss.api",
    "load_network": "tfloss.student",
    "parse": "tfloss.formula",
    "read_run": "tfloss.runs.folder",
}

__all__ = [
    "Checkpoint",
    "ComparisonResult",
    "DataError",
    "FormulaError",
    "GradientMonitor",
    "Interrupted",
    "LiveCurves",
    "Loss",
    "LossVariable",
    "NumericsError",
    "PluginError",
    "Registry",
    "Result",
    "Table",
    "TflossError",
    "UsageError",
    "WorkerError",
    "attach",
    "balance",
    "bind",
    "compare",
    "dataset",
    "evaluate",
    "explain",
    "export",
    "fit",
    "fit_model",
    "fit_stream",
    "function",
    "hookimpl",
    "keras",
    "load_data",
    "load_network",
    "load_registry",
    "loss",
    "losses",
    "metric",
    "model",
    "parse",
    "read_run",
    "recipe",
    "reduction",
    "schedule",
    "search",
    "tap",
    "teacher",
    "tf",
    "tracker",
]


set_renderer("tfloss.report.notebook")
# Keras then knows the classes by name, so that load_model finds them wherever tfloss is imported.
after_import("keras", lambda: importlib.import_module("tfloss.keras_integration"))


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'tfloss' has no attribute '{name}'")
    return getattr(importlib.import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
