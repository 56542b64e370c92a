"""The one walk over what Keras takes and gives: arrays in lists, tuples and dictionaries, nested.

Every tensor of a structure gets the name that a formula uses. The order is that of
`keras.tree.flatten`, which sorts the keys of a dictionary; so does Keras where it hands the arrays
of a list to the outputs of a dictionary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tfloss.errors import UsageError, did_you_mean, listed
from tfloss.lazy import keras
from tfloss.student.keras_internals import graph_of, input_structure, output_structure

ALONE = ""  # the name of the only tensor of a structure
INPUTS = "inputs"  # what the inputs of a model may be called in a dictionary
LABELS = "labels"  # and its labels


def names_in_order(structure: Any, in_list: Callable[[int, int], str]) -> list[str]:
    """The names of a structure's tensors, in the order of `keras.tree.flatten`.

    The keys of dictionaries, joined by dots; a place in a list is named by `in_list`, which gets
    the number of the tensor and its place, both counted from 0. The only tensor, also of a list,
    has the name ''.
    """
    leaves = keras.tree.flatten_with_path(structure)
    if len(leaves) == 1 and not any(isinstance(part, str) for part in leaves[0][0]):
        return [ALONE]
    names = []
    for number, (path, _) in enumerate(leaves):
        keys = [str(part) for part in path if not isinstance(part, int)]
        if path and isinstance(path[-1], int):
            keys.append(in_list(number, path[-1]))
        names.append(".".join(keys))
    return _each_once(names)


def _each_once(names: Sequence[str]) -> list[str]:
    """Names made unique: a second `out` is `out.call2`."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}.call{seen[name]}")
    return unique


# -- outputs and inputs of a model -----------------------------------------------------------------


def output_names(model: Any) -> list[str] | None:
    """The names of a functional model's outputs; None where a model has to run first.

    In a list an output has the name of its layer; the second of one layer is `encoder.call2`.
    """
    graph = graph_of(model)
    if graph is None:
        return None
    layers = [str(name) for name in graph.output_names]
    return names_in_order(output_structure(graph), lambda number, _: layers[number])


def output_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shapes of a functional model's outputs by name; empty where a model has to run first."""
    return _shapes(output_names(model), model, "outputs")


def input_names(model: Any) -> list[str] | None:
    """The names of a functional model's inputs; None where a model has to run first."""
    graph = graph_of(model)
    if graph is None:
        return None
    structure = input_structure(graph)
    inputs = [str(tensor.name) for tensor in graph.inputs]
    names = names_in_order(structure, lambda number, _: inputs[number])
    return inputs if names == [ALONE] else names


def input_shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shapes of a functional model's inputs by name; empty where they are not known."""
    return _shapes(input_names(model), model, "inputs")


def _shapes(names: list[str] | None, model: Any, what: str) -> dict[str, tuple[int | None, ...]]:
    if names is None:
        return {}
    tensors = getattr(graph_of(model), what)
    return {name: tuple(tensor.shape) for name, tensor in zip(names, tensors, strict=True)}


def outputs_by_name(model: Any, answers: Any) -> dict[str, Any]:
    """A model's answers by the names of its outputs; one output alone is called ''.

    The outputs of a subclassed model's list are `output1`, `output2`, ….
    """
    names = output_names(model)
    flat = keras.tree.flatten(answers)
    if names is None or len(names) != len(flat):
        names = names_in_order(answers, lambda _, place: f"output{place + 1}")
    return dict(zip(names, flat, strict=True))


def inputs_by_name(model: Any, inputs: Any) -> dict[str, Any]:
    """A model's inputs by name, `inputs` where there is one.

    The inputs of a subclassed model's list are `input1`, `input2`, ….
    """
    flat = keras.tree.flatten(inputs)
    names = input_names(model)
    if names is None or len(names) != len(flat):
        names = names_in_order(inputs, lambda _, place: f"input{place + 1}")
    if len(names) == 1 and (names == [ALONE] or graph_of(model) is not None):
        names = [INPUTS]
    return dict(zip(names, flat, strict=True))


