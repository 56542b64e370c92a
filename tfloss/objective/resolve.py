"""From a formula's tree to a plan: every name looked up, every argument put in its place."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches

from tfloss.errors import did_you_mean, some_of
from tfloss.formula import (
    Call,
    FormulaError,
    Infix,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Text,
    error_at,
    quoted,
)
from tfloss.objective.plan import (
    Arithmetic,
    AverageUse,
    BalanceUse,
    Constant,
    FunctionUse,
    LossUse,
    NetworkUse,
    ReductionUse,
    ScheduleUse,
    TensorUse,
    Use,
    WeightsUse,
)
from tfloss.objective.scope import Scope
from tfloss.objective.settings import literal, number, settings_of
from tfloss.objective.shapes import refusal_of_shapes, shape_of_use
from tfloss.registry import (
    Balance,
    Declaration,
    Function,
    Loss,
    Network,
    Reduction,
    Registry,
    Schedule,
)
from tfloss.registry.names_elsewhere import said_elsewhere

_SLIP = 0.8  # as near as that, a name is a misspelt loss, also where tensors are not yet known
AVERAGE = "ema"  # the student with the moving average of its weights: ema.probs
DECAY = 0.999
WEIGHTS = "weights"  # the parameter of a loss that takes a list of the student's weights
OUTPUT = "output"  # by=hidden2.output: gradients by what a layer returns


class Resolver:
    """Looks up the names of one formula.

    Args:
        registry: what names stand for.
        scope: the tensors that there are.
        text: the formula's text, for errors that point into it.
    """

    def __init__(self, registry: Registry, scope: Scope, text: str) -> None:
        self.registry = registry
        self.scope = scope
        self.text = text

    # -- between losses --------------------------------------------------------------------------

    def losses(self, node: Node) -> Use:
        """Resolve an expression of losses."""
        if isinstance(node, (Name, Call)):
            return self._named(node)
        if isinstance(node, Text):  # which never names a loss
            name = Name(node.value, span=node.span)
            return self._outside_tensor(name) if name.name in self.scope else self._tensor(name)
        return self._common(node, self.losses)

    def _named(self, node: Name | Call) -> Use:
        found = self.registry.in_formula(node.name, "losses")
        self._refuse_part(node)
        if isinstance(found, Loss):
            return self._loss(node, found)
        if isinstance(found, Function):
            return self._function(self._called(node, found), found, self.losses)
        if isinstance(found, Reduction):
            return self._reduction(self._called(node, found), found)
        if isinstance(found, Schedule):
            return self._schedule(self._called(node, found), found)
        if isinstance(found, Balance):
            raise self._error(node, self._stands_alone(found))
        return self._outside_tensor(node)

    def _outside_tensor(self, node: Name | Call) -> Use:
        """A column from outside may stand between losses, as a weight per example."""
        entry = self.scope.get(node.name)
        if entry is not None and entry.known_outside and isinstance(node, Name):
            return self._tensor(node)
        if entry is not None and isinstance(node, Name) and entry.shape == ():
            return TensorUse(node, node.name)
        if entry is not None:
            called = quoted(node.name)
            raise self._error(
                node, f"'{node.name}' is a tensor, not a loss; hand it to one: mse({called}, …)."
            )
        if isinstance(self.registry.in_formula(node.name, "tensors"), Network):
            raise self._error(
                node, f"'{node.name}' is a network; hand it to a loss: mse({node.name}(…), …)."
            )
        known = {**self.registry.losses, **self.registry.functions, **self.registry.reductions}
        known |= {**self.registry.schedules, **self.registry.balances}
        what = "function or loss" if isinstance(node, Call) else "loss"
        elsewhere = said_elsewhere(node.name)
        near = elsewhere or did_you_mean(node.name, known)
        slip = elsewhere or get_close_matches(node.name, known, n=1, cutoff=_SLIP)
        if self.scope.open_ended and isinstance(node, Name) and not slip:
            return TensorUse(node, node.name)  # a scalar of a model that has yet to run
        raise self._error(
            node, f"There is no {what} called '{node.name}'.{near or ' See `tfloss losses`.'}"
        )

    def _stands_alone(self, found: Balance) -> str:
        if found.is_constraint:
            return (
                f"'{found.name}' finds its weight itself, so it stands alone between the signs of "
                f"the formula, without a coefficient, and in no balance."
            )
        return (
            f"'{found.name}' weighs terms against each other, so it stands alone between the signs "
            f"of the formula; write coefficients in front of its members."
        )

    def balance(self, node: Node) -> BalanceUse | None:
        """The balance that a summand is a call of; None for any other summand."""
        if not isinstance(node, (Name, Call)):
            return None
        found = self.registry.in_formula(node.name, "losses")
        if not isinstance(found, Balance):
            return None
        if found.is_constraint:
            if isinstance(node, Name) or len(node.args) != 1:
                raise self._error(
                    node, f"'{found.name}' takes one term, or a sum of some: {found.name}(kl, …)."
                )
        elif isinstance(node, Name) or len(node.args) < 2:
            raise self._error(
                node, f"'{found.name}' weighs two terms or more: {found.name}(bce, 0.1*kl)."
            )
        given = dict(node.kwargs)
        by = given.pop("by", None)
        if by is not None and not found.needs_gradients:
            raise self._error(by, f"'{found.name}' looks at losses only; by= means gradients.")
        settings = settings_of(found, given, node, self.text)
        compared = None if by is None else self._compared_by(by)
        if by is not None and found.needs_rows and isinstance(compared, TensorUse):
            sentence = f"'{found.name}' takes gradients by weights; by= names some of them."
            raise self._error(by, sentence)
        return BalanceUse(node, found, settings, compared)

    def _compared_by(self, node: Node) -> WeightsUse | TensorUse:
        """What `by=` names: some of the weights, or the output of a layer, `hidden2.output`."""
        text = str(getattr(node, "value", getattr(node, "name", "")))
        layer, _, end = text.rpartition(".")
        if end != OUTPUT or not layer or self.scope.matching_weights(text):
            return self._weights(node)
        entry = self.scope.get(layer)
        own = [n for n, e in self.scope.items() if not e.known_outside and n != WEIGHTS]
        if layer not in own and (entry is not None or not self.scope.open_ended):
            near = did_you_mean(layer, own)
            raise self._error(
                node,
                f"by={quoted(text)} means the output of a layer, and the student has no layer "
                f"'{layer}'.{near} It has: {some_of(own)}.",
            )
        self._refuse_unclear(node, layer)
        return TensorUse(node, layer)

    def _loss(self, node: Name | Call, loss: Loss) -> LossUse:
        arguments = node.args if isinstance(node, Call) else ()
        keywords = dict(node.kwargs) if isinstance(node, Call) else {}
        parameters = loss.signature.positional
        if len(arguments) > len(parameters):
            raise self._error(
                arguments[len(parameters)],
                f"'{loss.name}' takes {len(parameters)} tensors ({', '.join(parameters)}), "
                f"not {len(arguments)}; settings are written name=value.",
            )
        given: dict[str, Node] = dict(zip(parameters, arguments, strict=False))
        own: dict[str, Node] = {}
        for name, value in keywords.items():
            if name in given:
                raise self._error(value, f"'{loss.name}' gets its tensor '{name}' twice.")
            if name in parameters:
                given[name] = value
            else:
                own[name] = value
        settings = settings_of(loss, own, node, self.text)
        use = LossUse(node, loss, self._bound(node, loss, given), settings)
        wrong = refusal_of_shapes(use, self.scope)
        if wrong:
            raise self._error(node, f"In '{use.with_parameters}': {wrong}")
        return use

    def _bound(self, node: Node, loss: Loss, given: dict[str, Node]) -> dict[str, Use]:
        """The expression for each tensor of a loss: as given, else the tensor of that name."""
        bound: dict[str, Use] = {}
        for parameter in loss.signature.positional:
            if parameter in given:
                value = given[parameter]
                resolve = self._weights if parameter == WEIGHTS else self.tensors
                bound[parameter] = resolve(value)
            elif parameter == WEIGHTS:
                bound[parameter] = WeightsUse(node, WEIGHTS)
            elif parameter in self.scope or (
                self.scope.open_ended and parameter in loss.signature.required
            ):
                self._refuse_unclear(node, parameter)
                bound[parameter] = TensorUse(node, parameter)
            elif parameter in loss.signature.required:
                raise self._error(node, self._needs(loss, parameter))
            else:
                self._bind_logits(parameter, bound)
        return bound

    def _bind_logits(self, parameter: str, bound: dict[str, Use]) -> None:
        """`teacher_logits` of a loss is NAME.logits where its `teacher` is NAME, if there are."""
        use = bound.get(parameter.removesuffix("_logits"))
        if parameter.endswith("_logits") and isinstance(use, TensorUse):
            name = f"{use.name}.logits"
            if name in self.scope:
                bound[parameter] = TensorUse(use.node, name)

    def _needs(self, loss: Loss, parameter: str) -> str:
        remedy = ""
        if parameter == "teacher":
            remedy = " Name one with --teacher (or teacher=), or bind another: "
            remedy += f"{loss.name}(teacher=NAME)."
        return (
            f"'{loss.name}' needs the tensor '{parameter}': {self.scope.missing(parameter)}{remedy}"
        )

    def _weights(self, node: Node) -> WeightsUse:
        pattern = {Text: "value", Name: "name"}.get(type(node))
        if pattern is None:
            raise self._error(node, "Weights are named by a layer or by a pattern: l2('*/kernel').")
        use = WeightsUse(node, getattr(node, pattern))
        if use.pattern == WEIGHTS:
            self._refuse_unclear(node, WEIGHTS)
        if self.scope.weights_known and not self.scope.matching_weights(use.pattern):
            layers = {weight.partition("/")[0] for weight in self.scope.weights}
            near = did_you_mean(use.pattern.partition("/")[0], layers)
            raise self._error(
                node,
                f"No weight of the student matches '{use.pattern}'.{near} "
                f"There are: {some_of(self.scope.weights)}.",
            )
        return use

    def _reduction(self, node: Call, reduction: Reduction) -> ReductionUse:
        if len(node.args) != 1:
            raise self._error(node, f"'{reduction.name}' takes exactly one loss.")
        settings = settings_of(reduction, dict(node.kwargs), node, self.text)
        return ReductionUse(node, reduction, self.losses(node.args[0]), settings)

    def _schedule(self, node: Call, schedule: Schedule) -> ScheduleUse:
        wanted = schedule.signature.positional[1:]  # the first is the step
        if len(node.args) != len(wanted):
            raise self._error(
                node,
                f"'{schedule.name}' takes {len(wanted)} numbers ({', '.join(wanted)}), "
                f"not {len(node.args)}.",
            )
        given = dict(node.kwargs)
        epochs = given.pop("epochs", None) if "steps" in schedule.settings else None
        if epochs is not None:
            if "steps" in given:
                raise self._error(node, f"'{schedule.name}' takes steps= or epochs=, not both.")
            given["steps"] = epochs
        settings = settings_of(schedule, given, node, self.text)
        duration = settings.get("steps", 1)
        if not isinstance(duration, (int, float)) or isinstance(duration, bool) or duration <= 0:
            raise self._error(
                given.get("steps", node), f"'{schedule.name}' needs a duration above zero."
            )
        numbers = tuple(
            self._number(argument, schedule, name)
            for name, argument in zip(wanted, node.args, strict=True)
        )
        if epochs is None:
            return ScheduleUse(node, schedule, numbers, settings)
        return ScheduleUse(node, schedule, numbers, settings, settings.pop("steps"))

    # -- inside arguments ------------------------------------------------------------------------

    def tensors(self, node: Node) -> Use:
        """Resolve an expression of tensors."""
        if isinstance(node, Name):
            return self._tensor(node)
        if isinstance(node, Text):
            return self._tensor(Name(node.value, span=node.span))
        if isinstance(node, Call):
            found = self.registry.in_formula(node.name, "tensors")
            if isinstance(found, Network):
                return self._network(node, found)
            if found is None and node.name == AVERAGE:
                return self._average(node)
            if not isinstance(found, Function):
                raise self._error(node, self._no_tensor_function(node))
            self._refuse_part(node)
            return self._function(node, found, self.tensors)
        return self._common(node, self.tensors)

    def _network(self, node: Call, network: Network) -> NetworkUse:
        if len(node.args) != 1 or node.kwargs:
            raise self._error(node, f"The network '{network.name}' is called on one tensor.")
        use = NetworkUse(node, network, self.tensors(node.args[0]), node.part)
        layers = network.layers()
        if node.part and layers is not None and not _names_a_layer(node.part, layers):
            raise self._error(
                node,
                f"The network '{network.name}' has no layer '{node.part}'."
                f"{did_you_mean(node.part, layers)} It has: {some_of(layers)}.",
            )
        try:
            shape_of_use(use, self.scope)
        except ValueError as wrong:
            raise self._error(node, f"'{node}' cannot be computed: {wrong}") from None
        return use

    def _average(self, node: Name | Call) -> AverageUse:
        """`ema.probs`, or `ema(decay=0.99).probs`."""
        part, decay = node.name.partition(".")[2], DECAY
        if isinstance(node, Call):
            part, given = node.part, dict(node.kwargs)
            if node.args or set(given) - {"decay"}:
                raise self._error(
                    node, f"'{AVERAGE}' has one setting: {AVERAGE}(decay=0.99).probs."
                )
            decay = literal(given["decay"], self.text) if given else DECAY
            if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 <= decay < 1:
                raise self._error(given["decay"], "The decay of an average lies in [0, 1).")
        entry = self.scope.get(part)
        own = [n for n, e in self.scope.items() if not e.known_outside and n != WEIGHTS]
        if not part or (part not in own and (entry is not None or not self.scope.open_ended)):
            raise self._error(
                node,
                f"'{AVERAGE}' is the student with averaged weights; name what it answers, "
                f"{AVERAGE}.{own[0] if own else 'logits'}. There are: {some_of(own)}.",
            )
        return AverageUse(node, part, float(decay))

    def _refuse_part(self, node: Name | Call) -> None:
        if isinstance(node, Call) and node.part:
            raise self._error(
                node, f"'.{node.part}' names a layer of a network, and '{node.name}' is none."
            )

    def _tensor(self, node: Name) -> TensorUse | AverageUse:
        if node.name.partition(".")[0] == AVERAGE and self._is_average(node.name):
            return self._average(node)
        if node.name not in self.scope and not self.scope.open_ended:
            sentence = self.scope.missing(node.name)
            raise self._error(node, sentence[0].upper() + sentence[1:])
        self._refuse_unclear(node, node.name)
        return TensorUse(node, node.name)

    def _is_average(self, name: str) -> bool:
        """Whether nothing else in the scope has the name."""
        return not any(known in self.scope for known in (name, AVERAGE))

    def _refuse_unclear(self, node: Node, name: str) -> None:
        entry = self.scope.get(name)
        if entry is not None and entry.unclear:
            raise self._error(node, entry.unclear)

    def _no_tensor_function(self, node: Call) -> str:
        if self.registry.in_formula(node.name, "losses"):
            return f"'{node.name}' cannot be used inside an argument; it works between losses."
        if node.part:
            return (
                f"There is no network called '{node.name}'. Give it by networks={{'{node.name}': "
                f"model}}, on the command line by --network {node.name}=FILE.keras."
            )
        names = [n for n, f in self.registry.functions.items() if f.on != "losses"]
        return (
            f"There is no function of tensors called '{node.name}'.{did_you_mean(node.name, names)}"
        )

    # -- both ------------------------------------------------------------------------------------

    def _common(self, node: Node, resolve: Callable[[Node], Use]) -> Use:
        if isinstance(node, Number):
            return Constant(node, float(number(node, self.text)))
        if isinstance(node, Negative):
            minus_one = Constant(node, -1.0)
            return Arithmetic(node, ("*",), (minus_one, resolve(node.operand)))
        if isinstance(node, Infix):
            return Arithmetic(node, node.operators, tuple(map(resolve, node.operands)))
        if isinstance(node, Power):
            return Arithmetic(node, ("**",), (resolve(node.base), resolve(node.exponent)))
        raise self._error(node, f"{node} is a setting's value; write it as name={node}.")

    def _function(
        self, node: Call, function: Function, resolve: Callable[[Node], Use]
    ) -> FunctionUse:
        signature = function.signature
        least, most = len(signature.required), len(signature.positional)
        if len(node.args) < least or (len(node.args) > most and signature.variadic is None):
            expected = f"{least}" if least == most else f"{least} to {most}"
            if signature.variadic is not None:
                expected = f"at least {least}"
            raise self._error(
                node,
                f"'{function.name}' takes {expected} argument{'s' * (expected != '1')} "
                f"({', '.join(signature.positional)}), not {len(node.args)}.",
            )
        settings = settings_of(function, dict(node.kwargs), node, self.text)
        return FunctionUse(node, function, tuple(map(resolve, node.args)), settings)

    def _called(self, node: Name | Call, found: Declaration) -> Call:
        if isinstance(node, Name):
            raise self._error(node, f"'{node.name}' is a {found.kind}: write {node.name}(…).")
        return node

    def _number(self, node: Node, schedule: Schedule, name: str) -> float:
        value = literal(node, self.text)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._error(node, f"'{schedule.name}' takes numbers.")
        wrong = schedule.refusal(name, value)
        if wrong:
            raise self._error(node, wrong)
        return float(value)

    def _error(self, node: Node, sentence: str) -> FormulaError:
        return error_at(node, self.text, sentence)


def _names_a_layer(part: str, layers: Collection[str]) -> bool:
    """Whether it is a layer's name, which may be followed by '.call2' and '.out1'."""
    while part not in layers:
        part, dot, tail = part.rpartition(".")
        if not dot or not tail.startswith(("call", "out")):
            return False
    return True
