"""What is refused of a constraint before anything is computed: bounds that decide nothing."""

from __future__ import annotations

from tfloss.formula import Call, error_at, to_text
from tfloss.objective.plan import BalanceUse, Term
from tfloss.objective.value_ranges import range_of_term


def refuse_bounds(term: Term, use: BalanceUse, text: str) -> None:
    """Refuse settings that contradict each other, and bounds that never or always hold.

    Args:
        term: what is to stay within the bounds.
        use: the constraint.
        text: the formula's, for the error.

    Raises:
        FormulaError: at the constraint.
    """
    assert isinstance(use.node, Call)
    assert use.balance.bounds is not None
    try:
        least, most = use.balance.bounds({**use.balance.settings, **use.settings})
    except ValueError as error:
        raise error_at(use.node, text, str(error)) from None
    low, high = range_of_term(term)
    never = f"In '{use.text}': '{to_text(use.node.args[0])}' is never"
    below, above = f"below {low:g}", f"above {high:g}"
    if most is not None and low > most:
        raise error_at(use.node, text, f"{never} {below}, so it cannot come down to {most:g}.")
    if least is not None and high < least:
        raise error_at(use.node, text, f"{never} {above}, so it cannot come up to {least:g}.")
    over = most is None or high <= most
    under = least is None or low >= least
    if over and under and low < high:
        which = above if most is not None else below
        raise error_at(use.node, text, f"{never} {which}, so the constraint always holds.")