# -- what Keras hands to a step --------------------------------------------------------------------


def split_inputs(model: Any, x: Any, columns: Collection[str]) -> tuple[Any, dict[str, Any]]:
    """The model's own inputs, and the columns that travel next to them in a dictionary.

    Raises:
        UsageError: an input is missing.
    """
    if not isinstance(x, Mapping):
        return x, {}
    graph = graph_of(model)
    names = input_names(model) or []
    beside = {name: value for name, value in x.items() if name in columns and name not in names}
    own = {name: value for name, value in x.items() if name not in beside}
    if INPUTS in own and INPUTS not in names and (graph is None or not set(names) & set(own)):
        return (own[INPUTS] if set(own) == {INPUTS} or graph is not None else own), beside
    if graph is None:
        return own, beside
    structure = input_structure(graph)
    if isinstance(structure, Mapping) and any(map(keras.tree.is_nested, structure.values())):
        _require(structure, own)
        return {name: own[name] for name in structure}, beside
    _require(names, own)
    if len(names) == 1:
        return x[names[0]], beside
    return {name: x[name] for name in names}, beside


def _require(names: Collection[str], given: Mapping[str, Any]) -> None:
    for name in names:
        if name not in given:
            raise UsageError(
                f"The model's input '{name}' is not in the dictionary, which has: {listed(given)}."
                f"{did_you_mean(name, given)}"
            )


def split_labels(
    y: Any, outputs: Collection[str], columns: Collection[str], needs: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Labels by output ('' for the only one), and the columns that travel next to them.

    Args:
        y: as Keras hands it over: one array, or a structure of them. A list goes to the outputs in
            their order; where it is shorter, to those whose labels are needed.
        outputs: the names of the model's outputs, in their order.
        columns: the names of the declared columns.
        needs: the names that the formula uses.

    Raises:
        UsageError: a name in the dictionary that is neither, or another number of arrays.
    """
    if y is None:
        return {}, {}
    if not isinstance(y, Mapping):
        return _in_turn(y, list(outputs), needs), {}
    labels: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    for name, value in y.items():
        output = ALONE if name == LABELS and ALONE in outputs else name.removesuffix(".labels")
        within = [other for other in outputs if other.startswith(f"{name}.")]
        if output in outputs:
            labels[output] = _only(value)
        elif name in columns:
            beside[name] = value
        elif name == LABELS:
            labels |= split_labels(value, outputs, (), needs)[0]
        elif within:
            labels |= _in_turn(value, within, needs)
        else:
            raise UsageError(_unknown(name, outputs, columns))
    return {name: value for name, value in labels.items() if value is not None}, beside


def _only(value: Any) -> Any:
    flat = keras.tree.flatten(value)
    return flat[0] if len(flat) == 1 else value


def _in_turn(given: Any, outputs: list[str], needs: Collection[str]) -> dict[str, Any]:
    """The arrays of a structure for the outputs in their order."""
    arrays = keras.tree.flatten(given)
    if len(arrays) != len(outputs):
        needed = [output for output in outputs if f"{output}.{LABELS}" in needs]
        if len(arrays) != len(needed):
            raise UsageError(
                f"There are {len(arrays)} arrays of labels, but the model has {len(outputs)} "
                f"outputs: {', '.join(outputs) or 'one'}; name them in a dictionary."
            )
        outputs = needed
    pairs = zip(outputs, arrays, strict=True)
    return {output: array for output, array in pairs if array is not None}


def _unknown(name: str, outputs: Collection[str], columns: Collection[str]) -> str:
    known = [*([LABELS] if ALONE in outputs else outputs), *columns]
    return (
        f"'{name}' among the labels is neither an output of the model nor a declared column."
        f"{did_you_mean(name, known)} There are: {listed(known)}; declare one with "
        f"columns=['{name}']."
    )
