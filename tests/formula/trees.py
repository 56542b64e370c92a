"""Random formulas, for property tests."""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis import strategies as st

from tfloss.formula import (
    Call,
    Flag,
    Infix,
    Items,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Text,
)

FULL = os.environ.get("TFLOSS_TEST_SIZE") == "full"
many = settings(max_examples=10_000 if FULL else 300, deadline=None)

# 'true', 'false' and 'none' are values, not names.
words = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda word: word not in ("true", "false", "none")
)
names = st.lists(words, min_size=1, max_size=3).map(".".join)
numbers = st.one_of(
    st.integers(0, 10**12), st.floats(0, allow_nan=False, allow_infinity=False)
).map(Number)
texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="'"), max_size=8
).map(Text)
flags = st.sampled_from([True, False, None]).map(Flag)


def _larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    values = st.one_of(inner, texts, flags, st.lists(inner, max_size=3).map(tuple).map(Items))
    kwargs = st.dictionaries(words, values, max_size=2).map(lambda d: tuple(d.items()))
    calls = st.builds(Call, names, st.lists(values, max_size=3).map(tuple), kwargs)
    return st.one_of(
        calls,
        inner.map(Negative),
        st.builds(Power, inner, inner),
        st.builds(_chain, inner, st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=1)),
        st.builds(_chain, inner, st.lists(st.tuples(st.sampled_from("*/"), inner), min_size=1)),
    )


def _chain(first: Node, rest: list[tuple[str, Node]]) -> Node:
    """A chain as operators build it: a first operand of the same level is continued."""
    same = isinstance(first, Infix) and first.is_sum == (rest[0][0] in "+-")
    operands = first.operands if same else (first,)
    operators = first.operators if same else ()
    return Infix(
        (*operands, *(operand for _, operand in rest)),
        (*operators, *(operator for operator, _ in rest)),
    )


trees = st.recursive(st.one_of(numbers, names.map(Name)), _larger, max_leaves=12)
