"""What torch.nn.attention.flex_attention has, with its signatures, computed by stc.attention.

    from stc.flex import create_block_mask, flex_attention

A mask function is traced, and no mask is evaluated. What it and a score function may do is less than
there: `stc.Pattern` and `flex_attention` say what, and refuse the rest by a TraceError.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any, Callable

from torch import Tensor

from ._attention import attention
from ._pattern import Pattern
from ._trace import and_masks, or_masks, trace_score

__all__ = ["BlockMask", "and_masks", "create_block_mask", "flex_attention", "noop_mask", "or_masks"]

_ALL_PAIRS = "{ [i] -> [j] : true }"


@dataclass(frozen=True)
class BlockMask:
    """What create_block_mask returns: the pattern, for sequences of up to so many positions.

    heads: how many heads it is for, or None for any number.
    """

    pattern: Pattern
    positions: int
    heads: int | None

    def to(self, device: Any) -> BlockMask:
        """Itself: a set is on no device."""
        return self


def noop_mask(b: Any, h: Any, i: Any, j: Any) -> bool:
    """All pairs."""
    return True


def create_block_mask(
    mask_mod: Callable[[Any, Any, Any, Any], Any],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = 128,
    _compile: bool = False,
    separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:
    """The pairs of a mask function (stc.Pattern), for queries and keys of equal lengths.

    With H above 1, the function is called for each head. It must not depend on the batch. All
    arguments behind KV_LEN are about blocks in memory, of which there are none: they change nothing.

    ValueError: lengths that differ, and what stc.Pattern refuses (TraceError).
    """
    if operator.index(Q_LEN) != operator.index(KV_LEN):
        raise ValueError(f"expected queries and keys of equal lengths, found Q_LEN={Q_LEN} and KV_LEN={KV_LEN}")
    heads = H if H is not None and H > 1 else None
    return BlockMask(Pattern(mask_mod, heads=heads), Q_LEN, heads)


def _pattern(block_mask: BlockMask | None, query: Tensor) -> Pattern | str:
    if block_mask is None:
        return _ALL_PAIRS
    if not isinstance(block_mask, BlockMask):
        found = f"{type(block_mask).__module__}.{type(block_mask).__name__}"
        raise TypeError(f"expected the block_mask of stc.flex.create_block_mask, found a {found}")
    if query.dim() == 4 and query.shape[2] > block_mask.positions:
        raise ValueError(
            f"expected at most {block_mask.positions} positions, as block_mask has, found {query.shape[2]}"
        )
    if query.dim() == 4 and block_mask.heads not in (None, query.shape[1]):
        raise ValueError(f"expected {block_mask.heads} heads, as block_mask has, found {query.shape[1]}")
    return block_mask.pattern


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[[Any, Any, Any, Any, Any], Any] | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: Any = None,
) -> Any:
    """FlexAttention by stc.attention, with tensors of [batch, heads, positions, size].

    score_mod: None, or a function that multiplies the score by a constant.
    block_mask: of this module's create_block_mask; queries may be shorter. None: all pairs.
    return_lse: also the log-sum-exp; return_aux: an AuxRequest of PyTorch's, but for max_scores.
    kernel_options: what is in it changes nothing.

    TraceError, which is a ValueError: score_mod does something else. TypeError, ValueError: as
    stc.attention.
    """
    pattern = _pattern(block_mask, query)
    if score_mod is not None:
        scale = trace_score(score_mod) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if return_aux is None:
        return attention(query, key, value, pattern, scale, enable_gqa=enable_gqa, return_lse=return_lse)
    if return_aux.max_scores:
        raise ValueError("expected a request of the log-sum-exp, found one of max_scores, which are not computed")
    from torch.nn.attention.flex_attention import AuxOutput

    output, logsumexp = attention(query, key, value, pattern, scale, enable_gqa=enable_gqa, return_lse=True)
    return output, AuxOutput(lse=logsumexp if return_aux.lse else None)
