"""Whether replicates can share one program, and their columns with a leading replicate axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.student import Student
from tfloss.training.program.batch import Batch

# Optimizers whose step treats each weight by itself. The others look at a whole weight or at all of
# them (norms, factored moments, matrices), and would mix replicates.
_PER_ELEMENT = frozenset(
    ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Ftrl"]
)


def why_not_stacked(student: Student, optimizer: Any) -> str:
    """The reason, as the end of a sentence, or '' where replicates can be stacked."""
    kind = type(optimizer).__name__
    if kind not in _PER_ELEMENT:
        return f"the optimizer {kind} does not treat each weight by itself"
    for name in ("clipnorm", "global_clipnorm"):
        if getattr(optimizer, name, None) is not None:
            return f"{name} looks at all weights at once"
    if any(getattr(v, "constraint", None) is not None for v in student.forward_model.variables):
        return "a weight of the model has a constraint"
    return ""


def stacked_columns(setups: Sequence[SeedSetup], split: str, needs: frozenset[str]) -> Batch:
    """The columns that an objective needs, (replicates, rows, …) each, as arrays."""
    parts = [getattr(setup.data, split) for setup in setups]
    columns = {
        name: np.stack([part.values[name] for part in parts])
        for name in parts[0].values
        if name == "inputs" or name in needs
    }
    for alias in setups[0].teachers:
        if alias in needs or any(need.startswith(f"{alias}.") for need in needs):
            answers = [setup.teachers[alias].tensors(split) for setup in setups]  # type: ignore[arg-type]
            columns |= {name: np.stack([a[name] for a in answers]) for name in answers[0]}
    masks = [
        part.present | {n: m for t in setup.teachers.values() for n, m in t.present(split).items()}  # type: ignore[arg-type]
        for part, setup in zip(parts, setups, strict=True)
    ]
    present = {}
    for name in sorted({name for mask in masks for name in mask} & needs):
        there = [
            mask.get(name, np.ones(len(part), bool))
            for part, mask in zip(parts, masks, strict=True)
        ]
        rank = max(mask.ndim for mask in there)
        whole = columns[name].shape[1:] if rank > 1 else ()
        there = [m if m.ndim == rank else np.broadcast_to(m[:, None], whole) for m in there]
        present[name] = np.stack(there).astype(np.float32)
    weight = None
    weights = [part.weight for part in parts]
    if weights[0] is not None:
        weight = np.stack([one for one in weights if one is not None]).astype(np.float32)
    return Batch(columns, present, weight)


def bytes_of_one(setups: Sequence[SeedSetup], student: Student) -> int:
    """Roughly what a replicate occupies: its columns, and the layers' outputs on the holdout."""
    data = setups[0].data
    rows = len(data.train) + len(data.holdout)
    units = sum(int(variable.shape[-1]) for variable in student.forward_model.variables)
    return 4 * rows * (data.n_features + 4 * data.n_outputs + 2 * units)
