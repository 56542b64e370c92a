"""Settings as a formula writes them: literal values, of the kind that the plugin's default is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfloss.errors import did_you_mean
from tfloss.formula import Flag, Items, Negative, Node, Number, Text, error_at
from tfloss.objective.coefficients import out_of_range
from tfloss.objective.learned import Learned, is_learned, learned_of
from tfloss.registry import Declaration, check_settings

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a 'text'"}


def settings_of(
    declaration: Declaration, given: Mapping[str, Node], call: Node, text: str
) -> dict[str, Any]:
    """The values of a call's settings, each checked.

    Args:
        declaration: whose settings they are.
        given: what stands behind each name.
        call: where the call stands, for settings that are lacking.
        text: the formula's text, for errors that point into it.

    Raises:
        FormulaError: a name that it does not have, one that it lacks, a value that is no literal,
            of another kind than the default, or outside of its declared range.
    """
    settings: dict[str, Any] = {}
    for name, node in given.items():
        _refuse_unknown(declaration, name, node, text)
        if is_learned(node):
            settings[name] = learned_of(declaration, name, node, text)
            continue
        settings[name] = literal(node, text)
        _refuse_other_kind(declaration, name, node, settings[name], text)
        wrong = declaration.refusal(name, settings[name])
        if wrong:
            raise error_at(node, text, wrong)
    known = {n: v.initial if isinstance(v, Learned) else v for n, v in settings.items()}
    check_settings(declaration, known, refuse=lambda sentence: error_at(call, text, sentence))
    return settings


def literal(node: Node, text: str) -> Any:
    """The value of a setting: a number, a text, true, false, none, or a tuple of these."""
    if isinstance(node, Number):
        return number(node, text)
    if isinstance(node, (Text, Flag)):
        return node.value
    if isinstance(node, Negative) and isinstance(node.operand, Number):
        return -number(node.operand, text)
    if isinstance(node, Items):
        return tuple(literal(item, text) for item in node.items)
    raise error_at(
        node, text, "A setting is a number, a 'text', true, false, none, or a [list] of these."
    )


def number(node: Number, text: str) -> int | float:
    """The value of a number that float32 can hold."""
    wrong = out_of_range(node.value)
    if wrong:
        raise error_at(node, text, f"The number {node} {wrong}.")
    return node.value


def _refuse_unknown(declaration: Declaration, name: str, node: Node, text: str) -> None:
    if name not in declaration.settings:
        known = (*declaration.settings, *declaration.signature.positional)
        raise error_at(
            node,
            text,
            f"'{declaration.name}' has no setting or tensor '{name}'.{did_you_mean(name, known)} "
            f"It has: {', '.join(known) or 'none'}.",
        )


def _refuse_other_kind(
    declaration: Declaration, name: str, node: Node, value: Any, text: str
) -> None:
    """A text for a number is the user's mistake, and would be an error of the plugin's later."""
    if name in declaration.signature.mandatory or value is None:
        return
    kind = _KINDS.get(type(declaration.settings[name]))
    rule = declaration.signature.rules.get(name)
    if isinstance(value, tuple) and rule is not None and rule.takes_lists:
        return
    if kind is not None and _KINDS.get(type(value)) != kind:
        raise error_at(
            node, text, f"The setting '{name}' of '{declaration.name}' is {kind}, not {node}."
        )
