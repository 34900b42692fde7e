"""Compiled programs, called on arrays."""

from __future__ import annotations

import ctypes
import operator
import os
import weakref
from dataclasses import dataclass
from typing import Any

import numpy

from ._library import encoded, runtime

_DTYPES = {"f32": "float32", "f64": "float64", "i32": "int32", "i64": "int64", "u8": "uint8", "i1": "bool"}


@dataclass(frozen=True)
class Tensor:
    """An input or output of an entry. Floats of 16 bits are float32 in Python."""

    name: str
    dtype: numpy.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


class Entry:
    """A function of a program: called with an array for each input, in order or by name."""

    def __init__(self, program: Program, number: int, name: str):
        self._program, self._number = program, number
        self.name = name
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []

    def __repr__(self) -> str:
        of = [", ".join(map(str, tensors)) for tensors in (self.inputs, self.outputs)]
        return f"{self.name}({of[0]}) -> ({of[1]})"

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Runs it. Arrays are NumPy's, or what converts to them (DLPack, lists, numbers).

        Returns the output as an array, or of several outputs a dict by their names.
        TypeError: an array of another dtype, inputs that are missing or unknown. ValueError: one of
        another shape, an index that is out of its range.
        """
        names = [tensor.name for tensor in self.inputs]
        given = {**dict(zip(names, arrays)), **named}
        if len(arrays) + len(named) != len(names) or set(given) != set(names):
            found = ", ".join([*["an array"] * len(arrays), *named]) or "nothing"
            raise TypeError(f"expected for {self.name} the inputs {', '.join(names) or 'none'}, found {found}")
        inputs = [_array(given[tensor.name], tensor) for tensor in self.inputs]
        outputs = [numpy.empty(tensor.shape, tensor.dtype) for tensor in self.outputs]
        handle, number = self._program._handle, ctypes.c_size_t(self._number)
        runtime().call("stcProgramRun", handle, number, _pointers(inputs), _pointers(outputs))
        if len(outputs) == 1:
            return outputs[0]
        return {tensor.name: array for tensor, array in zip(self.outputs, outputs)}


def _pointers(arrays: list[numpy.ndarray]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def _array(value: Any, wanted: Tensor) -> numpy.ndarray:
    """The value as contiguous elements of the wanted dtype, to which arrays must convert exactly."""
    is_array = hasattr(value, "dtype")
    if is_array and not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
        value = numpy.from_dlpack(value)
    array = numpy.asarray(value)
    if not numpy.can_cast(array.dtype, wanted.dtype, "safe" if is_array else "same_kind"):
        raise TypeError(f"expected {wanted.dtype} for the input '{wanted.name}', found {array.dtype}")
    if array.shape != wanted.shape:
        raise ValueError(
            f"expected the shape {list(wanted.shape)} for the input '{wanted.name}', found {list(array.shape)}"
        )
    return numpy.ascontiguousarray(array, dtype=wanted.dtype)


class Program:
    """A compiled program for the CPU, with its variables. `entries` has its functions by name.

    program = stc.Program("attend.stcp")
    out = program["attend"](q, k, v)

    weights: a file of weights (.safetensors) or the folder of a run; without it the variables have
        the values that the entry "init" gives them with `seed`.
    threads: how many of its own; by default programs share as many as the process may use cores,
        and run one after the other.

    ValueError: it is no program, not one for the CPU, or the weights are another model's. OSError: a
    file cannot be read. RuntimeError: the machine lacks memory, or its CPU a feature.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        weights: str | os.PathLike[str] | None = None,
        seed: int = 0,
        threads: int | None = None,
    ):
        self._handle = ctypes.c_void_p()
        os.stat(path)
        if threads is not None and not 1 <= operator.index(threads) <= 4096:
            raise ValueError(f"expected 1 to 4096 threads, found {threads}")
        start = ctypes.c_int64(operator.index(seed))
        file = encoded(os.fspath(path))
        runtime().call("stcProgramOpen", file, ctypes.c_int(threads or 0), start, ctypes.byref(self._handle))
        weakref.finalize(self, runtime().functions.stcProgramClose, self._handle)
        if weights is not None:
            os.stat(weights)
            runtime().call("stcProgramLoad", self._handle, encoded(os.fspath(weights)))
        self.entries: dict[str, Entry] = {}
        for line in runtime().text_of("stcProgramEntries", self._handle).splitlines():
            kind, name, *rest = line.split("\t")
            if kind == "entry":
                entry = self.entries[name] = Entry(self, len(self.entries), name)
            else:
                tensor = Tensor(name, numpy.dtype(_DTYPES[rest[0]]), tuple(map(int, rest[1:])))
                (entry.inputs if kind == "input" else entry.outputs).append(tensor)

    def __getitem__(self, name: str) -> Entry:
        if name not in self.entries:
            raise KeyError(f"expected an entry of {', '.join(self.entries)}, found '{name}'")
        return self.entries[name]

    def __repr__(self) -> str:
        return "\n".join(["stc.Program with", *(f"  {entry!r}" for entry in self.entries.values())])
