"""The compiler's C interface (compiler/Capi/Stc.h), by ctypes."""

import ctypes
from pathlib import Path
from typing import Any, Iterable

_INVALID, _UNDECIDED, _FILE = 1, 2, 4

_library = ctypes.CDLL(str(Path(__file__).parent / "lib" / "libstc.so"))
_library.stcVersion.restype = ctypes.c_char_p
_library.stcFree.argtypes = [ctypes.c_void_p]
_library.stcFree.restype = None


class Undecided(RuntimeError):
    """A question on a set that was not answered within the work that one question may take."""


def version() -> str:
    return _library.stcVersion().decode()


def _taken(found: ctypes.c_void_p, size: int = -1) -> bytearray:
    """A copy of what the library handed out, which is freed: so many bytes, or a text."""
    try:
        return bytearray(ctypes.string_at(found, size))
    finally:
        _library.stcFree(found)


def call(function: str, *arguments: Any) -> None:
    """Calls a function of the interface that can fail, and raises what it reports."""
    error = ctypes.c_void_p()
    status = getattr(_library, function)(*arguments, ctypes.byref(error))
    if status:
        kind = {_INVALID: ValueError, _UNDECIDED: Undecided, _FILE: OSError}.get(status, RuntimeError)
        raise kind(_taken(error).decode(errors="replace") if error else "not enough memory")


def bytes_of(function: str, size: int, *arguments: Any) -> bytearray:
    """The same for a function whose last output is so many bytes."""
    found = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(found))
    return _taken(found, size)


def text_of(function: str, *arguments: Any) -> str:
    """The same for one whose last output is a text."""
    return bytes_of(function, -1, *arguments).decode()


def encoded(text: str) -> bytes:
    """A text as an argument. What comes after a zero byte would be lost."""
    if "\0" in text:
        raise ValueError(f"expected a text without zero bytes, found {text!r}")
    return text.encode()


def texts(of: Iterable[str]) -> tuple[Any, ctypes.c_size_t]:
    """An array of texts and its length, as two arguments."""
    all_of_them = [encoded(text) for text in of]
    return (ctypes.c_char_p * len(all_of_them))(*all_of_them), ctypes.c_size_t(len(all_of_them))
