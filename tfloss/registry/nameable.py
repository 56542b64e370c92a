"""Declarations as pieces of formulas that are built in Python, with its operators."""

from __future__ import annotations

from typing import Any


class Nameable:
    """A declaration that can stand in a formula, also when that is built in Python."""

    name: str

    def __formula__(self) -> Any:
        from tfloss.formula import Name

        return Name(self.name)

    def term(self, *args: Any, **settings: Any) -> Any:
        """The call of this name as a formula: `kl.term(teacher="rf")` is `kl(teacher=rf)`.

        What is bound to a tensor is a formula or its text; a setting is a number, a text, a bool,
        None, or a list of these.
        """
        from tfloss.formula import Call, as_node, as_setting

        tensors = self.signature.positional  # type: ignore[attr-defined]
        keywords = tuple(
            (name, as_node(value) if name in tensors else as_setting(value))
            for name, value in settings.items()
        )
        return Call(self.name, tuple(as_node(value) for value in args), keywords)

    def __add__(self, other: Any) -> Any:
        return self.__formula__() + other

    def __radd__(self, other: Any) -> Any:
        return other + self.__formula__()

    def __sub__(self, other: Any) -> Any:
        return self.__formula__() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self.__formula__()

    def __mul__(self, other: Any) -> Any:
        return self.__formula__() * other

    def __rmul__(self, other: Any) -> Any:
        return other * self.__formula__()

    def __truediv__(self, other: Any) -> Any:
        return self.__formula__() / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.__formula__()

    def __pow__(self, other: Any) -> Any:
        return self.__formula__() ** other

    def __neg__(self) -> Any:
        return -self.__formula__()

    def __abs__(self) -> Any:
        return abs(self.__formula__())
