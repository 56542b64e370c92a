"""What the parser promises about any text at all, and the texts to begin with."""

from __future__ import annotations

from tfloss.formula import FormulaError, parse, to_latex, to_text

SEEDS = (
    "bce + 0.1*abs_kl",
    "ce + 0.5*kd(temperature=4)",
    "mse(softmax(logits/4), teacher.logits) - 2**-1*kl(teacher=rf)",
    "linear(0, 1, epochs=10)*kl",
    "f('x', \"it's\", true, none, [1, -2.5e-3, [a]])",
    "-a**-b**2/(c - d)*--e",
    "sum(abs(a - b))**.5 + max(minimum(a, 1e3))",
    "((((a))))",
    "\u2212a \u00b7 b^2",
    "a\n+\tb\r\n",
)

WORDS = (
    *("bce", "kl", "teacher", "true", "false", "none", "abs(", "f(", "x=", "'t'", '\\"t\\"'),
    *("**", "+", "-", "*", "/", "(", ")", "[", "]", ",", "=", ".", "1e308", "1e999", "1e-999"),
    *("0.", ".5", "__import__", "__class__", "lambda", "a.b", "-(", "((", "))", "**-"),
)

# What would run something in a parser that ran things.
INJECTIONS = (
    "__import__('os').system('true')",
    "__import__(name='os')",
    "eval('1')",
    "exec(code='import os')",
    "compile('1', 'x', 'eval')",
    "open('/etc/passwd')",
    "bce.__class__.__mro__",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 0)()",
    "[x for x in (1, 2)]",
    "bce if 1 else kl",
    "bce; import os",
    "bce\nimport os",
    "bce # import os",
    "f'{bce}'",
    "f(x='{0.__class__}')",
    "f(x='%s%n')",
    "f(x='$(true)')",
    "f(x='`true`')",
    "f(x='; true')",
    "f(x='../../../etc/passwd')",
    "f(x='file:///etc/passwd')",
    "f(x='http://127.0.0.1:9/')",
    "f(x='os:system')",
    "os.system('true')",
    "os:system",
    "subprocess.run(['true'])",
    "!true",
    "%run x",
    "@tfloss.loss",
    "a := 1",
    "a = 1",
    "*a, **b",
    "f(*a)",
    "f(**a)",
    "a[0]",
    "a.b.c.__init__.__globals__",
    "globals()",
    "getattr(a, 'b')",
    "print(1)",
    "\\x5f\\x5fimport\\x5f\\x5f",
    "\uff3f\uff3fimport\uff3f\uff3f('os')",
    "b\u0441e",
    "bce\x00",
    "\ufeffbce",
    "\u202ebce",
    "{{7*7}}",
    "${7*7}",
    "<script>alert(1)</script>",
    "f(x='\\N{BULLET}')",
    "\\input{/etc/passwd}",
    "1_000",
    "0x10",
    "1j",
    "True",
    "None()",
)


def keep(text: str) -> bool:
    """Raise AssertionError, or whatever was raised, where `text` breaks a promise.

    Returns:
        whether it is a formula.
    """
    try:
        node = parse(text)
    except FormulaError as error:
        assert 0 <= error.start < error.end, text
        assert str(error).count("\n") == 2, text
        return False
    to_latex(node)
    printed = to_text(node)
    try:
        again = parse(printed)
    except FormulaError as error:
        # Spaces around signs, or 1e3 as 1000.0, can make a formula longer than is allowed.
        assert "at most 4096" in error.message, text
        return True
    assert again == node, text
    assert to_text(again) == printed, text
    return True
