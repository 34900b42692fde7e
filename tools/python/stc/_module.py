"""Modules of the stc dialect with one op of attention."""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

from ._pattern import Pattern


class Sizes(NamedTuple):
    """The sizes of attention's tensors, and their layout: "bhnd" or "bnhd"."""

    batch: int
    positions: int
    heads: int
    key_heads: int
    size: int
    value_size: int
    layout: str

    @classmethod
    def of(cls, query: Any, key: Any, value: Any, layout: str) -> Sizes:
        """Those of tensors."""
        heads, positions = (1, 2) if layout == "bhnd" else (2, 1)
        return cls(
            query.shape[0], query.shape[positions], query.shape[heads], key.shape[heads],
            query.shape[3], value.shape[3], layout,
        )  # fmt: skip

    def shape(self, heads: int, size: int) -> tuple[int, ...]:
        """The shape of queries, keys, values or outputs."""
        middle = (heads, self.positions) if self.layout == "bhnd" else (self.positions, heads)
        return (self.batch, *middle, size)

    @property
    def output(self) -> tuple[int, ...]:
        return self.shape(self.heads, self.value_size)

    @property
    def logsumexp(self) -> tuple[int, ...]:
        return (self.batch, self.heads, self.positions)


def _type(shape: tuple[int, ...], element: str) -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


@functools.lru_cache(4096)
def module(op: str, sizes: Sizes, pattern: str, scale: float, element: str = "f32", dynamic: bool = False) -> str:
    """A module with one function, which is one op: "attention" or "attention_grad"; of dynamic sizes,
    these are an example."""
    query = _type(sizes.shape(sizes.heads, sizes.size), element)
    key = _type(sizes.shape(sizes.key_heads, sizes.size), element)
    value = _type(sizes.shape(sizes.key_heads, sizes.value_size), element)
    output, logsumexp = _type(sizes.output, element), _type(sizes.logsumexp, "f32")
    if op == "attention":
        inputs, outputs = [query, key, value], [output, logsumexp]
    else:
        inputs, outputs = [query, key, value, output, logsumexp, output], [query, key, value]
    parameters = ", ".join(f"%{k}: {kind}" for k, kind in enumerate(inputs))
    operands = ", ".join(f"%{k}" for k in range(len(inputs)))
    results = ", ".join(f"%r#{k}" for k in range(len(outputs)))
    patterns = ", ".join(map(json.dumps, Pattern(pattern.splitlines())._texts))
    layout = " layout head_major" if sizes.layout == "bhnd" else ""
    attributes = " attributes {stc.dynamic}" if dynamic else ""
    return (
        f"func.func @{op}({parameters}) -> ({', '.join(outputs)}){attributes} {{\n"
        f"  %r:{len(outputs)} = stc.{op} {operands} scale {scale:.17e} pattern <{patterns}>{layout}\n"
        f"      : {', '.join(inputs)} -> {', '.join(outputs)}\n"
        f"  return {results} : {', '.join(outputs)}\n"
        "}\n"
    )
