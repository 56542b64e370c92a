"""From a formula to its terms: coefficients taken out, each checked, each with a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from tfloss.formula import Call, Infix, Negative, Node, Number, as_node, error_at, to_text
from tfloss.objective.coefficients import refuse_bad_number, refuse_negative
from tfloss.objective.constraints import refuse_bounds
from tfloss.objective.names import numbered
from tfloss.objective.plan import (
    Arithmetic,
    BalanceUse,
    Constant,
    LossUse,
    ScheduleUse,
    TensorUse,
    Term,
    Use,
)
from tfloss.objective.resolve import Resolver
from tfloss.objective.scope import Scope
from tfloss.objective.shapes import shape_of_use
from tfloss.objective.tangent_kernel import refusal_of_member
from tfloss.objective.value_ranges import NOT_NEGATIVE, range_of_term
from tfloss.registry import Registry

_TAKEN = ("total", "loss")  # what a history and Keras' callbacks call the sum of the terms


def plan_terms(
    formula: Node | str, registry: Registry, scope: Scope, *, allow_negative: bool = False
) -> tuple[Term, ...]:
    """Resolve a formula and split it into its terms.

    Args:
        formula: the tree or its text.
        registry: what names stand for.
        scope: the tensors that there are.
        allow_negative: accept coefficients below zero.

    Raises:
        FormulaError: with the position, for everything that can be wrong with a formula.
    """
    text = formula if isinstance(formula, str) else to_text(as_node(formula))
    node = as_node(text)
    resolver = Resolver(registry, scope, text)
    terms = [
        term for piece, sign in summands_of(node, 1) for term in _terms_of(piece, sign, resolver)
    ]
    if not allow_negative:
        for term in terms:
            if not term.constrained:  # its weight has the sign that the constraint needs
                refuse_negative(term, text)
    return _uniquely_named(terms)


def summands_of(node: Node, sign: int = 1) -> Iterator[tuple[Node, int]]:
    """The summands of the top level, each with the sign in front of it."""
    if isinstance(node, Negative):
        yield from summands_of(node.operand, -sign)
    elif isinstance(node, Infix) and node.is_sum and not _is_number_minus(node):
        for operator, operand in _grouped(node):
            yield from summands_of(operand, -sign if operator == "-" else sign)
    else:
        yield node, sign


def _grouped(node: Infix) -> Iterator[tuple[str, Node]]:
    """The operands of a sum with their signs; a number and what is taken from it are one operand.

    `1 - exp(-mse/2)` is one term and not two: a number alone has no gradient.
    """
    summands = list(zip(("+", *node.operators), node.operands, strict=True))
    while summands:
        operator, operand = summands.pop(0)
        if operator == "+" and isinstance(operand, Number) and summands and summands[0][0] == "-":
            operand = Infix((operand, summands.pop(0)[1]), ("-",), span=node.span)
        yield operator, operand


def _is_number_minus(node: Infix) -> bool:
    return node.operators == ("-",) and isinstance(node.operands[0], Number)


def _terms_of(node: Node, sign: int, resolver: Resolver) -> list[Term]:
    """The term of a summand, or one for each member of a balance."""
    balance = resolver.balance(node)
    if balance is None:
        return [_term(node, sign, resolver)]
    if sign < 0:
        raise error_at(node, resolver.text, f"'{balance.balance.name}' cannot be subtracted.")
    assert isinstance(node, Call)
    if balance.balance.is_constraint:
        return [_constraint(node, balance, resolver)]
    members = [
        replace(_term(piece, sign, resolver), balance=balance)
        for argument in node.args
        for piece, sign in summands_of(argument, 1)
    ]
    for member in members:
        if balance.balance.positive:
            _refuse_below_zero(member, balance, resolver.text)
        if balance.balance.needs_rows:
            _refuse_without_rows(member, balance, resolver)
    return members


def _constraint(node: Call, balance: BalanceUse, resolver: Resolver) -> Term:
    """The whole of what is constrained as one term; it may be a difference."""
    term = _term(node.args[0], 1, resolver)
    refuse_bounds(term, balance, resolver.text)
    return replace(term, name=to_text(node), balance=balance, constrained=term.name)


def _refuse_below_zero(member: Term, balance: BalanceUse, text: str) -> None:
    """A method that takes logarithms of losses, or divides by them, needs positive ones."""
    if range_of_term(member, columns=NOT_NEGATIVE)[0] >= 0:
        return
    needs = f"'{balance.balance.name}' takes losses that are never negative, and"
    lowest = {use.loss.name: use.loss.range[0] for use in member.losses}
    for name, low in lowest.items():
        if low is None or low < 0:
            sentence = f"{needs} '{name}' does not declare that it never is."
            raise error_at(member.body.node, text, sentence)
    raise error_at(member.body.node, text, f"{needs} '{member.name}' can become negative.")


def _refuse_without_rows(member: Term, balance: BalanceUse, resolver: Resolver) -> None:
    """A method by residuals needs one for each row."""
    shape_of = partial(shape_of_use, scope=resolver.scope)
    sentence = refusal_of_member(balance, member, shape_of)
    if sentence is not None:
        raise error_at(member.body.node, resolver.text, sentence)


def _term(node: Node, sign: int, resolver: Resolver) -> Term:
    use = resolver.losses(node)
    if not any(_is_loss(part, resolver.scope) for part in use.walk()):
        raise error_at(
            node, resolver.text, f"The term '{to_text(node)}' has no loss; every term needs one."
        )
    coefficients, bodies = _factors(use)
    coefficient = _product(node, [("*", Constant(node, float(sign))), *coefficients])
    body = _product(node, bodies)
    refuse_bad_number(coefficient, resolver.text)
    return Term(_name(bodies), coefficient, body)


def _is_loss(use: Use, scope: Scope) -> bool:
    """Whether it can be what a term minimises: a loss, or a scalar that the model computes."""
    if isinstance(use, TensorUse):
        entry = scope.get(use.name)
        return entry is None or entry.shape == ()
    return isinstance(use, LossUse)


Factor = tuple[str, Use]  # the operator in front of a factor, and the factor


def _factors(use: Use) -> tuple[list[Factor], list[Factor]]:
    """Split a product into what is a plain number and what is not."""
    if not (isinstance(use, Arithmetic) and set(use.operators) <= {"*", "/"}):
        return [], [("*", use)]
    factors = list(zip(("*", *use.operators), use.operands, strict=True))
    coefficients = [factor for factor in factors if _is_number(factor[1])]
    bodies = [factor for factor in factors if not _is_number(factor[1])]
    if bodies[0][0] == "/":  # 1/bce: nothing is left to divide but the number itself
        return [], factors
    if len(bodies) == 1 and isinstance(bodies[0][1], Arithmetic):
        inner_coefficients, inner_bodies = _factors(bodies[0][1])
        return coefficients + inner_coefficients, inner_bodies
    return coefficients, bodies


def _is_number(use: Use) -> bool:
    return all(isinstance(part, (Constant, ScheduleUse, Arithmetic)) for part in use.walk())


def _product(node: Node, factors: list[Factor]) -> Use:
    if len(factors) == 1:
        return factors[0][1]
    operators = tuple(operator for operator, _ in factors[1:])
    return Arithmetic(node, operators, tuple(use for _, use in factors))


def _name(bodies: list[Factor]) -> str:
    """What is multiplied, as the formula would write it."""
    operators = tuple(operator for operator, _ in bodies[1:])
    nodes = tuple(use.node for _, use in bodies)
    return to_text(Infix(nodes, operators) if operators else nodes[0])


def _uniquely_named(terms: list[Term]) -> tuple[Term, ...]:
    """The second term of one text is logged as 'kl#2'; so is one with the name of the total."""
    names = numbered((term.name for term in terms), _TAKEN)
    return tuple(replace(term, name=name) for term, name in zip(terms, names, strict=True))
