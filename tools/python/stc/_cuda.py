"""Attention on a GPU: programs of dynamic sizes, on memory of PyTorch's.

One program serves every batch, every number of heads, and every length up to its bound; a longer one
gets a program with twice the bound. Kernels take tensors where they lie, if their rows are whole.
"""

from __future__ import annotations

import ctypes
import functools
import math
import operator
import re
import threading
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from . import cache
from ._dynamic import DynamicProgram, target
from ._library import COMPILER, encoded
from ._module import Sizes, module
from ._pattern import Pattern

ELEMENTS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}
MOST_SIZE = 128
# Shorter sequences take the program of this one.
_LEAST_BOUND = 4096
# A key's weight is 0 where the log-sum-exp of the query is this.
_NO_WEIGHT = 1e30


class _Kind(NamedTuple):
    """What programs cannot be shared by. heads: how many there are, if their patterns differ;
    positions: those of a pattern that is another one for each length. Else these are 0."""

    op: str
    pattern: str
    scale: float
    element: str
    size: int
    value_size: int
    group: int
    heads: int
    gpu: int
    deterministic: bool
    positions: int


_programs: dict[_Kind, list[DynamicProgram]] = {}
_lock = threading.Lock()


@functools.lru_cache(1024)
def _period(pattern: str, positions: int) -> int:
    found = ctypes.c_int64()
    multiple = 1
    for text in pattern.splitlines():
        COMPILER.call("stcPatternPeriod", encoded(text), ctypes.c_int64(positions), ctypes.byref(found))
        multiple = math.lcm(multiple, found.value)
    return multiple


