"""All that the plugins registered, by kind and name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from tfloss.errors import PluginError, TflossError, UsageError, did_you_mean, first_line, listed
from tfloss.io.warn_once import warn_once
from tfloss.registry.declarations import (
    Balance,
    Context,
    Dataset,
    Declaration,
    Function,
    Loss,
    Metric,
    Model,
    Network,
    Recipe,
    Reduction,
    Schedule,
    Teacher,
    Tracker,
)
from tfloss.registry.loading import Plugin, installed_plugins, load_module, new_manager

D = TypeVar("D", bound=Declaration)

# Names of these kinds meet in a formula, so one name may belong to one of them only.
_FORMULA_KINDS = ("loss", "function", "reduction", "schedule", "balance", "network")


_OWN = "own"  # the plugin of declarations of the caller's program
_LONGEST = 200  # characters of somebody else's message


def _key(plugin: Plugin) -> str:
    """The plugin's name for pluggy."""
    return f"{plugin.name}={plugin.module}"


class Registry:
    """Names and what they stand for.

    Args:
        plugins: loaded plugins; a plugin with a problem contributes nothing.
        strict: raise on the first problem instead of keeping it in `problems`.

    Attributes:
        plugins: the plugins in loading order.
        problems: one sentence per thing that is wrong, naming the distribution.

    Raises:
        PluginError: in strict mode, the first thing that is wrong.

    Example:
        >>> registry = tfloss.Registry(tfloss.load_registry().plugins).add(my_loss)
    """

    def __init__(self, plugins: Iterable[Plugin] = (), *, strict: bool = False) -> None:
        self.plugins: list[Plugin] = []
        self.problems: list[str] = []
        self.strict = strict
        self._declared: dict[tuple[str, str], Declaration] = {}
        self._manager = new_manager()
        for plugin in plugins:
            self.add_plugin(plugin)

    def __deepcopy__(self, memo: object) -> Registry:
        return self  # scikit-learn's `clone` copies parameters; names stand for the same things

    # -- filling ---------------------------------------------------------------------------------

    def add_plugin(self, plugin: Plugin) -> None:
        """Take in what a plugin declares; a clash of names is a problem of the later plugin."""
        self.plugins.append(plugin)
        if plugin.off:
            return
        if plugin.problem:
            self._report(plugin, plugin.problem)
            return
        other = self._holder_of(plugin.loaded)
        if other is not None:
            plugin.problem = (
                f"it is the module of plugin '{other.name}' ({other.distribution}) as well, and is "
                f"used once; one of the two entry points is enough"
            )
            self._report(plugin, plugin.problem)
            return
        for declaration in plugin.declarations:
            self._add(declaration, plugin)
        if plugin.loaded is not None:
            self._manager.register(plugin.loaded, name=_key(plugin))

    def _holder_of(self, module: ModuleType | None) -> Plugin | None:
        """The plugin that brought this module in, where one has."""
        if module is None or not self._manager.is_registered(module):
            return None
        name = self._manager.get_name(module)
        return next(plugin for plugin in self.plugins if _key(plugin) == name)

    def add_module(self, module: ModuleType) -> None:
        """Take in a module that implements hooks but is not installed."""
        self.add_plugin(load_module(module))

    def add(self, *declarations: Declaration) -> Registry:
        """Take in declarations of one's own, for this registry only; returns the registry."""
        own = Plugin(_OWN, "this program", "__main__")
        for declaration in declarations:
            self._add(declaration.registered_by(own.name, own.distribution), own)
        return self

    @property
    def own(self) -> list[Declaration]:
        """What `add` took in."""
        return [one for one in self._declared.values() if one.plugin == _OWN]

    def _add(self, declaration: Declaration, plugin: Plugin) -> None:
        for key in self._keys(declaration):
            other = self._declared.get(key)
            if other is not None:
                clash = (
                    f"its {declaration.kind} '{declaration.name}' is already the {other.kind} of "
                    f"'{other.plugin}' ({other.distribution}); rename one, or switch one off with "
                    f"--no-plugin {other.plugin}"
                )
                plugin.problem = clash
                self._report(plugin, clash)
                return
        for key in self._keys(declaration):
            self._declared[key] = declaration

    @staticmethod
    def _keys(declaration: Declaration) -> list[tuple[str, str]]:
        """Where a declaration is filed: a function once for each context it may stand in."""
        if declaration.kind not in _FORMULA_KINDS:
            return [(declaration.kind, declaration.name)]
        on = getattr(declaration, "on", "losses")
        contexts = ("losses", "tensors") if on == "both" else (on,)
        return [(context, declaration.name) for context in contexts]

    def _report(self, plugin: Plugin, problem: str) -> None:
        sentence = f"plugin '{plugin.name}' of {plugin.distribution}: {problem}"
        if self.strict:
            raise PluginError(sentence)
        self.problems.append(sentence)

    # -- asking ----------------------------------------------------------------------------------

    def in_formula(self, name: str, context: Context = "losses") -> Declaration | None:
        """What `name` stands for between losses, or inside a loss's arguments ('tensors')."""
        return self._declared.get((context, name))

    def all(self, kind: type[D]) -> dict[str, D]:
        """Every declaration of a kind, by name, sorted."""
        found = {d.name: d for d in self._declared.values() if isinstance(d, kind)}
        return dict(sorted(found.items()))

    def get(self, kind: type[D], name: str) -> D:
        """The declaration of `kind` called `name`, or what a plugin finds under that name.

        Raises:
            UsageError: nobody knows the name; the nearest names are offered.
        """
        declared = self.all(kind)
        if name in declared:
            return declared[name]
        found = self._found(kind, name)
        if found is not None:
            return found
        raise UsageError(
            f"There is no {kind.kind} called '{name}'.{did_you_mean(name, declared)} "
            f"Known: {listed(declared)}."
        )

    def _found(self, kind: type[D], name: str) -> D | None:
        """What a plugin finds under a name; one that fails is told, and the others are asked.

        pluggy would end the command at the first that raises, and take anything for an answer.
        """
        wanted = {"kind": kind.kind, "name": name}
        for asked in reversed(self._manager.hook.tfloss_find.get_hookimpls()):
            try:
                found = asked.function(**{key: wanted[key] for key in asked.argnames})
            except TflossError:
                raise  # it refuses the name, in its own words
            except BaseException as error:
                if type(error) is KeyboardInterrupt:
                    raise
                wrong = f"{type(error).__name__}: {first_line(error)[:_LONGEST]}"
            else:
                if isinstance(found, kind):
                    return found
                if found is None:
                    continue
                wrong = f"it returned a {type(found).__name__}, which is no declared {kind.kind}"
            self._tell(asked.plugin_name, f"tfloss_find({kind.kind!r}, {name!r}) failed: {wrong}")
        return None

    def _tell(self, key: str, problem: str) -> None:
        """What went wrong while a plugin was asked: told at once, since listing is over."""
        plugin = next(plugin for plugin in self.plugins if _key(plugin) == key)
        sentence = f"plugin '{plugin.name}' of {plugin.distribution}: {problem}"
        if self.strict:
            raise PluginError(sentence)
        warn_once(f"{sentence}; leave it out with --no-plugin {plugin.name}.")

    @property
    def losses(self) -> dict[str, Loss]:
        return self.all(Loss)

    @property
    def functions(self) -> dict[str, Function]:
        return self.all(Function)

    @property
    def balances(self) -> dict[str, Balance]:
        return self.all(Balance)

    @property
    def networks(self) -> dict[str, Network]:
        return self.all(Network)

    @property
    def reductions(self) -> dict[str, Reduction]:
        return self.all(Reduction)

    @property
    def schedules(self) -> dict[str, Schedule]:
        return self.all(Schedule)

    @property
    def teachers(self) -> dict[str, Teacher]:
        return self.all(Teacher)

    @property
    def datasets(self) -> dict[str, Dataset]:
        return self.all(Dataset)

    @property
    def models(self) -> dict[str, Model]:
        return self.all(Model)

    @property
    def metrics(self) -> dict[str, Metric]:
        return self.all(Metric)

    @property
    def recipes(self) -> dict[str, Recipe]:
        return self.all(Recipe)

    @property
    def trackers(self) -> dict[str, Tracker]:
        return self.all(Tracker)


