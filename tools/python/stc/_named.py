"""A function for each named pattern, made from the compiler's own list of them."""

import keyword
import operator
from typing import Callable, NamedTuple

from ._library import COMPILER
from ._pattern import Pattern


class _Form(NamedTuple):
    """One of the ways to call a named pattern. The ranges of its parameters are a line of their own."""

    parameters: list[str]
    meaning: str
    ranges: str


def _function(name: str, forms: list[_Form]) -> Callable[..., Pattern]:
    def make(*arguments: int, **named: int) -> Pattern:
        for form in forms:
            rest = form.parameters[len(arguments) :]
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

    calls = [f"{python_name(name)}({', '.join(form.parameters)})" for form in forms]
    make.__name__ = make.__qualname__ = python_name(name)
    make.__module__ = "stc"
    lines = [f"{call}: {form.meaning}.{form.ranges}" for call, form in zip(calls, forms)]
    lines += ["", "Takes integers. ValueError: one is out of its range, or there are too few or too many."]
    make.__doc__ = "\n".join(lines)
    return make


def python_name(name: str) -> str:
    """`global` is a word of Python."""
    return name + "_" if keyword.iskeyword(name) else name


def _functions() -> dict[str, Callable[..., Pattern]]:
    forms: dict[str, list[_Form]] = {}
    for line in COMPILER.text_of("stcNamedPatterns").splitlines():
        call, meaning, ranges = line.split("\t")
        name, *parameters = call.split(" ")
        forms.setdefault(name, []).append(_Form(parameters, meaning, ranges and f"\n    {ranges}"))
    return {python_name(name): _function(name, of_name) for name, of_name in forms.items()}


functions = _functions()
