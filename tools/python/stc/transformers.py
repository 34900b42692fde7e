"""attn_implementation="stc" in the models of Hugging Face Transformers.

    import stc.transformers
    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="stc")

The import registers it; nothing in here needs to be called. A model describes each of its masks by a
function of positions, which is traced to a set (stc.Pattern), so that no mask is evaluated. A layer is
then one stc.attention: causal, within a window of w keys, the query's own among them, or whatever
else the function says.

Where queries are not the same positions as keys, PyTorch's scaled_dot_product_attention does it, as
with attn_implementation="sdpa": generation after the prompt, whose query is one position; a prompt
that continues a cache, with a mask of queries x keys; attention to an encoder.

A ValueError says what is refused: padding that masks something, packed sequences, dropout, soft caps,
sinks and biases of scores, weights of attention as an output, and masks that are no sets.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

import torch
import transformers
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from ._attention import attention
from ._pattern import Pattern
from ._trace import TraceError, trace

__all__ = ["Mask", "attention_forward", "mask"]

_NAME = "attn_implementation='stc'"
_ALL_PAIRS = "{ [i] -> [j] : true }"

if "q_offset" not in inspect.signature(sdpa_mask).parameters:
    raise ImportError(
        "expected a version of Transformers whose mask functions take q_offset, such as 5.24, "
        f"found {transformers.__version__}"
    )


class Mask(BlockMask):
    """What models carry from `mask` to `attention_forward`: which of some positions attend to which.
    Models pass a BlockMask of PyTorch's on as it is, and so this one, which has no blocks.

    pattern: the set, in stc.Pattern's notation.
    positions: how many queries there are. Keys are the same positions; what more keys there are, no
        query attends to.
    shape: (batch, 1, queries, keys).
    """

    shape: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __init__(self, pattern: str, shape: tuple[int, int, int, int]):
        self.pattern, self.positions, self.shape = pattern, shape[2], shape

    def __repr__(self) -> str:
        return f"stc.transformers.Mask({self.pattern!r}, {self.shape})"

    __str__ = __repr__

    def to(self, device: Any) -> Mask:
        """Itself: a set is on no device."""
        return self


def _traced(mask_function: Callable[..., Any]) -> str:
    try:
        return trace(mask_function, None)
    except TraceError as error:
        raise ValueError(
            f"{_NAME}: expected a mask that depends on positions alone, and one sequence in "
            f"each row of the batch, such as no packed sequences and no blocks of image tokens: {error}"
        ) from None


def _check_padding(attention_mask: Tensor) -> None:
    if attention_mask.all():
        return
    positions = attention_mask.numel()
    raise ValueError(
        f"{_NAME}: expected an attention_mask of ones, found {positions - int(attention_mask.sum())} of {positions} "
        "positions masked. A causal model needs no mask of padding behind the sequences, which nothing in them reads"
    )


def mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int | Tensor = 0,
    kv_offset: int = 0,
    *,
    mask_function: Callable[..., Any],
    attention_mask: Tensor | None = None,
    **options: Any,
) -> Mask | Tensor | None:
    """What Transformers calls for each kind of layer: queries are positions from q_offset on, keys from
    kv_offset on, and mask_function(b, h, i, j) says which attend to which.

    attention_mask: of padding, bools of [batch, positions].
    options: what else the mask functions of Transformers are given.

    Returns the set, or where queries and keys are not the same positions the mask of PyTorch's
    attention: bools of [batch, 1, queries, keys], or None for one query that attends to all keys.

    ValueError: some padding is masked; the mask function is not one of a set.
    """
    # A single query is the step of a generation. A static cache has room behind the prompt.
    if q_length > 1 and kv_length >= q_length and kv_offset == 0 and bool(q_offset == 0):
        pattern = _traced(mask_function)
        if kv_length == q_length or Pattern(pattern).is_causal(kv_length):
            if attention_mask is not None:
                _check_padding(attention_mask[:, :q_length])
            return Mask(pattern, (batch_size, 1, q_length, kv_length))
    options["allow_is_causal_skip"] = q_length == 1 and options.get("allow_is_causal_skip", True)
    places = {"q_offset": q_offset, "kv_offset": kv_offset}
    functions = {"mask_function": mask_function, "attention_mask": attention_mask}
    return sdpa_mask(batch_size, q_length, kv_length, **places, **functions, **options)


# What models and callers may ask for, beside queries, keys and values.
_REFUSED = {
    "softcap": "scores without a soft cap",
    "s_aux": "a softmax without sinks",
    "sinks": "a softmax without sinks",
    "position_bias": "scores without a bias",
    "indices": "keys that positions decide",
    "block_indices": "keys that positions decide",
    "cu_seq_lens_q": "one sequence in each row of the batch",
    "cu_seq_lens_k": "one sequence in each row of the batch",
    "output_attentions": "no output of the weights of attention",
}


def _check(dropout: float, options: dict[str, Any]) -> None:
    if dropout:
        raise ValueError(
            f"{_NAME}: expected no dropout of weights, found {dropout}: the model's "
            "configuration has it, as attention_dropout or the like"
        )
    for name, expected in _REFUSED.items():
        found = options.get(name)
        if found is not None and found is not False:
            what = f"a tensor of {list(found.shape)}" if isinstance(found, Tensor) else repr(found)
            raise ValueError(f"{_NAME}: expected {expected}, found {name}, {what}")


def _pattern(
    query: Tensor, key: Tensor, mask: Mask | Tensor | None, sliding_window: int | None, is_causal: bool
) -> str | None:
    """The set of a layer's pairs, or None where PyTorch's attention takes the mask as it is."""
    queries, keys = query.shape[2], key.shape[2]
    if isinstance(mask, Mask):
        if (queries, keys) != mask.shape[2:]:
            shape = f"{mask.positions} queries and {mask.shape[3]} keys"
            raise ValueError(f"{_NAME}: expected {shape}, as the mask has, found {queries} and {keys}")
        return mask.pattern
    if mask is not None and queries == keys > 1:
        found = list(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"{_NAME}: expected the mask that the model makes of positions, found one of {found}")
    if mask is not None:
        return None
    # None for one query that attends to all keys; or the model makes no masks, as some encoders.
    if sliding_window is None and (queries == 1 or not is_causal):
        return _ALL_PAIRS if queries == keys > 1 else None
    if sliding_window is not None and queries == 1 and keys <= sliding_window:
        return None
    if is_causal and queries == keys:
        window = "" if sliding_window is None else f" and j > i - {sliding_window}"
        return f"{{ [i] -> [j] : j <= i{window} }}"
    raise ValueError(
        f"{_NAME}: expected a mask, by which queries find their keys, found none with {queries} queries, "
        f"{keys} keys, is_causal={is_causal} and sliding_window={sliding_window}"
    )


def attention_forward(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Mask | Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """What Transformers calls for each layer.

    query: [batch, heads, positions, size]; key and value: the same, with heads that groups of query's share.
    attention_mask: what `mask` gave the model. Only without one, is_causal, or the module's, and
        sliding_window decide.

    Returns the output, [batch, positions, heads, size], and None for the weights.

    ValueError: what the module refuses. TypeError, ValueError: as stc.attention.
    """
    _check(dropout, options)
    if is_causal is None:
        is_causal = getattr(module, "is_causal", True)
    pattern = _pattern(query, key, attention_mask, sliding_window, is_causal)
    if pattern is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=False, **options
        )
    # A model's tensors are views of [batch, positions, heads, size], which need no copy in this layout.
    positions = query.shape[2]
    query, key, value = (x[:, :, :positions].transpose(1, 2) for x in (query, key, value))
    grouped = query.shape[2] != key.shape[2]
    return attention(query, key, value, pattern, scaling, layout="bnhd", enable_gqa=grouped), None


transformers.AttentionInterface.register("stc", attention_forward)
transformers.AttentionMaskInterface.register("stc", mask)
