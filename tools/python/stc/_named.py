"""A function for each named pattern, made from the compiler's own list of them."""

import keyword
import operator
from typing import Any, Callable

from ._library import COMPILER
from ._pattern import Pattern


def _function(name: str, forms: list[tuple[list[str], str]]) -> Callable[..., Pattern]:
    def make(*arguments: int, **named: int) -> Pattern:
        for parameters, _ in forms:
            rest = parameters[len(arguments) :]
            if set(rest) == set(named):
                arguments = (*arguments, *(named[parameter] for parameter in rest))
                break
        else:
            if named:
                raise TypeError(f"expected {' or '.join(calls)}, found other names: {', '.join(named)}")
        try:
            numbers = [operator.index(argument) for argument in arguments]
        except TypeError:
            raise TypeError(f"expected {' or '.join(calls)} with integers, found {arguments}") from None
        return Pattern(f"{name}({', '.join(map(str, numbers))})" if numbers else name)

    calls = [f"{name}({', '.join(parameters)})" for parameters, _ in forms]
    make.__name__ = make.__qualname__ = python_name(name)
    make.__module__ = "stc"
    make.__doc__ = "\n".join(f"{call}: {meaning}." for call, (_, meaning) in zip(calls, forms))
    make.__doc__ += "\n\nTakes integers. ValueError: one is out of its range, or there are too few or too many."
    return make


def python_name(name: str) -> str:
    """`global` is a word of Python."""
    return name + "_" if keyword.iskeyword(name) else name


def _functions() -> dict[str, Callable[..., Pattern]]:
    forms: dict[str, list[tuple[list[str], str]]] = {}
    for line in COMPILER.text_of("stcNamedPatterns").splitlines():
        head, meaning = line.split("\t")
        name, *parameters = head.split(" ")
        forms.setdefault(name, []).append((parameters, meaning))
    return {python_name(name): _function(name, of_name) for name, of_name in forms.items()}


functions: dict[str, Any] = _functions()
