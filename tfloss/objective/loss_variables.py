"""Variables that losses hold, one set for each use of such a loss in a formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from tfloss.errors import DataError, PluginError
from tfloss.lazy import keras, tf
from tfloss.objective.learned import Learned
from tfloss.objective.names import numbered
from tfloss.objective.plan import AverageUse, BalanceUse, LossUse, Term
from tfloss.registry import Declaration, Loss, LossVariable

UPDATES = "updates"  # how many steps an average has seen
LATEST = "weight"  # the weights that a balance gave its members in the last step
_GRADIENTS = -1  # no id of a use: the state of what watches gradients

Shapes = Mapping[str, tuple[int | None, ...]]


class State(Mapping[str, Any]):
    """What a loss gets as `state`: its variables as tensors, by name.

    Args:
        variables: by name.
        training: whether updates are carried out.
        dtype: of the tensors that the loss gets.
    """

    def __init__(
        self, variables: Mapping[str, Any], training: bool = False, dtype: Any = "float32"
    ) -> None:
        self._variables = variables
        self._training = training
        # Read at once: whatever is updated in this step counts from the next one on.
        self._tensors = {
            name: tf.cast(tf.convert_to_tensor(variable), dtype)
            for name, variable in variables.items()
        }

    def __getitem__(self, name: str) -> Any:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def update(self, name: str, value: Any) -> None:
        """Give a variable a new value, from the next step on; only while training."""
        if self._training:
            self._variables[name].assign(tf.stop_gradient(tf.cast(value, tf.float32)))


class States:
    """The variables of all stateful losses of an objective, made when they are first used.

    Args:
        terms: the objective's plan.
        seed: of the initial values.
        watched: how many numbers are measured of gradients.
    """

    def __init__(self, terms: Iterable[Term], seed: int = 0, watched: int = 0) -> None:
        terms = list(terms)
        self._names: dict[Any, str] = {
            id(use): name for term in terms for use, name in _stateful(term)
        }
        self._learned = [
            (f"{setting}({name})", name, setting, one)
            for term in terms
            for use, name in _stateful(term)
            for setting, one in use.learned.items()
        ]
        self._names |= _balances(terms)
        self._watched = watched
        if watched:
            self._names[_GRADIENTS] = "gradients"
        for term in terms:
            for use in term.body.walk():
                if isinstance(use, AverageUse):
                    self._names[use.decay] = f"ema(decay={use.decay!r})"
        self._seed = seed
        self._held: dict[str, dict[str, Any]] = {}
        self._loaded: dict[str, np.ndarray] = {}
        self._make: dict[str, Callable[[int], dict[str, Any]]] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def of(self, use: LossUse, tensors: Mapping[str, Any], training: bool) -> State:
        """The variables of one use of a loss, bound to these tensors."""
        make = partial(held_variables, use.loss, shapes_of(tensors), use.settings)
        return self._state(id(use), make, training)

    def learned(self) -> dict[str, Any]:
        """The settings that are learned as they stand, scalars by the names they are logged by."""
        return {
            name: tf.stop_gradient(one.value(tf.convert_to_tensor(self._held[held][setting])))
            for name, held, setting, one in self._learned
        }

    @property
    def learned_names(self) -> tuple[str, ...]:
        """How they are logged: 'temperature(TERM)'."""
        return tuple(name for name, *_ in self._learned)

    def of_balance(self, use: BalanceUse, members: int, training: bool) -> State:
        """The variables of one balance, its last weights among them."""
        return self._state(id(use), partial(_of_balance, use, members), training)

    def of_gradients(self, training: bool) -> State:
        """The last measurement of gradients."""
        return self._state(_GRADIENTS, self._last_measurement, training)

    def _last_measurement(self, seed: int) -> dict[str, Any]:
        zeros = np.zeros(self._watched, np.float32)
        return {LATEST: keras.Variable(zeros, trainable=False, name=LATEST)}

    def averages(self, decay: float, weights: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The moving averages of the student's weights, by path; see `moving_averages`."""
        keys = {path: path.replace("/", ".") for path in weights}
        shapes = {keys[path]: tuple(tensor.shape) for path, tensor in weights.items()}
        state = self._state(decay, partial(_of_average, shapes), training)
        return moving_averages(state, weights, keys, decay)

    def _state(self, key: Any, make: Callable[[int], dict[str, Any]], training: bool) -> State:
        name = self._names[key]
        if name not in self._held:
            # Outside of any program that is being traced: its variables belong to the objective.
            with tf.init_scope():
                self._held[name], self._make[name] = make(self._seed), make
                for path, variable in self.variables.items():
                    if path in self._loaded:
                        variable.assign(_fitting(path, self._loaded.pop(path), variable))
        return State(self._held[name], training)

    @property
    def variables(self) -> dict[str, Any]:
        """Every variable made so far by its path, 'term/variable'."""
        return {
            f"{name}/{key}": variable
            for name, held in self._held.items()
            for key, variable in held.items()
        }

    def initial_values(self, seed: int) -> list[np.ndarray]:
        """What `variables` would begin with under another seed, in their order."""
        made = (make(seed) for make in self._make.values())
        return [variable.numpy() for held in made for variable in held.values()]

    def put(self, variables: Mapping[str, Any]) -> None:
        """Take variables by path, 'term/variable', in place of making them.

        Raises:
            DataError: a path whose term is not in the formula.
        """
        for path, variable in variables.items():
            name, _, key = path.rpartition("/")
            if name not in self._names.values():
                raise DataError(f"There is no stateful term for the saved '{path}' in the formula.")
            self._held.setdefault(name, {})[key] = variable

    def share(self, other: States) -> None:
        """Use the variables of another plan of the same formula."""
        self._held, self._loaded = other._held, other._loaded

    def load(self, values: Mapping[str, np.ndarray]) -> None:
        """Take values by path, now or, for variables not yet made, as soon as they are made.

        Raises:
            DataError: a path whose term is not in the formula, or another shape.
        """
        variables = self.variables
        for path, value in values.items():
            if path.rpartition("/")[0] not in self._names.values():
                raise DataError(f"There is no stateful term for the saved '{path}' in the formula.")
            if path in variables:
                variables[path].assign(_fitting(path, value, variables[path]))
            else:
                self._loaded[path] = np.asarray(value)


