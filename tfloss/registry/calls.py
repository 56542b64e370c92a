"""Call a plugin's function; what it raises comes back as one sentence that names it."""

from __future__ import annotations

from typing import Any

from tfloss.errors import PluginError, TflossError, UsageError, first_line
from tfloss.registry.declarations import Declaration


def call_plugin(declaration: Declaration, where: str, *args: Any, **kwargs: Any) -> Any:
    """Call the declared function.

    Args:
        declaration: whose function.
        where: what the user wrote that led here.
        *args, **kwargs: handed over.

    Raises:
        UsageError: the function raised ValueError, the agreed way to refuse its arguments.
        PluginError: it raised anything else; names the distribution.
    """
    try:
        return declaration(*args, **kwargs)
    except (TflossError, KeyboardInterrupt):
        raise
    except ValueError as error:
        raise UsageError(f"In '{where}': {first_line(error)}") from error
    except BaseException as error:  # also one that calls sys.exit, which would look like success
        raise PluginError(
            f"The {declaration.kind} '{declaration.name}' of "
            f"{declaration.distribution or 'unknown'} failed in '{where}': "
            f"{type(error).__name__}: {first_line(error)}"
        ) from error
