"""Attention over a pattern, as an op of PyTorch."""

from __future__ import annotations

import functools
import json
import math
import warnings
from typing import Any, Callable, Iterator, NamedTuple

import torch
from torch import Tensor

from . import cache
from ._pattern import Pattern

_TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
# The log-sum-exp that the compiler gives a query without keys.
_NO_KEYS = -1e30


class _Sizes(NamedTuple):
    """What of the tensors' shapes decides a program."""

    batch: int
    positions: int
    heads: int
    key_heads: int
    size: int
    value_size: int
    layout: str

    @staticmethod
    def of(query: Tensor, key: Tensor, value: Tensor, layout: str) -> _Sizes:
        heads, positions = (1, 2) if layout == "bhnd" else (2, 1)
        return _Sizes(
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


# -- Programs ------------------------------------------------------------------------------------


def _type(shape: tuple[int, ...]) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


@functools.lru_cache(4096)
def _module(op: str, sizes: _Sizes, pattern: str, scale: float) -> str:
    """A module of the stc dialect with one function, which is one op."""
    query = _type(sizes.shape(sizes.heads, sizes.size))
    key = _type(sizes.shape(sizes.key_heads, sizes.size))
    value = _type(sizes.shape(sizes.key_heads, sizes.value_size))
    output, logsumexp = _type(sizes.output), _type(sizes.logsumexp)
    if op == "attention":
        inputs, outputs = [query, key, value], [output, logsumexp]
    else:
        inputs, outputs = [query, key, value, output, logsumexp, output], [query, key, value]
    parameters = ", ".join(f"%{k}: {kind}" for k, kind in enumerate(inputs))
    operands = ", ".join(f"%{k}" for k in range(len(inputs)))
    results = ", ".join(f"%r#{k}" for k in range(len(outputs)))
    patterns = ", ".join(map(json.dumps, Pattern(pattern.splitlines())._texts))
    layout = " layout head_major" if sizes.layout == "bhnd" else ""
    return (
        f"func.func @{op}({parameters}) -> ({', '.join(outputs)}) {{\n"
        f"  %r:{len(outputs)} = stc.{op} {operands} scale {scale:.17e} pattern <{patterns}>{layout}\n"
        f"      : {', '.join(inputs)} -> {', '.join(outputs)}\n"
        f"  return {results} : {', '.join(outputs)}\n"
        "}\n"
    )


@functools.cache
def _say_conversion(dtype: torch.dtype) -> None:
    warnings.warn(f"stc.attention computes {dtype} in float32 on the CPU", stacklevel=3)


def _run(op: str, sizes: _Sizes, pattern: str, scale: float, *tensors: Tensor) -> list[Tensor]:
    """Runs a program on the CPU: float32 goes in and comes out."""
    run = cache.program(_module(op, sizes, pattern, scale), op)[op]
    outputs = run(*(tensor.detach().float().contiguous().numpy() for tensor in tensors))
    return [torch.from_numpy(output) for output in outputs.values()]


# -- Ops -----------------------------------------------------------------------------------------


def _forward(
    query: Tensor, key: Tensor, value: Tensor, pattern: str, scale: float, layout: str
) -> tuple[Tensor, Tensor]:
    if query.dtype != torch.float32:
        _say_conversion(query.dtype)
    output, logsumexp = _run("attention", _Sizes.of(query, key, value, layout), pattern, scale, query, key, value)
    return output.to(query.dtype), logsumexp


def _forward_shapes(
    query: Tensor, key: Tensor, value: Tensor, pattern: str, scale: float, layout: str
) -> tuple[Tensor, Tensor]:
    sizes = _Sizes.of(query, key, value, layout)
    return query.new_empty(sizes.output), query.new_empty(sizes.logsumexp, dtype=torch.float32)


def _backward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    logsumexp: Tensor,
    output_grad: Tensor,
    logsumexp_grad: Tensor | None,
    pattern: str,
    scale: float,
    layout: str,
) -> tuple[Tensor, Tensor, Tensor]:
    values = value.shape[3]
    if logsumexp_grad is not None:
        # The gradient of the scores is P * (dP - delta + dlse), where delta is the sum over a row
        # of output * outputGrad. One more column, of 1 and -dlse, makes it delta - dlse; as values
        # have 0 there, dP stays what it is.
        column = -(logsumexp_grad if layout == "bhnd" else logsumexp_grad.transpose(1, 2)).unsqueeze(3)
        output_grad = torch.cat([output_grad, column], dim=3)
        output = torch.nn.functional.pad(output, (0, 1), value=1.0)
        value = torch.nn.functional.pad(value, (0, 1))
    grads = _run(
        "attention_grad", _Sizes.of(query, key, value, layout), pattern, scale,
        query, key, value, output, logsumexp, output_grad,
    )  # fmt: skip
    grads[2] = grads[2][..., :values].contiguous()
    query_grad, key_grad, value_grad = (grad.to(query.dtype) for grad in grads)
    return query_grad, key_grad, value_grad


