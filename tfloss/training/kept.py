"""A training's programs, made or taken from those that are kept at the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfloss.data import Columns
from tfloss.objective import Objective
from tfloss.student import Student
from tfloss.training.loop.dataset import DatasetSource
from tfloss.training.loop.in_memory import Engine
from tfloss.training.options import Compile
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.optimizers import make_optimizer, reset_optimizer
from tfloss.training.program.precision import with_loss_scaling
from tfloss.training.program.program_cache import Same, cache_of, key_of_model


class KeptTraining:
    """The programs that train a student on an objective.

    Losses that hold variables begin with new ones in every training; their programs are not kept.

    Args:
        student: whose model keeps the programs.
        objective: what is minimised.
        optimizer: a text, which means a new one for every training, or Keras' own.
        keep: whether the model may be trained again; one that is made for this training is not,
            and would only hold memory.

    Attributes:
        student, objective: those of the programs: equal to the ones that were given.
    """

    def __init__(
        self, student: Student, objective: Objective, optimizer: str | Any, *, keep: bool = True
    ) -> None:
        self.student, self.objective, self._optimizer = student, objective, optimizer
        self._keep = keep and not objective.states
        self._programs: Engine | DatasetSource | None = None
        self._key: Any = None

    def engine(
        self,
        train: Batch,
        holdout: Batch | None,
        *,
        compile: Compile,
        work: int,
        before: str | None,
        **options: Any,
    ) -> Engine:
        """Those for rows in memory; what is given is described at `Engine`."""
        choice: dict[str, Any] = {"compile": compile, "work": work, "before": before}
        layouts = [batch and (batch.specs(), list(batch.named())) for batch in (train, holdout)]
        found = self._taken(("rows", layouts, options), choice)
        if isinstance(found, Engine):
            found.take_data(train, holdout)
            return found
        forward, optimizer = self._parts()
        made = Engine(forward, optimizer, train, holdout, **choice, **options)
        self._programs = made
        return made

    def stream(
        self,
        dataset: Any,
        holdout: Columns | None,
        *,
        compile: Compile,
        work: int,
        before: str | None,
        **options: Any,
    ) -> DatasetSource:
        """Those for a stream; what is given is described at `DatasetSource`."""
        choice: dict[str, Any] = {"compile": compile, "work": work, "before": before}
        spec = {name: (column.shape, column.dtype) for name, column in dataset.element_spec.items()}
        held = holdout and {n: (v.shape, v.dtype) for n, v in holdout.values.items()}
        weighted = holdout is not None and holdout.sample_weight is not None
        found = self._taken(("stream", spec, held, weighted, options), choice)
        if isinstance(found, DatasetSource):
            found.take_data(dataset, holdout, work)
            return found
        forward, optimizer = self._parts()
        made = DatasetSource(forward, optimizer, dataset, holdout, **choice, **options)
        self._programs = made
        return made

    def release(self) -> int:
        """Keep the programs for the next training; how often they were traced in this one."""
        programs = self._programs
        assert programs is not None
        traces, programs.traces = programs.traces, 0
        programs.release_data()
        if self._key is not None:
            cache_of(self.student.model).keep(self._key, programs)
        return traces

    def _parts(self) -> tuple[StudentLoss, Any]:
        return StudentLoss(self.student, self.objective), self._new_optimizer()

    def _new_optimizer(self) -> Any:
        return with_loss_scaling(make_optimizer(self._optimizer), self.student.forward_model)

    def _taken(self, data: Any, choice: dict[str, Any]) -> Engine | DatasetSource | None:
        if not self._keep:
            return None
        self._key = (data, self._of_the_loss(), self._of_the_optimizer())
        found = cache_of(self.student.model).take(self._key, _suits(choice))
        if found is None:
            return None
        found.choice = found.chosen(**choice)
        self._programs = found
        self.student, self.objective = found.forward.student, found.forward.objective
        if isinstance(self._optimizer, str):
            reset_optimizer(found.optimizer, self._new_optimizer(), found.variables)
        return found

    def _of_the_loss(self) -> Any:
        objective, model = self.objective, self.student.forward_model
        names = [(entry.name, entry.origin, entry.shape) for entry in objective.scope.values()]
        model_key = key_of_model(model, model.trainable_variables)
        return objective.terms, objective.steps_per_epoch, names, model_key

    def _of_the_optimizer(self) -> Any:
        return self._optimizer if isinstance(self._optimizer, str) else Same(self._optimizer)


def _suits(choice: dict[str, Any]) -> Callable[[Any], bool]:
    """Whether programs are compiled as this training's should be, and for its length."""

    def suits(programs: Engine | DatasetSource) -> bool:
        if isinstance(programs, DatasetSource) and not programs.is_long_enough(choice["work"]):
            return False
        return programs.chosen(**choice).compiled_as == programs.choice.compiled_as

    return suits