def _balances(terms: Iterable[Term]) -> dict[int, str]:
    """The name of each balance by its use: its text, and of the second of one text 'text#2'."""
    uses = {id(term.balance): term.balance for term in terms if term.balance is not None}
    return dict(zip(uses, numbered(use.text for use in uses.values()), strict=True))


def _stateful(term: Term) -> Iterator[tuple[LossUse, str]]:
    """The uses of stateful losses in a term; the second is named 'term/2'.

    One that is constrained is 'term/1', since the constraint has the name of the term.
    """
    uses = [use for use in term.losses if use.holds_variables]
    for number, use in enumerate(uses, start=1):
        plain = number == 1 and not term.constrained
        yield use, term.name if plain else f"{term.name}/{number}"


def shapes_of(tensors: Mapping[str, Any]) -> dict[str, tuple[int | None, ...]]:
    """The static shape of each tensor, None for the batch's axis."""
    return {
        name: (None, *tensor.shape[1:])
        for name, tensor in tensors.items()
        if not isinstance(tensor, (list, tuple)) and len(tensor.shape)
    }


def held_variables(
    loss: Loss, shapes: Shapes, settings: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """New variables for a loss and for its settings that are learned, by name.

    Raises:
        PluginError: what the loss declares is no mapping of `LossVariable`, or has the name of a
            learned setting.
    """
    learned = {name: one for name, one in settings.items() if isinstance(one, Learned)}
    plain = {**loss.settings, **settings, **{name: one.initial for name, one in learned.items()}}
    own = {} if loss.state is None else loss.state(shapes, plain)
    for name in learned:
        if name in own:
            raise PluginError(
                f"The state of the loss '{loss.name}' has '{name}', a setting's name."
            )
    return _made(loss, {**own, **{name: one.variable for name, one in learned.items()}}, seed)


def _of_balance(use: BalanceUse, members: int, seed: int) -> dict[str, Any]:
    """A balance's own variables, and its last weights, which a holdout is weighed with."""
    balance, declared = use.balance, {}
    if not balance.is_constraint:
        declared[LATEST] = LossVariable((members,), 1.0, trainable=False)
    if balance.state is not None:
        declared |= balance.state(members, {**balance.settings, **use.settings})
    return _made(balance, declared, seed)


def _of_average(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Any]:
    """The average of each weight, and how many steps it has seen; the seed does not count."""
    return {
        name: keras.Variable(keras.ops.zeros(shape, "float32"), trainable=False, name=name)
        for name, shape in {**shapes, UPDATES: ()}.items()
    }


def moving_averages(
    state: State, weights: Mapping[str, Any], keys: Mapping[str, str], decay: float
) -> dict[str, Any]:
    """The averages with the weights of this step in them, by path.

    Until the average is long enough it is the plain mean of the weights seen, so that it does not
    remember how it began: the weight of the past is the smaller of the decay and 1 - 1/(step + 1).

    Source: Tarvainen and Valpola 2017, "Mean teachers are better role models", section 2; the first
    steps as in the authors' code.
    """
    seen = state[UPDATES]
    past = tf.minimum(decay, 1 - 1 / (seen + 1))
    averages = {}
    for path, weight in weights.items():
        averages[path] = past * state[keys[path]] + (1 - past) * tf.cast(weight, tf.float32)
        state.update(keys[path], averages[path])
    state.update(UPDATES, seen + 1)
    return averages


def _made(plugin: Declaration, declared: Mapping[str, LossVariable], seed: int) -> dict[str, Any]:
    variables = {}
    for number, (name, held) in enumerate(declared.items()):
        if not isinstance(held, LossVariable):
            raise PluginError(
                f"The state of the {plugin.kind} '{plugin.name}' has {held!r} for '{name}'; it "
                f"must be a tfloss.LossVariable."
            )
        value = _initializer(held, seed + number)(held.shape, dtype="float32")
        variables[name] = keras.Variable(value, trainable=held.trainable, name=name)
    return variables


def _initializer(held: LossVariable, seed: int) -> Any:
    if not isinstance(held.initializer, str):
        return keras.initializers.Constant(float(held.initializer))
    found = keras.initializers.get(held.initializer)
    config = found.get_config()
    return type(found).from_config({**config, "seed": seed} if "seed" in config else config)


def _fitting(path: str, value: np.ndarray, variable: Any) -> np.ndarray:
    if tuple(np.shape(value)) != tuple(variable.shape):
        raise DataError(
            f"The saved '{path}' has shape {np.shape(value)}, but the formula's has "
            f"{tuple(variable.shape)}."
        )
    return value
