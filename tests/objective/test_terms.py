"""From text to terms: names, coefficients, bindings, and what is refused; without TensorFlow."""

from __future__ import annotations

import pytest

import tfloss
from tests.objective.builders import SCOPE
from tfloss.formula import FormulaError
from tfloss.objective import Scope, plan_terms
from tfloss.objective.coefficients import constant_value


@pytest.mark.parametrize(
    ("formula", "names", "coefficients"),
    [
        ("bce", ["bce"], [1.0]),
        ("bce + 0.1*abs_kl", ["bce", "abs_kl"], [1.0, 0.1]),
        ("bce*0.5", ["bce"], [0.5]),
        ("bce/2*3", ["bce"], [1.5]),
        ("2*(3*bce)", ["bce"], [6.0]),
        ("(1 + 2)*bce", ["bce"], [3.0]),
        ("2**3*bce", ["bce"], [8.0]),
        ("2*(bce + kl)", ["bce + kl"], [2.0]),
        ("kl + kl + 2*kl", ["kl", "kl#2", "kl#3"], [1.0, 1.0, 2.0]),
        ("1/bce", ["1/bce"], [1.0]),
        ("bce*kl*2", ["bce*kl"], [2.0]),
        ("rowweight*(bce + abs(kl))", ["rowweight*(bce + abs(kl))"], [1.0]),
        ("0*kl + bce", ["kl", "bce"], [0.0, 1.0]),
        ("--bce", ["bce"], [1.0]),
        ("mse(hidden1,hidden2)", ["mse(hidden1, hidden2)"], [1.0]),
        ("1 - exp(-bce/2)", ["1 - exp(-bce/2)"], [1.0]),
        ("(1 - exp(-bce)) + kl", ["1 - exp(-bce)", "kl"], [1.0, 1.0]),
        ("kl + 0.5*(1 - exp(-bce))", ["kl", "1 - exp(-bce)"], [1.0, 0.5]),
        ("kl + 1 - exp(-bce) + bce", ["kl", "1 - exp(-bce)", "bce"], [1.0, 1.0, 1.0]),
    ],
)
def test_names_and_coefficients(registry, formula, names, coefficients):
    terms = plan_terms(formula, registry, SCOPE)
    assert [term.name for term in terms] == names
    assert [constant_value(term.coefficient) for term in terms] == coefficients


def test_no_term_is_logged_as_the_total(registry):
    own = tfloss.Registry(registry.plugins)
    for name in ("total", "loss"):
        own.add(tfloss.loss(lambda labels: labels[:, 0], name=name))
    assert [t.name for t in plan_terms("total + loss + bce", own, SCOPE)] == [
        "total#2",
        "loss#2",
        "bce",
    ]


@pytest.mark.parametrize(
    ("formula", "coefficients"),
    [
        ("bce - 0.1*entropy", [1.0, -0.1]),
        ("-bce", [-1.0]),
        ("-(bce - kl)", [-1.0, 1.0]),
        ("2*-bce", [-2.0]),
        ("bce*(0 - 1)", [-1.0]),
        ("linear(-1, 0, steps=5)*bce", [None]),
        ("kl - linear(0, 1, steps=5)*bce", [1.0, None]),
        ("(1 - 2*linear(0, 1, steps=5))*bce", [None]),
        ("(1 - warmup(2, steps=5))*bce", [None]),
    ],
)
def test_negative_coefficients_must_be_asked_for(registry, formula, coefficients):
    with pytest.raises(FormulaError, match="allow-negative"):
        plan_terms(formula, registry, SCOPE)
    terms = plan_terms(formula, registry, SCOPE, allow_negative=True)
    assert [constant_value(term.coefficient) for term in terms] == coefficients


