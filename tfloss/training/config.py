"""All that decides a run, as plain values; what a run's `config.toml` holds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from tfloss.errors import DataError, UsageError, did_you_mean, listed
from tfloss.io.atomic import sha256
from tfloss.training.field_types import check_value
from tfloss.training.options import TASKS, one_of

if TYPE_CHECKING:
    from tfloss.data import PreparedData, Table
    from tfloss.registry import Registry
    from tfloss.teachers import FittedTeacher
    from tfloss.training.result import Result

# What each step of a training takes of a configuration; together with `table` all of it.
SPLIT = (
    *("train_fraction", "train_size", "test_size", "stratify"),
    *("scale", "bootstrap", "leak", "class_weight", "embed"),
)
CHOICE = ("features", "drop", "categories")  # of the features of a data set
LAYOUT = ("separator", "encoding", "header", "decimal")  # of a text file
TEACHERS = {
    "teacher_fit": "fit",
    "teacher_calibrate": "calibrate",
    "teacher_rows": "rows",
    "teacher_force": "force",
    "teacher_inputs": "inputs",
}
TRAINING = (
    *("optimizer", "epochs", "batch_size", "batches", "seed", "evaluate_every"),
    *("compile", "on_nan", "precision", "watch", "allow_negative", "scale_target"),
    *("early_stopping", "validation_fraction", "n_iter_no_change"),
)


@dataclass(frozen=True)
class Config:
    """One training.

    Attributes:
        formula: the formula's text.
        data: a data set's name, or a file.
        target: the file's column to predict.
        weight: the column of sample weights.
        columns: columns that a formula may name and that are not features.
        features, drop: the features that are used, and columns that are left out; default: all
            columns that have no other use are features.
        categories: features that are categories even where they look like numbers.
        embed: categories of which the student learns a vector for each value: names, or a number:
            all with more different values than it.
        task: 'classification' or 'regression'; default: by the loss, else guessed from the target.
        separator, encoding, header, decimal: how a text file is written; default: found.
        train_fraction, train_size, test_size: how the rows are split; at most one of the first two.
        stratify: whether the split keeps the classes' shares.
        scale: how features are scaled by the training rows; see `tfloss.data.SCALES`.
        bootstrap: whether training rows are drawn with replacement.
        leak: ways to let the holdout be seen, to show what that is worth; see `tfloss.data.LEAKS`.
        class_weight: 'balanced', or 'CLASS=WEIGHT' for classes whose rows count more or less.
        teacher: specifications, 'gpc' or 'soft=rf:n_estimators=200'.
        teacher_fit: how a teacher predicts its own training rows: 'auto', 'cross' or 'train'.
        teacher_rows: fit teachers on at most this many training rows.
        teacher_calibrate: 'auto', 'none', 'sigmoid', 'isotonic' or 'temperature'.
        teacher_force: fit teachers even where that takes long.
        teacher_inputs: what teachers see of the features: 'auto', 'scaled', 'unscaled' or 'frame'.
        augment: rows to add for the teachers to predict, per training row.
        augment_noise: how far they are moved, in standard deviations of each feature.
        networks: frozen networks that the formula calls, 'vgg=file.keras'.
        model: the student, 'mlp:10,10'.
        optimizer: 'adam', 'sgd:learning_rate=0.05'.
        epochs: passes over the training rows.
        batch_size: rows per step.
        batches: 'shuffled', 'replacement' or 'sequential'; see `tfloss.training.options`.
        seed: of the split, the initial weights, the order of rows, and the teachers.
        split_seed: of the split alone; default: `seed`.
        evaluate_every: evaluate on the holdout after every so many epochs.
        compile: 'auto', 'xla', 'graph' or 'eager'; see `tfloss.training.loop.in_memory`.
        on_nan: at a step that is not finite: 'stop', 'skip' or 'lower'.
        precision: 'float32', 'mixed_float16' or 'mixed_bfloat16'.
        watch: 'gradients' or 'gradients:every=20', which are measured while training.
        allow_negative: accept coefficients below zero.
        scale_target: whether a regressor starts at the target's mean, in steps of its deviation.
        early_stopping: stop where rows set aside from training are no better predicted, and keep
            the weights of the best epoch.
        validation_fraction: how many of the training rows are set aside for that.
        n_iter_no_change: how many epochs without an improvement are waited for.
    """

    formula: str = ""
    data: str = "breast_cancer"
    target: str | None = None
    weight: str | None = None
    columns: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    embed: tuple[str, ...] = ()
    task: str | None = None
    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal: str | None = None
    train_fraction: float | None = None
    train_size: int | None = None
    test_size: float | int | None = None
    stratify: bool = True
    scale: str = "standard"
    bootstrap: bool = False
    leak: tuple[str, ...] = ()
    class_weight: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()
    teacher_fit: str = "auto"
    teacher_rows: int | None = None
    teacher_calibrate: str = "auto"
    teacher_force: bool = False
    teacher_inputs: str = "auto"
    augment: float = 0.0
    augment_noise: float = 0.1
    networks: tuple[str, ...] = ()
    model: str = "mlp:10,10"
    optimizer: str = "adam"
    epochs: int = 200
    batch_size: int = 32
    batches: str = "shuffled"
    seed: int = 0
    split_seed: int | None = None
    evaluate_every: int = 1
    compile: str = "auto"
    on_nan: str = "stop"
    precision: str = "float32"
    watch: str | None = None
    allow_negative: bool = False
    scale_target: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            check_value(name, getattr(self, name), hint)
        if not self.formula.strip():
            raise UsageError('No formula was given; say --loss "bce", or --recipe article.')
        if self.watch is not None:
            from tfloss.objective import GradientMonitor

            GradientMonitor.of(self.watch)
        if self.task is not None:
            one_of("task", self.task, TASKS)
        if self.decimal is not None:
            one_of("decimal", self.decimal, (",", "."))
        if self.train_fraction is not None and self.train_size is not None:
            raise UsageError("train_fraction and train_size were both given; choose one.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, origin: str) -> Config:
        """Make a configuration of plain values.

        Raises:
            UsageError: a key that there is not, or a value of another type; names `origin`.
        """
        known = {field.name: field for field in fields(cls)}
        hints = get_type_hints(cls)
        for name, value in values.items():
            if name not in known:
                raise UsageError(
                    f"{origin} has a key '{name}' that tfloss does not know."
                    f"{did_you_mean(name, known)} Known: {listed(known)}."
                )
            check_value(name, value, hints[name], origin)
        frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**frozen)  # type: ignore[arg-type]

    def table(self, registry: Registry) -> Table:
        """The data set that it names, not yet split."""
        from tfloss.data import load_dataset
        from tfloss.training.target_kind import table_for_the_loss

        table = load_dataset(
            self.data,
            registry,
            columns=self.columns or None,
            **{name: getattr(self, name) or None for name in CHOICE},
            **{name: getattr(self, name) for name in ("target", "weight", "task", *LAYOUT)},
        )
        return table_for_the_loss(table, self.formula, registry)

    def split(self, table: Table, seed: int) -> PreparedData:
        """The rows of its data set split by this seed, and scaled."""
        from tfloss.data import prepare

        return prepare(table, **self._values(SPLIT), seed=seed)

    def prepare(self, table: Table) -> PreparedData:
        """The rows of its data set split, scaled, and with rows added where it asks for them."""
        from tfloss.data import augment

        data = self.split(table, self.seed if self.split_seed is None else self.split_seed)
        return augment(data, times=self.augment, noise=self.augment_noise, seed=self.seed)

    def fit_teachers(
        self, data: PreparedData, registry: Registry, **more: Any
    ) -> dict[str, FittedTeacher]:
        """Its teachers, fitted; `more` is for `tfloss.teachers.fit_teachers`, `cache=` for example.

        Raises:
            UsageError, DataError, PluginError: as that function.
        """
        from tfloss.teachers import fit_teachers

        options = {short: getattr(self, name) for name, short in TEACHERS.items()}
        return fit_teachers(list(self.teacher), data, registry, seed=self.seed, **options, **more)

    def fit(self, data: PreparedData, registry: Registry, **more: Any) -> Result:
        """Train as it says; `more` is for `tfloss.training.fit.fit`: `teacher=` with what
        `fit_teachers` gave, `model=` with a model in place of its own, `callbacks=` for example.
        """
        from tfloss.training.fit import fit

        values = {"formula": self.formula, "model": self.model, **self._values(TRAINING), **more}
        return fit(values.pop("formula"), data, values.pop("model"), registry=registry, **values)

    def _values(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    def changed(self, **values: Any) -> Config:
        """A copy with some values changed."""
        return replace(self, **values)

    def as_toml(self) -> str:
        """What `config.toml` holds: every value that is not None."""
        import tomli_w

        values = {name: value for name, value in asdict(self).items() if value is not None}
        return tomli_w.dumps({k: list(v) if isinstance(v, tuple) else v for k, v in values.items()})


def refuse_damaged(path: Path) -> None:
    """Refuse a configuration next to a manifest that has the digest of another.

    Raises:
        DataError: with what to do.
    """
    manifest = path.parent / "manifest.json"
    if not manifest.is_file():
        return
    try:
        recorded = json.loads(manifest.read_text(encoding="utf-8"))["sha256"][path.name]
    except (ValueError, KeyError, TypeError):
        recorded = None  # a damaged manifest vouches for nothing
    if sha256(path) != recorded:
        raise DataError(
            f"'{path}' is not what the run wrote (its SHA-256 differs from the manifest's); "
            f"restore it, or copy it out of the run's folder to change it."
        )


def read_config(path: Path) -> dict[str, Any]:
    """The values of a `config.toml`.

    Raises:
        UsageError: no such file, or not TOML.
        DataError: it lies in the folder of a run that wrote another.
    """
    try:
        refuse_damaged(path)
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no configuration '{path}'.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"The configuration '{path}' cannot be read: {error}.") from error
