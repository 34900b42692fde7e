"""Patterns: which positions attend to which."""

from __future__ import annotations

import ctypes
import math
import operator
import re
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Sequence

import numpy

from ._library import COMPILER, encoded, texts
from ._trace import trace

# The positions that a picture in a notebook is of; it draws the first few periods of them.
_PICTURED = 8192


@dataclass(frozen=True)
class Reach:
    """Whether every position reaches all later ones through some layers; true or false itself.

    hops: after how many layers every position does; None where one does not.
    missing: else a pair (i, j): what stands at j does not reach i.
    """

    hops: int | None
    missing: tuple[int, int] | None

    def __bool__(self) -> bool:
        return self.missing is None


def _length(n: Any) -> ctypes.c_int64:
    try:
        number = operator.index(n)
    except TypeError:
        raise TypeError(f"expected a number of positions, an integer, found {n!r}") from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"expected a number of positions of 64 bits, found {number}")
    return ctypes.c_int64(number)


def _heads_of(text: str) -> list[str]:
    return COMPILER.text_of("stcPatternRead", encoded(text)).splitlines()


def _listed(text: str) -> list[str]:
    """The texts of "[a, b]", which is what str() gives of a pattern whose heads differ; of others
    itself."""
    inner = text.strip()
    if not (inner.startswith("[") and inner.endswith("]")):
        return [text]
    depth, parts = 0, [""]
    for letter in inner[1:-1]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _shortest(texts: list[str]) -> tuple[str, ...]:
    """Texts that are taken in turn, without repetitions."""
    for period in range(1, len(texts) + 1):
        if len(texts) % period == 0 and texts == texts[:period] * (len(texts) // period):
            return tuple(texts[:period])
    return tuple(texts)


def _in_turn(patterns: Sequence[Pattern]) -> list[str]:
    """Head h has pattern h mod p of p patterns and, of one whose heads differ, the next at each
    turn."""
    if not patterns:
        raise ValueError("expected at least one pattern, found an empty list")
    turns = math.lcm(*(pattern.heads for pattern in patterns))
    return [pattern._texts[turn % pattern.heads] for turn in range(turns) for pattern in patterns]


def _traced(mask: Callable[..., Any], heads: int | None) -> list[str]:
    if heads is None:
        return _heads_of(trace(mask, None))
    if operator.index(heads) < 1:
        raise ValueError(f"expected a positive number of heads, found {heads}")
    # Most heads are alike, and each different text is read once.
    read: dict[str, str] = {}
    found = [trace(mask, head) for head in range(heads)]
    return [read.get(text) or read.setdefault(text, _heads_of(text)[0]) for text in found]


class Pattern:
    """Which positions j (keys) each position i (query) attends to, for sequences of any length.

    Pattern("local(256) | sinks(4)")            an expression, as specifications have it
    Pattern("{ [i] -> [j] : 0 <= i - j <= 7 }") in set notation, where n is the length
    Pattern(lambda b, h, i, j: i - j <= 7)      a mask function, as FlexAttention takes it
    Pattern(mask, heads=8)                      one that depends on the head h
    Pattern([a, b, c])                          patterns that heads take in turn

    A mask function is called once for each head, with symbols for i and j: it may use +, - and
    abs; *, // and % by constants; comparisons; &, | and ~ of them. Patterns are combined by |, &
    and -. They are equal if they have the same text; `equals` compares sets.

    ValueError: the text is no pattern. TraceError, which is a ValueError: the mask function does
    something else. TypeError: the argument is none of these, or the mask returns no condition.
    """

    __slots__ = ("_texts",)
    _texts: tuple[str, ...]

    def __init__(
        self,
        pattern: str | Pattern | Callable[[Any, Any, Any, Any], Any] | Iterable[str | Pattern],
        *,
        heads: int | None = None,
    ):
        is_mask = callable(pattern)
        if heads is not None and not is_mask:
            raise TypeError(f"expected heads with a mask function only, found it with {pattern!r}")
        if isinstance(pattern, Pattern):
            found = list(pattern._texts)
        elif isinstance(pattern, str):
            listed = _listed(pattern)
            found = _heads_of(pattern) if len(listed) == 1 else _in_turn([Pattern(one) for one in listed])
        elif is_mask:
            found = _traced(pattern, heads)  # type: ignore[arg-type]
        elif isinstance(pattern, Iterable):
            found = _in_turn([Pattern(one) for one in pattern])
        else:
            raise TypeError(
                "expected a pattern's text, a mask function of (b, h, i, j), or a list of patterns that "
                f"heads take in turn, found {pattern!r}"
            )
        self._texts = _shortest(found)

    # -- What it is ------------------------------------------------------------------------------

    @property
    def heads(self) -> int:
        """How many patterns the heads take in turn: 1 where all heads have the same one."""
        return len(self._texts)

    def head(self, h: int) -> Pattern:
        """The pattern of head h, from 0."""
        if h < 0:
            raise ValueError(f"expected the number of a head, from 0, found {h}")
        return Pattern(self._texts[h % self.heads])

    def __str__(self) -> str:
        return self._texts[0] if self.heads == 1 else "[" + ", ".join(self._texts) + "]"

    def __repr__(self) -> str:
        return f"stc.Pattern({self._texts[0] if self.heads == 1 else list(self._texts)!r})"

    def __eq__(self, other: object) -> bool:
        return self._texts == other._texts if isinstance(other, Pattern) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._texts)

    def _combined(self, sign: str, other: Any) -> Pattern:
        if not isinstance(other, Pattern):
            return NotImplemented

        one = r"(\w+(\([-\d, ]*\))?|\{[^{}]*\})"
        needs_none = re.compile(one if sign == "-" else rf"{one}( {re.escape(sign)} {one})*")

        def operand(of: Pattern, h: int) -> str:
            text = of._texts[h % of.heads]
            return text if needs_none.fullmatch(text) else f"({text})"

        heads = range(math.lcm(self.heads, other.heads))
        return Pattern([f"{operand(self, h)} {sign} {operand(other, h)}" for h in heads])

    def __or__(self, other: Pattern) -> Pattern:
        return self._combined("|", other)

    def __and__(self, other: Pattern) -> Pattern:
        return self._combined("&", other)

    def __sub__(self, other: Pattern) -> Pattern:
        return self._combined("-", other)

    # -- Questions, which no matrix of n x n is made for -----------------------------------------
    # ValueError: n is not from 1 to 2^30. Undecided: not answered within a second or so.

    def _each(self, ask: Callable[[bytes], Any]) -> dict[str, Any]:
        """The answer for each different pattern."""
        return {text: ask(encoded(text)) for text in dict.fromkeys(self._texts)}

    def pairs(self, n: int) -> int:
        """How many pairs (i, j) there are with 0 <= i, j < n, exactly. Where heads differ, of all
        `heads` of them together."""

        def ask(text: bytes) -> int:
            pairs = ctypes.c_int64()
            COMPILER.call("stcPatternPairs", text, _length(n), ctypes.byref(pairs))
            return pairs.value

        answers = self._each(ask)
        return sum(answers[text] for text in self._texts)

    def is_causal(self, n: int) -> bool:
        """Whether no position attends to a later one, in any head."""

        def ask(text: bytes) -> bool:
            causal = ctypes.c_int()
            COMPILER.call("stcPatternIsCausal", text, _length(n), ctypes.byref(causal))
            return causal.value != 0

        return all(self._each(ask).values())

    def empty_rows(self, n: int) -> str:
        """The positions that attend to nothing, in words such as "0 to 95"; empty where there are
        none. Their output is zero."""
        answers = self._each(lambda text: COMPILER.text_of("stcPatternEmptyRows", text, _length(n)))
        if self.heads == 1:
            return answers[self._texts[0]]
        rows = ((h, answers[text]) for h, text in enumerate(self._texts))
        return "; ".join(f"head {h}: {found}" for h, found in rows if found)

    def reaches(self, n: int, layers: int) -> Reach:
        """Whether every position reaches all later ones within so many layers of this pattern,
        the heads of a layer together."""
        if operator.index(layers) < 1:
            raise ValueError(f"expected a positive number of layers, found {layers}")
        return reaches([self] * layers, n)

    def equals(self, other: Pattern, n: int) -> bool:
        """Whether both have the same pairs in all heads, whatever their texts are."""
        return ((self - other) | (other - self)).pairs(n) == 0

    def explain(self, n: int, target: str = "host") -> str:
        """What the compiler finds out: proofs, cost, the dense parts that it is computed in, and how
        many tiles of the target ("host", "sm_80" or "sm_90a") these take. The words are those of
        `stc-compile --explain`."""
        ask = lambda text: COMPILER.text_of("stcPatternExplain", text, _length(n), encoded(target))  # noqa: E731
        return "\n".join(self._each(ask).values())

    def picture(self, n: int) -> str:
        """A picture in SVG: row i is a query, column j a key. Of a long sequence the first few
        periods are drawn."""
        return COMPILER.text_of("stcPatternPicture", *texts(self._texts), _length(n))

    def _repr_svg_(self) -> str:
        return self.picture(_PICTURED)

    def mask(self, n: int) -> numpy.ndarray:
        """The mask as bools of shape [n, n], or [heads, n, n] where heads differ: true where i
        attends to j. For tests and pictures, n up to 8192; ValueError above."""

        length = _length(n)

        def ask(text: bytes) -> numpy.ndarray:
            bits = COMPILER.bytes_of("stcPatternMask", length.value**2, text, length)
            return numpy.frombuffer(bits, dtype=bool).reshape(length.value, length.value)

        answers = self._each(ask)
        masks = [answers[text] for text in self._texts]
        return masks[0] if self.heads == 1 else numpy.stack(masks)

    def to_block_mask(self, n: int, block_size: int = 128, device: Any = "cpu") -> Any:
        """FlexAttention's own BlockMask, for those who stay there: torch.nn.attention.flex_attention.
        It is made from the set: no pair is looked at, and no block that holds none is listed. Up to
        8192 blocks in a row. What it has in memory is PyTorch's, 16 bytes for each block of n x n."""
        from ._block_mask import block_mask

        return block_mask(self, n, block_size, device)

    def to_fa4(
        self, n: int, block_size: int | tuple[int, int] = 128, heads: int | None = None, device: Any = "cpu"
    ) -> Any:
        """FlashAttention-4's block-sparse tensors, for those who stay there, made from the set as
        to_block_mask makes its blocks.

            blocks = p.to_fa4(n, device="cuda")
            flash_attn_func(
                q, k, v, mask_mod=mask_mod,
                block_sparse_tensors=BlockSparseTensorsTorch(**blocks.forward._asdict()),
                block_sparse_tensors_bwd=BlockSparseTensorsTorch(**blocks.backward._asdict()),
            )

        block_size: of queries and keys, or of both: multiples of what the kernel takes at once, such as
            128 on Hopper and (256, 128) on Blackwell.
        heads: how many there are of queries, which take the patterns in turn where these differ; by
            default, as many as there are patterns.

        There is no mask_mod in it, which is written in the CuTe DSL: `blocks.conditions` says what it
        has to compute, and `help(type(blocks))` all the rest. deterministic=True takes further tensors,
        which FlashAttention-4's compute_dq_write_order makes of these.

        ValueError: sizes that are no blocks, or more than 8192 of their common divisor in a row.
        """
        from ._block_mask import fa4

        return fa4(self, n, block_size, heads, device)


def reaches(layers: Iterable[Pattern], n: int) -> Reach:
    """Whether every position reaches all later ones through these layers, in the order in which a
    model applies them; each may also pass a position on unchanged (the residual connection)."""
    unions = []
    for layer in layers:
        if not isinstance(layer, Pattern):
            raise TypeError(f"expected patterns, found {layer!r}")
        different = list(dict.fromkeys(layer._texts))
        unions.append(different[0] if len(different) == 1 else " | ".join(f"({text})" for text in different))
    hops, pair = ctypes.c_int(), (ctypes.c_int64 * 2)()
    COMPILER.call("stcPatternReach", *texts(unions), _length(n), ctypes.byref(hops), pair)
    return Reach(hops.value, None) if hops.value else Reach(None, (pair[0], pair[1]))