_default: dict[tuple[tuple[str, ...], bool], Registry] = {}


def load_registry(*, no_plugins: Iterable[str] = (), strict: bool = False) -> Registry:
    """The registry of everything installed; loaded once per process and set of options.

    Args:
        no_plugins: names of plugins to leave out (the environment variable TFLOSS_NO_PLUGIN adds
            to them, separated by commas).
        strict: raise PluginError on the first plugin with a problem.

    Raises:
        UsageError: `no_plugins` names a plugin that is not installed.
        PluginError: in strict mode only.

    Example:
        >>> registry = tfloss.load_registry()
        >>> registry.losses["bce"].summary
    """
    key = (tuple(sorted(set(no_plugins))), strict)
    if key not in _default:
        plugins = installed_plugins(key[0])
        _refuse_unknown(key[0], plugins)
        _default[key] = Registry(plugins, strict=strict)
    return _default[key]


def registry_with(registry: Registry | None = None, losses: Iterable[Declaration] = ()) -> Registry:
    """The registry that a caller named, or everything installed, and losses of the caller's own.

    Args:
        registry: default: everything installed.
        losses: declared with `@tfloss.loss` in the caller's program; the registry stays as it is.

    Raises:
        UsageError: an element of `losses` is not a declared loss.
        PluginError: a loss has the name of another.
    """
    registry = registry or load_registry()
    losses = tuple(losses)
    for loss in losses:
        if not isinstance(loss, Declaration):
            name = getattr(loss, "__name__", type(loss).__name__)
            raise UsageError(f"losses= takes declared losses; put @tfloss.loss above '{name}'.")
    return Registry(registry.plugins).add(*registry.own, *losses) if losses else registry


def _refuse_unknown(names: Iterable[str], plugins: list[Plugin]) -> None:
    installed = [plugin.name for plugin in plugins]
    for name in names:
        if name not in installed:
            raise UsageError(
                f"--no-plugin names '{name}', which is not installed."
                f"{did_you_mean(name, installed)} Installed: {listed(installed)}."
            )


def check_settings(
    declaration: Declaration, given: Mapping[str, Any], *, refuse: Callable[[str], Exception]
) -> None:
    """Raise `refuse(sentence)` for a setting that is unknown, missing or out of its range."""
    known = declaration.settings
    for name in given:
        if name not in known:
            has = f"it has: {listed(known)}" if known else "it has no settings"
            raise refuse(
                f"{declaration.kind} '{declaration.name}' has no setting '{name}'; {has}."
                f"{did_you_mean(name, known)}"
            )
        wrong = declaration.refusal(name, given[name])
        if wrong:
            raise refuse(wrong)
    for name in sorted(declaration.signature.mandatory - set(given)):
        raise refuse(f"{declaration.kind} '{declaration.name}' needs its setting '{name}'.")