@pytest.mark.parametrize(
    "formula",
    [
        "-linear(-1, 0, steps=5)*bce",
        "(1 - linear(0, 1, steps=5))*bce",
        "linear(1, 2, steps=5)**-1*bce",
    ],
)
def test_schedules_that_stay_above_zero_pass(registry, formula):
    plan_terms(formula, registry, SCOPE)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("bec", "Did you mean 'bco' or 'bce'?"),
        ("3", "has no loss"),
        ("bce + 3", "has no loss"),
        ("rowweight", "has no loss"),
        ("hidden1*bce", "is a tensor, not a loss"),
        ("bce/0", "not a finite number"),
        ("1e300*bce", "1e+300 is too large for float32"),
        ("1e30*1e30*bce", "too large for float32"),
        ("1e-30*1e-30*bce", "too small for float32"),
        ("mse(hidden1/1e39, hidden1)", "too large for float32"),
        ("huber(delta=1e-39)", "too small for float32"),
        ("2**100000*bce", "not a finite number"),
        ("huber(dleta=1)", "Did you mean 'delta'"),
        ("huber(delta='a')", "'delta' of 'huber' is a number, not 'a'"),
        ("huber(delta=true)", "is a number, not true"),
        ("huber(delta=[1, 2])", "is a number, not [1, 2]"),
        ("huber(delta=hidden1)", "A setting is a number"),
        ("kl(hidden9)", "no tensor 'hidden9'. Did you mean"),
        ("kl(a, b, c)", "takes 2 tensors"),
        ("kl(teacher, teacher=teacher)", "twice"),
        ("kl('x')", "There is no tensor 'x'."),
        ("mse(bce, hidden1)", "no tensor 'bce'"),
        ("mse(linear(0, 1, steps=1), hidden1)", "works between losses"),
        ("mse(foo(hidden1), hidden1)", "no function of tensors called 'foo'"),
        ("sum", "is a reduction: write sum(…)"),
        ("sum(bce, kl)", "exactly one loss"),
        ("abs()*bce", "takes 1 argument ("),
        ("maximum(bce)", "takes 2 arguments ("),
        ("linear(0, true, steps=1)*bce", "'linear' takes numbers"),
        ("linear(0, 'x', steps=1)*bce", "'linear' takes numbers"),
        ("mse(hiden1, hidden2)", "There is no tensor 'hiden1'. Did you mean 'hidden1'"),
        ("mse(abss(hidden1), hidden1)", "Did you mean 'abs'"),
        ("l2('logit/*')", "Did you mean 'logits'? There are: logits/kernel, logits/bias."),
        ("huber(dleta=1)*kl", "It has: delta, "),
        ("abs(bce, kl)", "takes 1 argument"),
        ("linear(0, 1)*bce", "needs its setting 'steps'"),
        ("linear(0, 1, steps=1, epochs=1)*bce", "not both"),
        ("linear(0, 1, steps=0)*bce", "is 0 but must be positive"),
        ("exponential(0, 1, steps=1)*bce", "'start' of 'exponential' is 0 but must be positive"),
        ("focal(gamma=-1)", "'gamma' of 'focal' is -1 but must not be negative"),
        ("kd(temperature=0)", "'temperature' of 'kd' is 0 but must be positive"),
        ("triplet(embedding=hidden1, mining='soft')", "must be 'hard' or 'semihard'"),
        ("logit_adjusted(counts=[3, 0])", "must be positive, each"),
        ("taylor_ce(order=1.5)", "must be a whole number"),
        ("renyi(order=1)", "must not be 1; use kl"),
        ("linear(0, bce, steps=1)*bce", "A setting is a number"),
        ("linear(0, steps=1)*bce", "takes 2 numbers"),
        ("l2('nothing*')", "No weight of the student matches"),
        ("l2(1 + 2)", "named by a layer or by a pattern"),
        ("softmax(bce)", "There is no function or loss called 'softmax'"),
    ],
)
def test_what_is_refused(registry, formula, words):
    with pytest.raises(FormulaError) as caught:
        plan_terms(formula, registry, SCOPE)
    assert words in caught.value.message
    assert 0 <= caught.value.start < caught.value.end <= max(len(formula), 1) + 1


def test_a_missing_teacher_says_how_to_name_one(registry):
    scope = Scope([entry for entry in SCOPE.values() if entry.name != "teacher"])
    with pytest.raises(FormulaError, match="--teacher"):
        plan_terms("kl", registry, scope)


def test_where_there_is_nothing_the_message_says_none(registry):
    nothing = Scope()
    for formula, words in (
        ("l2('*')", "There are: none."),
        ("mse(a, b)", "There are: none."),
        ("bce", "There are: none."),
    ):
        with pytest.raises(FormulaError) as caught:
            plan_terms(formula, registry, nothing)
        assert words in caught.value.message


def test_two_scopes_know_what_both_know():
    known, open_ended = Scope(), Scope(open_ended=True)
    for one, other in ((known, open_ended), (open_ended, known)):
        assert (one | other).open_ended
    for one, other in ((known, Scope(weights_known=False)), (Scope(weights_known=False), known)):
        assert not (one | other).weights_known
    assert not (known | known).open_ended
    assert (known | known).weights_known


def test_a_schedule_may_have_no_duration(registry):
    @tfloss.schedule
    def constant(step, value):
        return value

    own = tfloss.Registry(registry.plugins).add(constant)
    plan_terms("constant(2)*bce", own, SCOPE)


def test_layers_that_are_not_known_yet_pass(registry):
    early = Scope(SCOPE.values(), open_ended=True, weights_known=False)
    plan_terms("kl(hidden9) + l2('later/*')", registry, early)
    unknown = Scope((), open_ended=True, weights_known=False)
    (use,) = plan_terms("focal", registry, unknown)[0].losses
    assert set(use.tensors) == set(use.loss.signature.required)
    with pytest.raises(FormulaError, match="Did you mean 'kl'"):
        plan_terms("kll(hidden9)", registry, early)
