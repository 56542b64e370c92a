"""Teachers of one's own: `package.module:object`, where the object is an estimator or makes one."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import tfloss
from tfloss.importing import working_directory_first

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def by_reference(name: str) -> Any | None:
    """The declaration of `package.module:object`, or None when `name` does not look like one.

    An estimator is taken as it is: fitted ones are not fitted again. A class or a function is
    called with the settings that it names. The module's code runs, as it was asked for by name.

    Raises:
        tfloss.UsageError: no such module or object.
    """
    if not _REFERENCE.fullmatch(name):
        return None
    found = _find(name)
    if not callable(found):

        def make() -> Any:
            """An estimator of one's own."""
            return found

        return tfloss.teacher(make, name="own")
    return _declare_factory(found, name)


def _find(name: str) -> Any:
    from tfloss.errors import did_you_mean, message_of

    module_name, _, path = name.partition(":")
    try:
        with working_directory_first():
            found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise tfloss.UsageError(
            f"The teacher '{name}' cannot be imported from '{module_name}': {error}."
        ) from error
    except (Exception, SystemExit) as error:  # its own code; sys.exit() must not end the program
        raise tfloss.PluginError(
            f"The teacher '{name}' cannot be imported, since '{module_name}' fails: "
            f"{type(error).__name__}: {message_of(error)}."
        ) from error
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise tfloss.UsageError(
                f"The module '{module_name}' has no '{path}' to be the teacher."
                f"{did_you_mean(attribute, dir(found))}"
            )
        found = getattr(found, attribute)
    return found


def _declare_factory(found: Any, name: str) -> Any:
    """Its parameters that can be given by name are settings; the others of an estimator are set."""

    def make(**settings: Any) -> Any:
        return found(**settings)

    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(found).parameters.values()
        if parameter.kind in by_name
    ]
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    make.__doc__ = inspect.getdoc(found) or "A teacher of one's own."
    return tfloss.teacher(make, name="own", estimator=name.replace(":", "."))
