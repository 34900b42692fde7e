"""Programs of dynamic sizes on a GPU, called on memory that lies there (runtime/Capi/Dynamic.h)."""

from __future__ import annotations

import ctypes
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ._library import encoded, runtime

Numbers = ctypes.Array  # of int64
_CALL = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p,
]  # fmt: skip


def target(gpu: int) -> str:
    """What programs for the GPU of that number are compiled for."""
    return runtime().text_of("stcDynamicTarget", ctypes.c_int(gpu))


@dataclass(frozen=True)
class Parameter:
    """A number that each call gives: a multiple of the one, up to the other."""

    name: str
    multiple: int
    most: int


class DynamicProgram:
    """A program with one entry. RuntimeError: there is no such GPU, or it is another one than the
    program is for."""

    def __init__(self, path: Path, gpu: int):
        self._handle = ctypes.c_void_p()
        os.stat(path)
        runtime().call("stcDynamicOpen", encoded(os.fspath(path)), ctypes.c_int(gpu), ctypes.byref(self._handle))
        weakref.finalize(self, runtime().functions.stcDynamicClose, self._handle)
        lines = runtime().text_of("stcDynamicParameters", self._handle, ctypes.c_size_t(0)).splitlines()
        fields = [line.split("\t") for line in lines]
        self.parameters = [Parameter(name, int(multiple), int(most)) for name, multiple, most in fields]
        self._numbers = ctypes.c_int64 * len(self.parameters)
        self._call = runtime().functions.stcDynamicCall
        self._call.argtypes = _CALL

    def numbers(self, parameters: Sequence[int]) -> Numbers:
        """The parameters of calls, as many as there are."""
        return self._numbers(*parameters)

    def workspace(self, parameters: Numbers) -> int:
        """How many bytes a call needs beside its tensors. ValueError: the program takes no such parameters."""
        found = ctypes.c_uint64()
        count = ctypes.c_size_t(len(parameters))
        runtime().call("stcDynamicWorkspace", self._handle, ctypes.c_size_t(0), parameters, count, ctypes.byref(found))
        return found.value

    def __call__(self, parameters: Numbers, tensors: Sequence[int], workspace: int, stream: int) -> None:
        """Puts a call on a stream: addresses of inputs, then of outputs."""
        addresses = (ctypes.c_uint64 * len(tensors))(*tensors)
        runtime().call(
            "stcDynamicCall", self._handle, 0, parameters, len(parameters), addresses, len(tensors), workspace, stream
        )
