"""Attention over a pattern, as an op of PyTorch."""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any, Callable, Iterator

import torch
from torch import Tensor

from . import _cuda, cache
from ._module import Sizes, module
from ._pattern import Pattern

_TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
# The log-sum-exp that the compiler gives a query without keys.
_NO_KEYS = -1e30


@functools.cache
def _say_conversion(dtype: torch.dtype, device: str) -> None:
    warnings.warn(f"stc.attention computes {dtype} in float32 on this device ({device})", stacklevel=3)


def _run(op: str, pattern: str, scale: float, layout: str, *tensors: Tensor) -> list[Tensor]:
    """Runs a program on the CPU: float32 goes in and comes out."""
    sizes = Sizes.of(*tensors[:3], layout)
    run = cache.program(module(op, sizes, pattern, scale), op)[op]
    outputs = run(*(tensor.detach().float().contiguous().numpy() for tensor in tensors))
    return [torch.from_numpy(output) for output in outputs.values()]


# -- Ops -----------------------------------------------------------------------------------------


def _forward(
    query: Tensor, key: Tensor, value: Tensor, pattern: str, scale: float, layout: str
) -> tuple[Tensor, Tensor]:
    if query.is_cuda and query.dtype in _cuda.ELEMENTS:
        output, logsumexp = _cuda.run("attention", pattern, scale, layout, query, key, value)
        return output, logsumexp
    if query.dtype != torch.float32:
        _say_conversion(query.dtype, query.device.type)
    run = _cuda.run if query.is_cuda else _run
    output, logsumexp = run("attention", pattern, scale, layout, query.float(), key.float(), value.float())
    return output.to(query.dtype), logsumexp


def _forward_shapes(
    query: Tensor, key: Tensor, value: Tensor, pattern: str, scale: float, layout: str
) -> tuple[Tensor, Tensor]:
    sizes = Sizes.of(query, key, value, layout)
    if query.is_cuda:
        return _cuda.forward_outputs(sizes, query)
    return query.new_empty(sizes.output), query.new_empty(sizes.logsumexp, dtype=torch.float32)


