"""Patterns as predicates on positions, written here once more, so that nothing is taken from the compiler that
is checked."""

import ast
import inspect
import operator
import re
from collections.abc import Callable
from functools import reduce

from torch import Tensor

Mask = Callable[[Tensor, Tensor], Tensor]
"""Whether query i sees key j, of positions as integers that broadcast."""

LONGEST = 2**30
"""The longest sequence."""


def neighborhood(h: int, w: int, kh: int, kw: int | None = None) -> Mask:
    """Rows up to kh // 2 above and columns up to kw // 2 aside in images of h x w, which do not see each other."""
    image, up, side = min(h * w, LONGEST), kh // 2, (kw or kh) // 2
    return lambda i, j: ((j <= i) & (i // image == j // image) & (i // w - j // w <= up)
                         & (abs(i % w - j % w) <= side))


def longnet(w: int, a: int, s: int = 0) -> Mask:
    """Segments of w, w * a, ... of which each keeps every a-th of the positions that the one before it keeps, s among
    them."""
    levels = [(min(w * a**m, LONGEST), min(a**m, LONGEST)) for m in range(31) if w * a**m < LONGEST * a]

    def mask(i: Tensor, j: Tensor) -> Tensor:
        same = [(i // segment == j // segment) & (i % every == s % every) & (j % every == s % every)
                for segment, every in levels]
        return (j <= i) & reduce(operator.or_, same)
    return mask


def summary(l: int, c: int, s: int = 0) -> Mask:
    """The s-th sub-block of c positions from the end of each block of l."""
    return lambda i, j: (j <= i) & (j % l >= l - c * (s + 1)) & (j % l < l - c * s)


def fixed(l: int, c: int, s: int = 0) -> Mask:
    sub_block = summary(l, c, s)
    return lambda i, j: (j <= i) & (i // l == j // l) | sub_block(i, j)


PATTERNS: dict[str, Callable[..., Mask]] = {
    "dense": lambda: lambda i, j: j <= i,
    "local": lambda w: lambda i, j: (j <= i) & (i - j <= w),
    "stride": lambda l: lambda i, j: (j <= i) & ((i - j) % l == 0),
    "strided": lambda l: lambda i, j: (j <= i) & ((i - j <= l) | ((i - j) % l == 0)),
    "block": lambda l: lambda i, j: (j <= i) & (i // l == j // l),
    "blocks": lambda l, k: lambda i, j: (j <= i) & ((i // l - j // l) % k == 0),
    "summary": summary,
    "fixed": fixed,
    "sinks": lambda k: lambda i, j: (j <= i) & (j < k),
    "dilated": lambda w, d: lambda i, j: (j <= i) & (i - j < min(w * d, LONGEST)) & ((i - j) % d == 0),
    "global": lambda k, l=LONGEST: lambda i, j: (j <= i) & ((j % l < k) | (i % l < k)),
    "axial": lambda w: lambda i, j: (j <= i) & ((i // w == j // w) | ((i - j) % w == 0)),
    "longnet": longnet,
    "neighborhood": neighborhood,
}

OPERATIONS: dict[str, Callable[[Mask, Mask], Mask]] = {
    "|": lambda a, b: lambda i, j: a(i, j) | b(i, j),
    "-": lambda a, b: lambda i, j: a(i, j) & ~b(i, j),
    "&": lambda a, b: lambda i, j: a(i, j) & b(i, j),
}


def parse_pattern(text: str) -> tuple[str, list[int]]:
    """The name and the numbers of "fixed(128, 32)"."""
    match = re.fullmatch(r"(\w+)(?:\(([\d, ]+)\))?", text)
    if not match or match[1] not in PATTERNS:
        raise ValueError(f"expected one of {', '.join(PATTERNS)}, found the pattern {text!r}")
    numbers = [int(number) for number in (match[2] or "").split(",") if number]
    try:
        inspect.signature(PATTERNS[match[1]]).bind(*numbers)
    except TypeError as error:
        raise ValueError(f"expected other numbers for {match[1]} ({error}), found the pattern {text!r}") from None
    return match[1], numbers


NUMBERS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
           ast.FloorDiv: operator.floordiv}
COMPARISONS = {ast.Eq: operator.eq, ast.LtE: operator.le, ast.Lt: operator.lt, ast.GtE: operator.ge, ast.Gt: operator.gt}


def parse_set(text: str) -> Mask:
    """Of "{ [i] -> [j] : CONDITION }": comparisons, 'and', 'or', 'mod', 'floor' and parentheses."""
    match = re.fullmatch(r"\{ *\[i\] *-> *\[j\] *:(.*)\}", text)
    if not match:
        raise ValueError(f"expected {{ [i] -> [j] : ... }}, found the pattern {text!r}")
    python = re.sub(r"(\d)([ij])", r"\1*\2", match[1].replace("floor(", "(").replace("/", "//"))
    python = re.sub(r"(?<![<>])=", "==", re.sub(r"\bmod\b", "%", python))
    try:
        condition = ast.parse(python.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"expected a condition on i and j, found the pattern {text!r}") from None

    def value(node: ast.expr, i: Tensor, j: Tensor) -> Tensor | int:
        match node:
            case ast.BoolOp():
                join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
                return reduce(join, [value(one, i, j) for one in node.values])
            case ast.Compare():
                sides = [value(one, i, j) for one in (node.left, *node.comparators)]
                holds = [COMPARISONS[type(op)](*pair) for op, pair in zip(node.ops, zip(sides, sides[1:]))]
                return reduce(operator.and_, holds)
            case ast.BinOp() if type(node.op) in NUMBERS:
                return NUMBERS[type(node.op)](value(node.left, i, j), value(node.right, i, j))
            case ast.UnaryOp(op=ast.USub()):
                return -value(node.operand, i, j)
            case ast.Name(id="i" | "j"):
                return i if node.id == "i" else j
            case ast.Constant(value=int()):
                return node.value
        raise ValueError(f"expected sums, 'mod', 'floor' and comparisons, found the pattern {text!r}")

    return lambda i, j: value(condition, i, j)


def mask_of(text: str) -> Mask:
    """Of names and sets with '|' and '-', '&', which binds closer, and parentheses."""
    rest = re.findall(r"\{[^}]*\}|\w+\([\d, ]+\)|\w+|\S", text)

    def primary() -> Mask:
        word = rest.pop(0) if rest else "the end"
        if word.startswith("{"):
            return parse_set(word)
        if word != "(":
            name, numbers = parse_pattern(word)
            return PATTERNS[name](*numbers)
        inner = union()
        if not rest or rest.pop(0) != ")":
            raise ValueError(f"expected ')' in the pattern {text!r}")
        return inner

    def joined(operand: Callable[[], Mask], signs: str) -> Mask:
        mask = operand()
        while rest and rest[0] in signs:
            mask = OPERATIONS[rest.pop(0)](mask, operand())
        return mask

    def union() -> Mask:
        return joined(lambda: joined(primary, "&"), "|-")

    mask = union()
    if rest:
        raise ValueError(f"expected '|', '&', '-' or the end, found {rest[0]!r} in the pattern {text!r}")
    return mask
