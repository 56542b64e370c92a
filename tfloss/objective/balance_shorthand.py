"""A balance around the terms of a formula that are about data, `--balance pcgrad` for short."""

from __future__ import annotations

from tfloss.errors import UsageError
from tfloss.formula import (
    Call,
    Name,
    Negative,
    Node,
    as_node,
    as_setting,
    parse_short_text,
    to_text,
)
from tfloss.objective.resolve import WEIGHTS
from tfloss.objective.terms import summands_of
from tfloss.registry import Balance, Loss, Registry, check_settings

NONE = "none"  # the formula as it is, next to others in a comparison


def with_balance(formula: str, balance: str, registry: Registry) -> str:
    """The formula with its data terms inside of a balance.

    A data term has a loss of tensors other than weights. What is left stays behind the balance:
    `bce + 0.1*kl + 1e-3*l2` by `pcgrad` is `pcgrad(bce, 0.1*kl) + 1e-3*l2`.

    Args:
        formula: its text.
        balance: 'pcgrad', 'dwa:temperature=1', or 'none' for the formula as it is.
        registry: what names stand for.

    Raises:
        UsageError: no such balance or setting, fewer than two data terms, or a formula that weighs
            its terms already.
        FormulaError: a formula that cannot be read.
    """
    if balance == NONE:
        return formula
    wanted = parse_short_text(balance, what="balance")
    found = registry.get(Balance, wanted.name)
    if found.is_constraint or wanted.values:
        raise UsageError(f"--balance takes a balance and settings by name, not '{balance}'.")
    by = wanted.settings.get("by")
    own = {name: value for name, value in wanted.settings.items() if name != "by"}
    check_settings(found, own, refuse=UsageError)
    if by is not None and not found.needs_gradients:
        raise UsageError(f"'{found.name}' looks at losses only; by= means gradients.")
    data: list[Node] = []
    others: list[tuple[Node, int]] = []
    for node, sign in summands_of(as_node(formula)):
        _refuse_weighed(node, formula, registry)
        if _is_about_data(node, registry):
            data.append(Negative(node) if sign < 0 else node)
        else:
            others.append((node, sign))
    if len(data) < 2:
        raise UsageError(
            f"--balance {wanted.name} weighs two terms or more against each other, and '{formula}' "
            f"has {len(data)} with data: {', '.join(map(to_text, data)) or 'only penalties'}."
        )
    settings = tuple((name, as_setting(value)) for name, value in wanted.settings.items())
    total: Node = Call(found.name, tuple(data), settings)
    for node, sign in others:
        total = total - node if sign < 0 else total + node
    return to_text(total)


def _refuse_weighed(node: Node, formula: str, registry: Registry) -> None:
    found = _declared(node, registry)
    if isinstance(found, Balance) and not found.is_constraint:
        raise UsageError(
            f"'{formula}' weighs its terms by '{found.name}' already; leave --balance out."
        )


def _is_about_data(node: Node, registry: Registry) -> bool:
    """Whether a summand has a loss of something else than weights; a constraint has not."""
    found = _declared(node, registry)
    if isinstance(found, Balance):
        return False
    parts = (_declared(part, registry) for part in node.walk())
    return any(isinstance(p, Loss) and p.signature.positional != (WEIGHTS,) for p in parts)


def _declared(node: Node, registry: Registry) -> object:
    return registry.in_formula(node.name, "losses") if isinstance(node, (Name, Call)) else None