def _of_logsumexp(
    query: Tensor, key: Tensor, logsumexp_grad: Tensor, run: Callable[..., list[Tensor]], pattern: str,
    scale: float, layout: str,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What the gradient of the log-sum-exp, g, gives to those of query and key. That of the scores is
    P * g: for the query scale * g * (P k), for the key scale * P^T (g q), which are an output and a
    gradient of values of attention whose values are the keys."""
    output, logsumexp = run("attention", pattern, scale, layout, query, key, key)
    weight = scale * (logsumexp_grad if layout == "bhnd" else logsumexp_grad.transpose(1, 2)).unsqueeze(3)
    grads = run(
        "attention_grad", pattern, scale, layout, query, key, key, output, logsumexp, (weight * query).to(query.dtype)
    )
    return weight * output, grads[2]


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
    run = _cuda.run if query.is_cuda else _run
    tensors = [query, key, value, output, logsumexp, output_grad.to(output.dtype)]
    if query.is_cuda and query.dtype not in _cuda.ELEMENTS:
        tensors = [tensor.float() for tensor in tensors]
    grads = run("attention_grad", pattern, scale, layout, *tensors)
    if logsumexp_grad is not None:
        more = _of_logsumexp(tensors[0], tensors[1], logsumexp_grad, run, pattern, scale, layout)
        for grad, part in zip(grads, more):
            grad += part
    query_grad, key_grad, value_grad = (grad.to(query.dtype) for grad in grads)
    return query_grad, key_grad, value_grad


def _empty_like(tensor: Tensor, layout: str) -> Tensor:
    if not tensor.is_cuda:
        return tensor.new_empty(tensor.shape)
    return _cuda.empty_as(tensor, tensor.shape[1 if layout == "bhnd" else 2], tensor.shape[3], layout)


def _backward_shapes(query: Tensor, key: Tensor, value: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    layout = others[-1]
    return _empty_like(query, layout), _empty_like(key, layout), _empty_like(value, layout)


# Derivatives are functions behind the ops' key of autograd: register_autograd has a longer way.
class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, pattern: str, scale: float, layout: str
    ) -> tuple[Tensor, Tensor]:
        with torch._C._AutoDispatchBelowAutograd():
            output, logsumexp = torch.ops.stc.attention.default(query, key, value, pattern, scale, layout)
        ctx.attributes = pattern, scale, layout
        ctx.save_for_backward(query, key, value, output, logsumexp)
        ctx.set_materialize_grads(False)
        return output, logsumexp

    @staticmethod
    def backward(ctx: Any, output_grad: Tensor | None, logsumexp_grad: Tensor | None) -> tuple[Any, ...]:
        query, key, value, output, logsumexp = ctx.saved_tensors
        if output_grad is None:
            output_grad = torch.zeros_like(output)
        grads = torch.ops.stc.attention_backward.default(
            query, key, value, output, logsumexp, output_grad, logsumexp_grad, *ctx.attributes
        )
        return (*grads, None, None, None)


class _AttentionBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *operands: Any) -> tuple[Tensor, Tensor, Tensor]:
        with torch._C._AutoDispatchBelowAutograd():
            return torch.ops.stc.attention_backward.default(*operands)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> None:
        raise RuntimeError("stc.attention: expected a first derivative, found one taken of a gradient")


# What torch.library.custom_op does, but that its first call imports all of torch.compile.
_LIBRARY = torch.library.Library("stc", "DEF")
for _name, _run_any, _shapes, _differentiable in [
    ("attention", _forward, _forward_shapes, _Attention),
    ("attention_backward", _backward, _backward_shapes, _AttentionBackward),
]:
    _schema = _name + torch.library.infer_schema(_run_any, mutates_args=())
    _LIBRARY.define(_schema, tags=(torch.Tag.pt2_compliant_tag,))
    for _device in ("CPU", "CUDA"):
        _LIBRARY.impl(_name, _run_any, _device)
    _LIBRARY.impl(_name, _differentiable.apply, "Autograd")
    torch.library.register_fake(f"stc::{_name}", _shapes, lib=_LIBRARY)


# -- What is called ------------------------------------------------------------------------------


def _check_devices(q: Any, k: Any, v: Any) -> None:
    for tensor in (q, k, v):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected tensors for q, k and v, found a {type(tensor).__name__}")
    if not q.device == k.device == v.device:
        raise ValueError(f"expected q, k and v on one device, found {q.device}, {k.device} and {v.device}")
    if not (q.is_cuda or q.is_cpu):
        raise ValueError(f"expected tensors on the CPU or a GPU of NVIDIA's (cuda), found {q.device}")


def _check_types(q: Tensor, k: Tensor, v: Tensor) -> None:
    if q.dtype not in _TYPES or not q.dtype == k.dtype == v.dtype:
        known = ", ".join(map(str, _TYPES))
        raise TypeError(f"expected q, k and v of one dtype of {known}, found {q.dtype}, {k.dtype} and {v.dtype}")


def _wrong_shapes(q: Tensor, k: Tensor, v: Tensor, layout: str, enable_gqa: bool) -> str | None:
    """What they should be, if they are not."""
    shapes = q.shape, k.shape, v.shape
    if any(len(shape) != 4 for shape in shapes):
        return f"with four dimensions, {layout}"
    (q_batch, q_heads, q_length, q_size), (k_batch, k_heads, k_length, k_size), (v_batch, v_heads, v_length, v_size) = (
        shapes if layout == "bhnd" else [(batch, heads, length, size) for batch, length, heads, size in shapes]
    )
    if any(0 in shape for shape in shapes):
        return "that are not empty"
    if not q_batch == k_batch == v_batch:
        return "with equal batches"
    if not q_length == k_length == v_length:
        return "of equal lengths"
    if q_size != k_size:
        return "with equal sizes of the heads of q and k"
    if k_heads != v_heads:
        return "with equally many heads of k and v"
    if not enable_gqa and q_heads != k_heads:
        return "with equally many heads, or enable_gqa=True"
    if q.is_cuda and max(q_size, v_size) > _cuda.MOST_SIZE:
        return f"with heads of at most {_cuda.MOST_SIZE} elements on a GPU"
    if q_heads % k_heads != 0:
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

    On a GPU tensors are of bfloat16, float16 or float32, with heads of up to 128 elements; on the CPU
    of float32. Others are converted to float32 and back, which a warning says. Results have the same
    bits in every run, but for gradients on a GPU without torch.use_deterministic_algorithms. There is
    no second derivative.

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
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        run = torch.ops.stc.attention.default
    else:
        run = _Attention.apply  # what the op does, without the way there
    output, logsumexp = run(q, k, v, text, float(scale), layout)
    if not return_lse:
        return output
    return output, torch.where(logsumexp <= _NO_KEYS, -math.inf, logsumexp)
