"""The C interfaces of compiler and runtime (compiler/Capi, runtime/Capi), by ctypes."""

import ctypes
import functools
from pathlib import Path
from typing import Any, Iterable


class Undecided(RuntimeError):
    """A question on a set that was not answered within the work that one question may take."""


# What a status other than 0 is raised as (runtime/Capi/Status.h).
_ERRORS = {1: ValueError, 2: Undecided, 3: RuntimeError, 4: OSError}


class Library:
    """A shared library of the package."""

    def __init__(self, name: str):
        self.path = Path(__file__).parent / "lib" / name
        self.functions = ctypes.CDLL(str(self.path))
        self.functions.stcFree.argtypes = [ctypes.c_void_p]
        self.functions.stcFree.restype = None

    def _taken(self, found: ctypes.c_void_p, size: int = -1) -> bytearray:
        """A copy of what the library handed out, which is freed: so many bytes, or a text."""
        try:
            return bytearray(ctypes.string_at(found, size))
        finally:
            self.functions.stcFree(found)

    def call(self, function: str, *arguments: Any) -> None:
        """Calls a function that can fail, and raises what it reports."""
        error = ctypes.c_void_p()
        status = getattr(self.functions, function)(*arguments, ctypes.byref(error))
        if status:
            raise _ERRORS[status](self._taken(error).decode(errors="replace") if error else "not enough memory")

    def bytes_of(self, function: str, size: int, *arguments: Any) -> bytearray:
        """The same for a function whose last output is so many bytes."""
        found = ctypes.c_void_p()
        self.call(function, *arguments, ctypes.byref(found))
        return self._taken(found, size)

    def text_of(self, function: str, *arguments: Any) -> str:
        """The same for one whose last output is a text."""
        return self.bytes_of(function, -1, *arguments).decode()


COMPILER = Library("libstc.so")
COMPILER.functions.stcVersion.restype = ctypes.c_char_p


@functools.cache
def runtime() -> Library:
    """Opened when it is needed: OpenBLAS, which is in it, then starts threads."""
    return Library("libstc-runtime.so." + ".".join(version().split(".")[:2]))


def version() -> str:
    return COMPILER.functions.stcVersion().decode()


def encoded(text: str) -> bytes:
    """A text as an argument. What comes after a zero byte would be lost."""
    if "\0" in text:
        raise ValueError(f"expected a text without zero bytes, found {text!r}")
    return text.encode()


def texts(of: Iterable[str]) -> tuple[Any, ctypes.c_size_t]:
    """An array of texts and its length, as two arguments."""
    all_of_them = [encoded(text) for text in of]
    return (ctypes.c_char_p * len(all_of_them))(*all_of_them), ctypes.c_size_t(len(all_of_them))
