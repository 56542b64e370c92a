"""Every public name explains itself: `help` on it has what a stranger needs to call it."""

from __future__ import annotations

import inspect

import pytest

import tfloss

ERRORS = [
    name
    for name in tfloss.__all__
    if isinstance(getattr(tfloss, name), type) and issubclass(getattr(tfloss, name), BaseException)
]
MODULES = ["keras", "tf", "losses"]  # stand for what is documented elsewhere
RESULTS = ["ComparisonResult", "Result"]  # made by tfloss, not by its users
ACCEPTS_ALL = ["tap"]  # a name that no formula uses does nothing
CALLED = sorted(set(tfloss.__all__) - {*ERRORS, *MODULES, *RESULTS, "hookimpl"})


@pytest.mark.parametrize("name", sorted(set(tfloss.__all__) - set(MODULES)))
def test_it_has_a_docstring(name):
    assert (inspect.getdoc(getattr(tfloss, name)) or "").strip()


@pytest.mark.parametrize("name", CALLED)
def test_it_says_what_it_takes_what_it_refuses_and_how_it_is_called(name):
    thing = getattr(tfloss, name)
    text = inspect.getdoc(thing) or ""
    if inspect.signature(thing).parameters:
        assert "Args:" in text or "Attributes:" in text
        assert "Raises:" in text or name in ACCEPTS_ALL
    assert f"{name}(" in text or f"@tfloss.{name}" in text, "an example of a call"


@pytest.mark.parametrize("name", CALLED)
def test_every_parameter_is_described(name):
    thing = getattr(tfloss, name)
    text = inspect.getdoc(thing) or ""
    missing = [p for p in inspect.signature(thing).parameters if p not in text]
    assert missing == []


@pytest.mark.parametrize("name", tfloss.__all__)
def test_the_page_of_the_package_leads_to_it(name):
    assert name in (tfloss.__doc__ or "")
