"""Load each plugin in its own guard, so that a broken one never stops what does not need it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from types import ModuleType

import pluggy

from tfloss.errors import PluginError, message_of
from tfloss.registry import hookspecs
from tfloss.registry.declarations import Declaration
from tfloss.registry.entry_points import distribution_of, entry_points

SWITCHED_OFF = "TFLOSS_NO_PLUGIN"  # names separated by commas

_LONGEST = 300  # characters of somebody else's message


@dataclass
class Plugin:
    """An entry point of the group `tfloss`, and what became of it.

    Attributes:
        name: the entry point's name; what `--no-plugin` takes.
        distribution: 'name version' of the installed distribution.
        module: the module that it names.
        declarations: what it registers, in the order of its hooks.
        problem: one sentence when something is wrong with it, else ''.
        off: whether the user switched it off.
    """

    name: str
    distribution: str
    module: str
    declarations: list[Declaration] = field(default_factory=list)
    problem: str = ""
    off: bool = False
    loaded: ModuleType | None = field(default=None, repr=False)


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hook specifications and no plugin."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def installed_plugins(switched_off: Iterable[str] = ()) -> list[Plugin]:
    """Load every installed plugin; what fails carries its `problem` instead of raising."""
    off = set(switched_off) | set(filter(None, os.environ.get(SWITCHED_OFF, "").split(",")))
    entries, unreadable = entry_points()
    loaded = [load_entry_point(entry, off) for entry in entries]
    return loaded + [
        Plugin(name, "unknown distribution", "", problem=problem, off=name in off)
        for name, problem in unreadable.items()
    ]


def load_entry_point(entry: metadata.EntryPoint, off: set[str]) -> Plugin:
    """Load the plugin of an entry point, unless its name is among those switched off."""
    plugin = Plugin(entry.name, distribution_of(entry), entry.value)
    if entry.name in off:
        plugin.off = True
        return plugin
    return _guarded(plugin, entry.load)


def load_module(module: ModuleType, name: str = "", distribution: str = "") -> Plugin:
    """Treat `module` as a plugin, in the same guard; for modules that are not installed."""
    name = name or module.__name__
    plugin = Plugin(name, distribution or "not installed", module.__name__)
    return _guarded(plugin, lambda: module)


def _guarded(plugin: Plugin, load) -> Plugin:  # type: ignore[no-untyped-def]
    try:
        plugin.loaded = load()
        plugin.declarations = list(_declarations(plugin))
    except BaseException as error:  # a plugin that calls sys.exit() must not end the program
        if type(error) is KeyboardInterrupt:  # Ctrl-C; a class of the plugin's own is none
            raise
        plugin.declarations = []
        plugin.problem = f"{type(error).__name__}: {_one_line(error)}"
    return plugin


def _declarations(plugin: Plugin) -> Iterator[Declaration]:
    """Call the plugin's listing hooks, in a manager of its own, and check what they return."""
    manager = new_manager()
    manager.register(plugin.loaded, name=plugin.name)
    manager.check_pending()
    empty = ""
    for hook_name in _listing_hooks():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            declared = implementation.function()
            if not declared:
                empty = f"{hook_name}() lists nothing"
            for declaration in declared or ():
                if not isinstance(declaration, Declaration):
                    raise PluginError(
                        f"{hook_name}() returned {declaration!r}; declare it first, with "
                        f"@tfloss.loss, @tfloss.function, …"
                    )
                yield declaration.registered_by(plugin.name, plugin.distribution)
    if not manager.get_hookcallers(plugin.loaded):
        raise PluginError(
            f"it implements no hook; mark the function with @tfloss.hookimpl"
            f"{_but_declares(unlisted(plugin.loaded, ()))}"
        )
    if empty:
        raise PluginError(
            f"{empty}; return a list of declarations{_but_declares(unlisted(plugin.loaded, ()))}"
        )


def unlisted(module: ModuleType | None, listed: Iterable[Declaration]) -> list[str]:
    """The names of what a module declares and its hooks do not list."""
    names = {declaration.name for declaration in listed}
    return [
        thing.name
        for thing in vars(module).values()
        if isinstance(thing, Declaration)
        and thing.function.__module__ == getattr(module, "__name__", "")
        and thing.name not in names
    ]


def _but_declares(names: list[str]) -> str:
    return f"; it declares {', '.join(names)}" if names else ""


def _listing_hooks() -> list[str]:
    return [
        name for name in vars(hookspecs) if name.startswith("tfloss_") and name != "tfloss_find"
    ]


def _one_line(error: BaseException) -> str:
    return " ".join(message_of(error).split())[:_LONGEST] or "no message"
