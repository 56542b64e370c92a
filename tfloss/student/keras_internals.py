"""Keras' private names, all of them in one place, so that a new Keras breaks one file.

Nothing else in tfloss reads an attribute of Keras that starts with an underscore; each function has
a test of its own, which says what stopped working.
"""

from __future__ import annotations

from typing import Any

# -- layers and graphs -----------------------------------------------------------------------------


def sublayers(layer: Any, *, recursive: bool = False) -> list[Any]:
    """The layers directly inside of a layer; `recursive`: at any depth, each once."""
    found: list[Any] = layer._flatten_layers(include_self=False, recursive=recursive)
    return found


def graph_of(model: Any) -> Any:
    """The model as a graph of layers, what a Sequential holds; None for a subclassed one."""
    inside = getattr(model, "_functional", None)
    if inside is not None:
        return inside
    return model if hasattr(model, "operations") else None


def input_structure(graph: Any) -> Any:
    """The symbolic inputs of a graph in the structure that its author gave."""
    return graph._inputs_struct


def output_structure(graph: Any) -> Any:
    """The symbolic outputs of a graph in the structure that its author gave."""
    return graph._outputs_struct


def nodes_in_order(graph: Any) -> list[Any]:
    """The calls of layers in a graph, those nearest to the inputs first."""
    by_depth = sorted(graph._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes]


def never_called(layer: Any, **attributes: Any) -> Any:
    """A twin with the layer's variables and other attributes, that belongs to no graph yet."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__.update({"_inbound_nodes": [], "_outbound_nodes": [], **attributes})
    return twin


def called_by_twins(graph: Any, tensor: Any) -> Any:
    """What a graph of one input returns for another symbolic tensor, in the graph of that tensor.

    Each layer is called as a twin, which shares its name and variables; the layers themselves stay
    in the graph that they are in.
    """
    twins: dict[int, Any] = {}

    def twin(operation: Any) -> Any:
        if id(operation) not in twins:
            twins[id(operation)] = never_called(operation)
        return twins[id(operation)]

    return graph._run_through_graph(tensor, operation_fn=twin)


def takes_training(model: Any) -> bool:
    """Whether a model's `call` has the argument `training`."""
    return bool(model._call_has_training_arg)


def seed_that_was_set() -> int | None:
    """What `keras.utils.set_random_seed` was called with last; None where it was not."""
    from keras.src.utils.rng_utils import get_random_seed

    seed: int | None = get_random_seed()
    return seed


# -- variables -------------------------------------------------------------------------------------


def variables_of_its_own(layer: Any) -> list[Any]:
    """The trainable variables that a layer holds itself, not those of its sublayers."""
    return [variable for variable in layer._trainable_variables if variable.trainable]


def track_variable(layer: Any, variable: Any) -> None:
    """Make a variable one of the layer's, also once the layer has been built."""
    was_locked = layer._tracker.locked
    layer._tracker.unlock()
    layer._track_variable(variable)
    if was_locked:
        layer._tracker.lock()


# -- compiled models -------------------------------------------------------------------------------


def loss_tracker(model: Any) -> Any:
    """The metric that averages the loss of a compiled model over an epoch."""
    return getattr(model, "_loss_tracker", None)


def metrics_of_its_own(model: Any) -> list[Any]:
    """The metrics that a model and its layers hold, not those of `compile`."""
    holders = [model, *sublayers(model, recursive=True)]
    return [metric for holder in holders for metric in getattr(holder, "_metrics", ())]


def compiled_metrics(model: Any) -> Any | None:
    """What Keras made of the metrics of `compile`; None before it, or without any."""
    return getattr(model, "_compile_metrics", None)


def begin_at_epoch(model: Any, epoch: int) -> None:
    """Let `fit` begin at a later epoch, as `BackupAndRestore` does; 0: as it was given."""
    model._initial_epoch = epoch


def batches_done(optimizer: Any) -> Any:
    """How many batches an optimizer has seen.

    `iterations` counts updates, which are fewer where gradients are accumulated.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(inner, "_iterations", optimizer.iterations)


def rate_is_a_schedule(optimizer: Any) -> bool:
    """Whether the learning rate is a schedule, and not a number that can be set."""
    from tfloss.lazy import keras

    inner = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = keras.optimizers.schedules.LearningRateSchedule
    return isinstance(getattr(inner, "_learning_rate", None), schedule)


# -- notes at tensors ------------------------------------------------------------------------------


def mask_at(tensor: Any) -> Any | None:
    """The mask that Keras keeps at a tensor."""
    return getattr(tensor, "_keras_mask", None)


def note_mask(tensor: Any, mask: Any) -> None:
    """Leave a mask at a tensor, as a layer of Keras would."""
    tensor._keras_mask = mask


def logits_at(tensor: Any) -> Any | None:
    """The logits that Keras' sigmoid or softmax noted at the probabilities that it made."""
    return getattr(tensor, "_keras_logits", None)


def note_logits(tensor: Any, logits: Any) -> None:
    """Leave logits at a tensor, as Keras' activations do."""
    tensor._keras_logits = logits