def _whole(positions: int, pattern: str, periods: int = 1) -> int:
    """The least number of positions from this one on that is whole periods, and so many of them."""
    for _ in range(3):  # of a longer sequence it may be another one
        multiple = _period(pattern, positions)
        whole = max(-(-positions // multiple), periods) * multiple
        if whole == positions:
            break
        positions = whole
    return positions


def _module(kind: _Kind, positions: int) -> str:
    heads = kind.heads or kind.group
    sizes = Sizes(1, positions, heads, heads // kind.group, kind.size, kind.value_size, "bhnd")
    return module(kind.op, sizes, kind.pattern, kind.scale, kind.element, dynamic=True)


def _compile(kind: _Kind, positions: int, any_length: bool) -> DynamicProgram:
    """For that many positions; or for any number up to at least that, of whole periods, which take
    longer to find than a program in the cache."""

    def whole() -> str:
        return _module(kind, _whole(positions, kind.pattern, periods=2))

    return cache.opened(
        _module(kind, positions), kind.op, target(kind.gpu), partial(DynamicProgram, gpu=kind.gpu),
        deterministic=kind.deterministic, instead=whole if any_length else None,
    )  # fmt: skip


def _program(kind: _Kind, positions: int, any_length: bool) -> DynamicProgram:
    """One for that many positions, whole periods if no other length is wanted."""
    for program in _programs.get(kind, ()):
        if positions <= program.parameters[1].most:
            return program
    with _lock:
        known = _programs.setdefault(kind, [])
        if not known or known[-1].parameters[1].most < positions:  # nobody was faster
            bound = positions
            if any_length:
                bound = max([_least_bound(positions), *(2 * program.parameters[1].most for program in known)])
            program = _compile(kind, bound, any_length)
            multiple, most = program.parameters[1].multiple, program.parameters[1].most
            if any_length and multiple == most:  # is true of no other length
                raise ValueError(f"expected a pattern that looks ahead at no length, found {kind.pattern!r}")
            known.append(program)
        return known[-1]


def _least_bound(positions: int) -> int:
    return max(positions, _LEAST_BOUND)


@functools.lru_cache(1024)
def _for_length(pattern: str, positions: int) -> tuple[str, int] | None:
    """Nothing of patterns that have of fewer positions the same pairs. Of others, and so many
    positions, a pattern that has no pair behind them, and whole periods of it."""
    has_length = re.search(r"\bn\b", pattern)
    longest = 16 * _least_bound(positions)  # longer than any that a program for these positions is for
    if not has_length and all(Pattern(text).is_causal(longest) for text in pattern.splitlines()):
        return None
    whole = _whole(positions, pattern)
    if whole == positions:
        return pattern, positions
    if has_length:
        raise ValueError(
            f"expected a number of positions that is a multiple of {_period(pattern, positions)}, as the pattern "
            f"names its length, found {positions}"
        )
    inside = f"{{ [i] -> [j] : i < {positions} and j < {positions} }}"
    pattern = "\n".join(f"({text}) & {inside}" for text in pattern.splitlines())
    return pattern, _whole(positions, pattern)


def _stride(tensor: Tensor, layout: str) -> tuple[int, int, int] | None:
    """From a batch, a position and a head to the next, if kernels take the tensor where it lies."""
    pieces = math.gcd(16 // tensor.element_size(), tensor.shape[3])
    if tensor.stride(3) != 1 or tensor.data_ptr() % 16 != 0:
        return None
    strides = []
    for dim in (0, 2, 1) if layout == "bhnd" else (0, 1, 2):
        stride = tensor.stride(dim)
        if tensor.shape[dim] == 1:  # of nothing, and anything may stand there
            stride = -(-tensor.numel() // pieces) * pieces
        if stride <= 0 or stride % pieces != 0:
            return None
        strides.append(stride)
    return strides[0], strides[1], strides[2]


def _is_token_major(tensor: Tensor, layout: str) -> bool:
    """Whether heads of one position lie closer to each other than positions of one head."""
    head, position = (1, 2) if layout == "bhnd" else (2, 1)
    return tensor.stride(head) <= tensor.stride(position)


def empty_as(tensor: Tensor, heads: int, size: int, layout: str) -> Tensor:
    """A tensor of so many heads of that size, with heads and positions in memory as in this one."""
    head, position = (1, 2) if layout == "bhnd" else (2, 1)
    shape = [tensor.shape[0], tensor.shape[position], heads, size]
    if _is_token_major(tensor, layout):
        found = tensor.new_empty(shape)
        return found.transpose(1, 2) if layout == "bhnd" else found
    found = tensor.new_empty([shape[0], heads, shape[1], size])
    return found if layout == "bhnd" else found.transpose(1, 2)


def _lengthened(tensor: Tensor, by: int, layout: str) -> Tensor:
    if tensor.dim() == 3:
        return pad(tensor, (0, by), value=_NO_WEIGHT)
    return pad(tensor, (0, 0, 0, by) if layout == "bhnd" else (0, 0, 0, 0, 0, by))


def _placed(tensor: Tensor, layout: str) -> Tensor:
    """The tensor, or a copy that kernels take where it lies."""
    taken = tensor.is_contiguous() if tensor.dim() == 3 else _stride(tensor, layout) is not None
    return tensor if taken else tensor.contiguous()


class _Call:
    """What calls on tensors of equal sizes and strides have in common."""

    def __init__(self, program: DynamicProgram, sizes: Sizes, inputs: list[Tensor], outputs: list[Tensor]):
        parameters = [sizes.batch, sizes.positions, sizes.heads, sizes.key_heads]
        for tensor in inputs + outputs:
            if tensor.dim() == 4:
                parameters.extend(_stride(tensor, sizes.layout))
        self._program, self._device, self._gpu = program, inputs[0].device, inputs[0].get_device()
        self._parameters = program.numbers(parameters)
        self._workspace = program.workspace(self._parameters)
        self._outputs = [(output.shape, output.stride(), output.dtype) for output in outputs]

    def run(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        """On the current stream; the outputs."""
        outputs = [
            torch.empty_strided(shape, stride, dtype=dtype, device=self._device)
            for shape, stride, dtype in self._outputs
        ]
        self.start([*inputs, *outputs])
        return outputs

    def start(self, tensors: list[Tensor]) -> None:
        """The same with outputs that are there."""
        workspace = 0
        if self._workspace:
            memory = torch.empty(self._workspace, dtype=torch.uint8, device=self._device)
            workspace = memory.data_ptr()
        stream = torch._C._cuda_getCurrentRawStream(self._gpu)
        self._program(self._parameters, [tensor.data_ptr() for tensor in tensors], workspace, stream)


# Of those without a copy of a tensor. A model has a few; lengths that change in each step have many.
_calls: dict[tuple[Any, ...], _Call] = {}
_MOST_CALLS = 4096


def _find(op: str, sizes: Sizes, pattern: str, scale: float, query: Tensor) -> tuple[DynamicProgram, int]:
    """The program, and by how many positions sequences have to be longer. Those that are added come
    last: no query sees them."""
    pattern = "\n".join(Pattern(pattern.splitlines())._texts)  # of a name by head, a line for each
    fixed = _for_length(pattern, sizes.positions)
    pattern, positions = fixed or (pattern, sizes.positions)
    kind = _Kind(
        op, pattern, scale, ELEMENTS[query.dtype], sizes.size, sizes.value_size, sizes.heads // sizes.key_heads,
        sizes.heads if "\n" in pattern else 0, query.device.index, torch.are_deterministic_algorithms_enabled(),
        positions if fixed else 0,
    )  # fmt: skip
    program = _program(kind, positions, any_length=not fixed)
    return program, -(-positions // program.parameters[1].multiple) * program.parameters[1].multiple - sizes.positions


def forward_outputs(sizes: Sizes, query: Tensor) -> tuple[Tensor, Tensor]:
    """Empty tensors for the output and the log-sum-exp."""
    output = empty_as(query, sizes.heads, sizes.value_size, sizes.layout)
    return output, query.new_empty(sizes.logsumexp, dtype=torch.float32)


def _outputs_of(op: str, sizes: Sizes, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    if op == "attention":
        return list(forward_outputs(sizes, inputs[0]))
    heads = [(sizes.heads, sizes.size), (sizes.key_heads, sizes.size), (sizes.key_heads, sizes.value_size)]
    return [empty_as(tensor, *shape, sizes.layout) for tensor, shape in zip(inputs, heads)]


def _first_run(
    op: str, pattern: str, scale: float, layout: str, inputs: tuple[Tensor, ...]
) -> tuple[list[Tensor], _Call | None]:
    """The outputs, by way of longer tensors where sequences have to be longer; and what is in common
    with other calls, if it needed no copies."""
    sizes = Sizes.of(*inputs[:3], layout)
    outputs = _outputs_of(op, sizes, inputs)
    program, more = _find(op, sizes, pattern, scale, inputs[0])
    if not more:
        placed = [_placed(tensor, layout) for tensor in inputs]
        call = _Call(program, sizes, placed, outputs)
        call.start(placed + outputs)
        return outputs, call if all(one is other for one, other in zip(placed, inputs)) else None
    longer = [_placed(_lengthened(tensor, more, layout), layout) for tensor in inputs]
    sizes = sizes._replace(positions=sizes.positions + more)
    results = [torch.empty_like(_lengthened(tensor, more, layout)) for tensor in outputs]
    _Call(program, sizes, longer, results).start(longer + results)
    for output, result in zip(outputs, results):
        dim = 2 if output.dim() == 3 or layout == "bhnd" else 1
        output.copy_(result.narrow(dim, 0, output.shape[dim]))
    return outputs, None


def run(op: str, pattern: str, scale: float, layout: str, *inputs: Tensor) -> list[Tensor]:
    """The outputs of "attention" or of "attention_grad", from the op's operands."""
    query = inputs[0]
    key = (
        op, pattern, scale, layout, query.dtype, query.get_device(), torch.are_deterministic_algorithms_enabled(),
        functools.reduce(operator.or_, [tensor.data_ptr() for tensor in inputs]) % 16,
        *[tensor.shape for tensor in inputs[:3]], *[tensor.stride() for tensor in inputs],
    )  # fmt: skip
    if call := _calls.get(key):
        return call.run(inputs)
    outputs, call = _first_run(op, pattern, scale, layout, inputs)
    if call:
        if len(_calls) == _MOST_CALLS:
            _calls.clear()
        _calls[key] = call
    return outputs
