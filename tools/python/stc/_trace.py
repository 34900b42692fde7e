"""What mask and score functions compute: they are called once, with symbols for what they are given."""

from __future__ import annotations

import operator
from typing import Any, Callable, NoReturn


class TraceError(ValueError):
    """A mask function does what no set of pairs expresses, or a score function what the compiler does
    not know; the message names the operation."""


def _refuse(message: str) -> NoReturn:
    raise TraceError(message)


# How Python spells the operators that symbols know by methods.
_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "divmod": "divmod",
    "pow": "**", "matmul": "@", "lshift": "<<", "rshift": ">>", "and": "&", "or": "|", "xor": "^",
}  # fmt: skip
_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_UNARY = {"neg": "-", "pos": "+", "invert": "~", "abs": "abs"}
_CONVERSIONS = {
    "int": "int()", "float": "float()", "complex": "complex()", "round": "round()", "trunc": "trunc()",
    "floor": "floor()", "ceil": "ceil()", "len": "len()", "iter": "a loop", "contains": "in", "getitem": "[...]",
    "call": "a call",
}  # fmt: skip


class _Symbol:
    """What stands for a value that is not known while a mask is traced. All operations are refused
    that a subclass does not define."""

    what = "a value"
    expected = "an affine condition on i and j"
    # NumPy's scalars then leave operators to the methods here.
    __array_ufunc__ = None

    def __bool__(self) -> bool:
        _refuse(
            f"expected no branch on {self.what}, found `if`, `and`, `or`, `not` or a chain of comparisons: "
            "write &, | and ~, with parentheses around comparisons"
        )

    def __index__(self) -> int:
        _refuse(f"expected {self.expected}, found a tensor, list or range that is read at {self.what}")

    def __array__(self, *arguments: Any, **keywords: Any) -> NoReturn:
        _refuse(f"expected {self.expected}, found an array that is read at, or made of, {self.what}")

    def __hash__(self) -> int:
        _refuse(f"expected {self.expected}, found a table that is read at {self.what}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and libraries ask for protocols
            raise AttributeError(name)
        _refuse(f"expected {self.expected}, found .{name} of {self.what}")

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        name = getattr(function, "__name__", str(function)).strip("_")
        _refuse(f"expected {cls.expected}, found torch.{name}, which takes a tensor")


def _refused(spelling: str) -> Callable[..., Any]:
    def method(self: _Symbol, *others: Any) -> Any:
        beside = f" and {_described(others[0])}" if others else ""
        hint = ": // rounds down" if spelling == "/" and isinstance(self, Position) else ""
        _refuse(f"expected {self.expected}, found {spelling} of {self.what}{beside}{hint}")

    return method


for _name, _spelling in {**_OPERATORS, **_COMPARISONS, **_UNARY, **_CONVERSIONS}.items():
    setattr(_Symbol, f"__{_name}__", _refused(_spelling))
    if _name in _OPERATORS:
        setattr(_Symbol, f"__r{_name}__", _refused(_spelling))


def _described(value: Any) -> str:
    if isinstance(value, _Symbol):
        return value.what
    if isinstance(value, (bool, int, float)):
        return repr(value)
    kind = type(value)
    return "a tensor" if kind.__name__ in ("Tensor", "ndarray", "Parameter") else f"a value of type {kind.__name__}"


class _Index(_Symbol):
    """What a mask function is called with. The and_masks and or_masks of PyTorch start with b's
    methods here, those of Transformers with i's."""

    def new_ones(self, shape: Any, dtype: Any = None) -> Condition:
        return Condition.constant(True)

    def new_zeros(self, shape: Any, dtype: Any = None) -> Condition:
        return Condition.constant(False)


class _Unknown(_Index):
    """A batch or a head that the pattern must not depend on."""

    def __init__(self, what: str):
        self.what = what


_BATCH = _Unknown("the batch b, while a pattern is the same for all sequences of a batch")
_HEAD = _Unknown("the head h, while the number of heads is not known: stc.Pattern(mask, heads=...)")


class Position(_Index):
    """A whole number that depends on i and j: a constant and a sum of terms, each with a factor. A
    term is i, j, a floor of a quotient, a remainder, or an absolute value."""

    what = "a position"

    def __init__(self, terms: dict[str, int], constant: int = 0):
        self.terms = {term: factor for term, factor in terms.items() if factor}
        self.constant = constant

    @staticmethod
    def of(value: Any) -> Position | None:
        """A position, or an integer as one; nothing for what is neither."""
        if isinstance(value, Position):
            return value
        if isinstance(value, (_Symbol, bool)):
            return None
        try:
            return Position({}, operator.index(value))
        except TypeError:
            return None

    def __str__(self) -> str:
        text = ""
        for term, factor in self.terms.items():
            sign = " - " if factor < 0 else " + "
            text += sign + (term if abs(factor) == 1 else f"{abs(factor)}*{term}")
        if self.constant or not text:
            text += f" {'-' if self.constant < 0 else '+'} {abs(self.constant)}"
        return text[3:] if text.startswith(" + ") else "-" + text[3:]

    def __add__(self, other: Any) -> Position:
        right = Position.of(other)
        if right is None:
            return _refused("+")(self, other)
        terms = {term: self.terms.get(term, 0) + right.terms.get(term, 0) for term in {**self.terms, **right.terms}}
        return Position(terms, self.constant + right.constant)

    def __neg__(self) -> Position:
        return self._times(-1)

    def __pos__(self) -> Position:
        return self

    def __sub__(self, other: Any) -> Position:
        right = Position.of(other)
        return _refused("-")(self, other) if right is None else self + -right

    def __rsub__(self, other: Any) -> Position:
        return -self + other

    def __mul__(self, other: Any) -> Position:
        right = Position.of(other)
        if right is None or (self.terms and right.terms):
            return _refused("*")(self, other)
        return right._times(self.constant) if right.terms else self._times(right.constant)

    def _times(self, factor: int) -> Position:
        return Position({term: factor * known for term, known in self.terms.items()}, factor * self.constant)

    def _divisor(self, spelling: str, other: Any) -> int:
        right = Position.of(other)
        if right is None or right.terms:
            return _refused(spelling)(self, other)
        if right.constant == 0:
            raise ZeroDivisionError(f"{spelling} of a position and 0")
        return right.constant

    # Python's // and % round down, as floor and mod of sets do, whose divisors are positive.
    def __floordiv__(self, other: Any) -> Position:
        divisor = self._divisor("//", other)
        if divisor < 0:
            return -self // -divisor
        return Position({f"floor(({self})/{divisor})": 1}) if self.terms else Position({}, self.constant // divisor)

    def __mod__(self, other: Any) -> Position:
        divisor = self._divisor("%", other)
        if divisor < 0:
            return -(-self % -divisor)
        return Position({f"(({self}) mod {divisor})": 1}) if self.terms else Position({}, self.constant % divisor)

    def __divmod__(self, other: Any) -> tuple[Position, Position]:
        return self // other, self % other

    def __abs__(self) -> Position:
        return Position({f"max({self}, {-self})": 1}) if self.terms else Position({}, abs(self.constant))

    __radd__ = __add__
    __rmul__ = __mul__


def _comparison(spelling: str, holds: Callable[[int, int], bool]) -> Callable[[Position, Any], Any]:
    relation = "=" if spelling == "==" else spelling

    def method(self: Position, other: Any) -> Condition:
        right = Position.of(other)
        if right is None:
            return _refused(spelling)(self, other)
        if not self.terms and not right.terms:
            return Condition.constant(holds(self.constant, right.constant))
        return Condition(f"{self} {relation} {right}")

    return method


for _name, _spelling in _COMPARISONS.items():
    setattr(Position, f"__{_name}__", _comparison(_spelling, getattr(operator, _name)))


class Condition(_Symbol):
    """What a comparison of positions gives. `joined` is the operation that the text is of, "and" or
    "or", if any."""

    what = "a comparison of positions"
    device = None

    def __init__(self, text: str, joined: str = ""):
        self.text, self.joined = text, joined

    def to(self, device: None) -> Condition:
        """Itself. The and_masks and or_masks of Transformers move conditions to the device of another."""
        return self

    @staticmethod
    def constant(value: bool) -> Condition:
        return Condition("true" if value else "false")

    @staticmethod
    def of(value: Any) -> Condition | None:
        """A condition, or a truth value as one; nothing for what is neither."""
        if isinstance(value, Condition):
            return value
        if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):  # NumPy's
            return Condition.constant(bool(value))
        return None

    def _join(self, word: str, right: Condition) -> Condition:
        # The value that decides, and the one that changes nothing.
        decides, neutral = ("false", "true") if word == "and" else ("true", "false")
        if decides in (self.text, right.text):
            return Condition(decides)
        if neutral in (self.text, right.text):
            return right if self.text == neutral else self
        inside = [f"({one.text})" if one.joined not in ("", word) else one.text for one in (self, right)]
        return Condition(f" {word} ".join(inside), word)

    def __and__(self, other: Any) -> Condition:
        right = Condition.of(other)
        return _refused("&")(self, other) if right is None else self._join("and", right)

    def __or__(self, other: Any) -> Condition:
        right = Condition.of(other)
        return _refused("|")(self, other) if right is None else self._join("or", right)

    def __xor__(self, other: Any) -> Condition:
        right = Condition.of(other)
        return _refused("^")(self, other) if right is None else (self & ~right) | (~self & right)

    def __invert__(self) -> Condition:
        if self.text in ("true", "false"):
            return Condition.constant(self.text == "false")
        return Condition(f"not ({self.text})")

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__


def trace(mask: Callable[..., Any], head: int | None) -> str:
    """The set notation of mask(b, h, i, j) for one head, or for all where it must not matter."""
    result = mask(_BATCH, _HEAD if head is None else head, Position({"i": 1}), Position({"j": 1}))
    condition = Condition.of(result)
    if condition is None:
        raise TypeError(f"expected a mask that returns a condition or a bool, found {_described(result)}")
    return f"{{ [i] -> [j] : {condition.text} }}"


class _Score(_Symbol):
    """A score times a factor."""

    what = "the score"
    expected = "the score times a constant, the one change of scores that is compiled"

    def __init__(self, factor: float):
        self.factor = factor

    @staticmethod
    def _is_constant(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def __mul__(self, other: Any) -> _Score:
        return _Score(self.factor * other) if self._is_constant(other) else _refused("*")(self, other)

    def __truediv__(self, other: Any) -> _Score:
        return _Score(self.factor / other) if self._is_constant(other) else _refused("/")(self, other)

    def __neg__(self) -> _Score:
        return _Score(-self.factor)

    __rmul__ = __mul__


def trace_score(score_mod: Callable[..., Any]) -> float:
    """By what score_mod(score, b, h, i, j) multiplies each score."""
    result = score_mod(_Score(1), _Unknown("the batch"), _Unknown("the head"), Position({"i": 1}), Position({"j": 1}))
    if not isinstance(result, _Score):
        _refuse(f"expected {_Score.expected}, found {_described(result)}")
    return result.factor


Mask = Callable[[Any, Any, Any, Any], Any]


def and_masks(*masks: Mask) -> Mask:
    """The mask function of the pairs that all of `masks` have; of none, of all pairs."""

    def mask(b: Any, h: Any, i: Any, j: Any) -> Any:
        result: Any = True
        for one in masks:
            result = one(b, h, i, j) & result
        return result

    return mask


def or_masks(*masks: Mask) -> Mask:
    """The mask function of the pairs that any of `masks` has; of none, of no pair."""

    def mask(b: Any, h: Any, i: Any, j: Any) -> Any:
        result: Any = False
        for one in masks:
            result = one(b, h, i, j) | result
        return result

    return mask
