"""STC, the Sparse Transformer Compiler, from Python.

A pattern says which positions attend to which. It is a set, not a mask: what is asked of it is
proved and counted without a matrix of n x n.

    import stc
    p = stc.local(256) | stc.sinks(4)
    p.pairs(1_000_000), p.is_causal(1_000_000), p.reaches(4096, layers=12)
    q = stc.Pattern(lambda b, h, i, j: (j <= i) & ((i - j) % 128 == 0))
    q.equals(stc.stride(128), 4096)
"""

from typing import TYPE_CHECKING, Callable

from . import cache
from ._compile import compile
from ._library import Undecided, version
from ._named import functions as _named
from ._pattern import Pattern, Reach, reaches
from ._program import Entry, Program, Tensor
from ._trace import TraceError, and_masks, or_masks

__version__ = version()
globals().update(_named)

__all__ = [
    "Entry", "Pattern", "Program", "Reach", "Tensor", "TraceError", "Undecided",
    "and_masks", "cache", "compile", "or_masks", "reaches", *_named,
]  # fmt: skip

if TYPE_CHECKING:
    from ._attention import attention as attention

    # The named patterns, such as fixed(128, 32).
    def __getattr__(name: str) -> Callable[..., Pattern]: ...

else:

    def __getattr__(name: str) -> Callable:
        """PyTorch is imported where attention is first used."""
        if name != "attention":
            raise AttributeError(f"module 'stc' has no attribute '{name}'")
        from ._attention import attention

        globals()[name] = attention
        return attention