def _backward_shapes(query: Tensor, key: Tensor, value: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    return query.new_empty(query.shape), key.new_empty(key.shape), value.new_empty(value.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    query, key, value, *ctx.attributes = inputs
    ctx.save_for_backward(query, key, value, *output)
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, output_grad: Tensor | None, logsumexp_grad: Tensor | None) -> tuple[Any, ...]:
    query, key, value, output, logsumexp = ctx.saved_tensors
    if output_grad is None:
        output_grad = torch.zeros_like(output)
    grads = torch.ops.stc.attention_backward(
        query, key, value, output, logsumexp, output_grad, logsumexp_grad, *ctx.attributes
    )
    return (*grads, None, None, None)


def _refuse_second(ctx: Any, *grads: Any) -> None:
    raise RuntimeError("stc.attention: expected a first derivative, found one taken of a gradient")


# What torch.library.custom_op does, but that its first call imports all of torch.compile.
_LIBRARY = torch.library.Library("stc", "DEF")
for _name, _run_on_cpu, _shapes, _gradient, _setup in [
    ("attention", _forward, _forward_shapes, _differentiate, _save),
    ("attention_backward", _backward, _backward_shapes, _refuse_second, None),
]:
    _schema = _name + torch.library.infer_schema(_run_on_cpu, mutates_args=())
    _LIBRARY.define(_schema, tags=(torch.Tag.pt2_compliant_tag,))
    _LIBRARY.impl(_name, _run_on_cpu, "CPU")
    torch.library.register_fake(f"stc::{_name}", _shapes, lib=_LIBRARY)
    torch.library.register_autograd(f"stc::{_name}", _gradient, setup_context=_setup, lib=_LIBRARY)


# -- What is called ------------------------------------------------------------------------------


def _check_devices(q: Any, k: Any, v: Any) -> None:
    for tensor in (q, k, v):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected tensors for q, k and v, found a {type(tensor).__name__}")
    if not q.device == k.device == v.device:
        raise ValueError(f"expected q, k and v on one device, found {q.device}, {k.device} and {v.device}")
    if q.device.type != "cpu":
        raise ValueError(f"expected tensors on the CPU, where stc.attention runs, found {q.device}")


def _check_types(q: Tensor, k: Tensor, v: Tensor) -> None:
    if q.dtype not in _TYPES or not q.dtype == k.dtype == v.dtype:
        known = ", ".join(map(str, _TYPES))
        raise TypeError(f"expected q, k and v of one dtype of {known}, found {q.dtype}, {k.dtype} and {v.dtype}")


def _wrong_shapes(q: Tensor, k: Tensor, v: Tensor, layout: str, enable_gqa: bool) -> str | None:
    """What they should be, if they are not."""
    if not q.dim() == k.dim() == v.dim() == 4:
        return f"with four dimensions, {layout}"
    if 0 in q.shape or 0 in k.shape or 0 in v.shape:
        return "that are not empty"
    heads, positions = (1, 2) if layout == "bhnd" else (2, 1)
    if not q.shape[0] == k.shape[0] == v.shape[0]:
        return "with equal batches"
    if not q.shape[positions] == k.shape[positions] == v.shape[positions]:
        return "of equal lengths"
    if q.shape[3] != k.shape[3]:
        return "with equal sizes of the heads of q and k"
    if k.shape[heads] != v.shape[heads]:
        return "with equally many heads of k and v"
    if not enable_gqa and q.shape[heads] != k.shape[heads]:
        return "with equally many heads, or enable_gqa=True"
    if q.shape[heads] % k.shape[heads] != 0:
        return "with a number of heads of q that the one of k divides"
    return None


def _narrowed(*tensors: Tensor) -> Iterator[Tensor]:
    """As PyTorch's own attention has them where autocast is on."""
    dtype = torch.get_autocast_dtype(tensors[0].device.type)
    for tensor in tensors:
        can_narrow = tensor.is_floating_point() and tensor.dtype != torch.float64
        yield tensor.to(dtype) if can_narrow else tensor


def _text(pattern: Any, heads: int) -> str:
    """What crosses the border of the op: a line for each of the patterns that heads take in turn."""
    if isinstance(pattern, str):  # in traced code too, which must not call the compiler
        return " ".join(pattern.split())
    if not isinstance(pattern, Pattern):
        pattern = Pattern(pattern, heads=heads) if callable(pattern) else Pattern(pattern)
    return "\n".join(pattern._texts)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    pattern: Pattern | str | Callable[[Any, Any, Any, Any], Any],
    scale: float | None = None,
    layout: str = "bhnd",
    enable_gqa: bool = False,
    return_lse: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """softmax(scale * q k^T) v over the pairs of a pattern, with gradients.

    q: [batch, heads, positions, size], or with layout="bnhd" [batch, positions, heads, size].
    k: the same; with enable_gqa=True a number of heads that divides q's, which share them in groups.
    v: as k, of any size.
    pattern: a stc.Pattern; or what makes one, a text or a mask function. One whose heads differ
        gives head h of q the pattern h mod pattern.heads.
    scale: by default 1 / sqrt(size).

    Returns the output: q's shape, with v's size. With return_lse=True also the natural log-sum-exp
    of each query's scaled scores, float32 of [batch, heads, positions]. A query that the pattern
    gives no key has the output 0 and the log-sum-exp -inf.

    Tensors are on the CPU and of float32; float64, float16 and bfloat16 are converted to it and back,
    which a warning says. What is equal in is equal out, bit by bit. There is no second derivative.

    TypeError: q, k and v are no tensors, or of other or different dtypes; the pattern or scale is
    none. ValueError: they are on different devices or none that is known, or of shapes that do not fit;
    the text is no pattern, or the mask function (TraceError) not one of a set.
    """
    if layout not in ("bhnd", "bnhd"):
        raise ValueError(f"expected the layout 'bhnd' or 'bnhd', found {layout!r}")
    _check_devices(q, k, v)
    if torch.is_autocast_enabled(q.device.type):
        q, k, v = _narrowed(q, k, v)
    _check_types(q, k, v)
    if wrong := _wrong_shapes(q, k, v, layout, enable_gqa):
        found = f"{list(q.shape)}, {list(k.shape)} and {list(v.shape)}"
        raise ValueError(f"expected q, k and v {wrong}, found {found}")
    if scale is None:
        scale = 1 / math.sqrt(q.shape[3])
    elif not isinstance(scale, (int, float)):
        raise TypeError(f"expected a number for scale, found a {type(scale).__name__}")
    elif not math.isfinite(scale):
        raise ValueError(f"expected a finite scale, found {scale}")
    text = _text(pattern, q.shape[1 if layout == "bhnd" else 2])
    output, logsumexp = torch.ops.stc.attention(q, k, v, text, float(scale), layout)
    if not return_lse:
        return output
    return output, torch.where(logsumexp <= _NO_KEYS, -math.inf, logsumexp)
