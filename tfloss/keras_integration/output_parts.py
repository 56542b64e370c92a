"""What a model's outputs bring into a formula: their parts, and the masks that Keras keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfloss.keras_integration.batch_layout import mask_of
from tfloss.keras_integration.scope import PARTS
from tfloss.student.outputs import log_odds_of, output_tensors, refuse_hidden_probabilities


def called(output: str, part: str) -> str:
    """'kind.labels'; 'labels' of the only output, ''."""
    return f"{output}.{part}" if output else part


def needs_logits(output: str, needs: Collection[str]) -> bool:
    """Whether a formula takes an output for classes."""
    return called(output, "logits") in needs or called(output, "probs") in needs


def parts_of(
    outputs: Mapping[str, Any],
    needs: Collection[str],
    *,
    classification: bool,
    from_logits: bool | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors by name; and what losses of single elements get in place of some.

    Args:
        outputs: the model's answers by name.
        needs: the names that the formula uses.
        classification, from_logits: see `tfloss.student.outputs.output_tensors`.

    Raises:
        UsageError: logits are needed, and it would be a guess what they are.
    """
    tensors: dict[str, Any] = {}
    by_element: dict[str, Any] = {}
    for name, output in outputs.items():
        if from_logits is None and needs_logits(name, needs):
            refuse_hidden_probabilities(name, output)
        tensors |= output_tensors(
            name, output, classification=classification, from_logits=from_logits
        )
        if from_logits is False:
            by_element |= log_odds_of(name, output)
    return tensors, by_element


def masks_of(
    outputs: Mapping[str, Any], taps: Mapping[str, Any], needs: Collection[str]
) -> dict[str, Any]:
    """By name, the mask that Keras keeps at an output, which its labels share, or at a layer's."""
    named = dict(taps)
    for name, output in outputs.items():
        named |= {name: output} | {called(name, part): output for part in PARTS}
    found = {name: mask_of(tensor) for name, tensor in named.items() if name in needs}
    return {name: mask for name, mask in found.items() if mask is not None}
