"""What a user of PyTorch has instead: functions from head-major q, k and v to the output."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import AuxRequest, BlockMask, flex_attention

from patterns import Mask, mask_of, parse_pattern

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def cudnn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Dense attention; a pattern is left out."""
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


BLOCK = 128


def ordered(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks of each row are set, and their numbers, these first: as BlockMask wants them."""
    count = blocks.sum(-1, dtype=torch.int32)
    return count[None, None], torch.argsort(blocks.int(), dim=-1, descending=True, stable=True).int()[None, None]


def block_mask(mask: Mask, queries: int, keys: int, device: str) -> BlockMask:
    """What PyTorch's create_block_mask finds of a mask without keys j > i, found some rows at a time. That
    evaluates all pairs at once, a TiB for a million positions; compiled, it takes minutes to compile a mask
    that divides."""

    def padded(count: int) -> Tensor:
        return torch.arange(-(-count // BLOCK) * BLOCK, device=device, dtype=torch.int32)

    columns = padded(keys)
    some, every = [], []
    for rows in padded(queries).split(BLOCK * max(1, 2**21 // len(columns))):
        seen = columns[: int(rows[-1]) + 1]
        pairs = mask(rows[:, None], seen) & (rows[:, None] < queries) & (seen < keys)
        tiles = pairs.view(-1, BLOCK, len(seen) // BLOCK, BLOCK)
        behind = (0, (len(columns) - len(seen)) // BLOCK)
        some.append(F.pad(tiles.any(-1).any(1), behind))
        every.append(F.pad(tiles.all(-1).all(1), behind))
    full = torch.cat(every)
    return BlockMask.from_kv_blocks(*ordered(torch.cat(some) & ~full), *ordered(full), BLOCK_SIZE=BLOCK,
                                    mask_mod=lambda b, h, i, j: mask(i, j), seq_lengths=(queries, keys))


def flex(mask: Mask, queries: int, keys: int, device: str, with_lse: bool = False) -> Callable:
    """FlexAttention under a block mask; with_lse, output and log-sum-exps."""
    blocks = block_mask(mask, queries, keys, device)
    compiled = torch.compile(flex_attention, dynamic=False) if device == "cuda" else flex_attention
    if not with_lse:
        return lambda q, k, v: compiled(q, k, v, block_mask=blocks)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        output, more = compiled(q, k, v, block_mask=blocks, return_aux=AuxRequest(lse=True))
        return output, more.lse
    return attend


def merge(o1: Tensor, l1: Tensor, o2: Tensor, l2: Tensor) -> Tensor:
    """Two parts of one softmax, by their log-sum-exps."""
    most = torch.maximum(l1, l2)
    a, b = torch.exp(l1 - most), torch.exp(l2 - most)
    share = (a / (a + b)).unsqueeze(-1)
    return (o1 * share + o2 * (1 - share)).to(o1.dtype)


def by_residue(t: Tensor, l: int, width: int = 1) -> Tensor:
    """[B, H, n, d] as [B, H * l, n / l, d]: every l-th block of `width` positions is in one head."""
    b, h, n, d = t.shape
    return t.view(b, h, n // (l * width), l, width, d).transpose(2, 3).reshape(b, h * l, n // l, d)


def from_residues(t: Tensor, l: int, width: int = 1) -> Tensor:
    """The way back, with or without the last axis."""
    b, heads, rows, *rest = t.shape
    parts = t.view(b, heads // l, l, rows // width, width, *rest)
    return parts.transpose(2, 3).reshape(b, heads // l, rows * l, *rest)


def summaries(t: Tensor, l: int, c: int) -> Tensor:
    """The last c positions of each block of l, side by side."""
    b, h, n, d = t.shape
    return t.view(b, h, n // l, l, d)[:, :, :, l - c:].reshape(b, h, n // l * c, d)


def expert(pattern: str, n: int, device: str) -> Attention | None:
    """The best that is done by hand: disjoint parts, each permuted or gathered so that it is dense tiles,
    merged by log-sum-exp. None where FlexAttention as it is or cuDNN is that already."""
    name, numbers = parse_pattern(pattern)
    if name in ("dense", "local"):
        return None
    merged = torch.compile(merge) if device == "cuda" else merge
    l, c = numbers[0], numbers[-1]
    if n % (period := l * c if name == "blocks" else l):
        raise ValueError(f"expected positions in whole blocks of {period}, found {n}")

    if name == "stride":
        return lambda q, k, v: from_residues(
            F.scaled_dot_product_attention(*(by_residue(t, l) for t in (q, k, v)), is_causal=True), l)

    if name == "block":
        def blocks(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            b, h, _, d = q.shape
            q, k, v = (t.reshape(b, h * n // l, l, t.shape[-1]) for t in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=True).reshape(b, h, n, v.shape[-1])
        return blocks

    if name == "blocks":
        return lambda q, k, v: from_residues(
            F.scaled_dot_product_attention(*(by_residue(t, c, l) for t in (q, k, v)), is_causal=True), c, l)

    if name == "summary":
        # Summary number t stands at position l * (t // c) + l - c + t % c.
        attend = flex(lambda i, t: t // c * l + l - c + t % c <= i, n, n // l * c, device)
        return lambda q, k, v: attend(q, summaries(k, l, c), summaries(v, l, c))

    if name == "strided":
        near = flex(mask_of(f"local({l})"), n, n, device, with_lse=True)
        # Of its own remainder, the position itself and the one before are near.
        far = flex(lambda a, b: b <= a - 2, n // l, n // l, device, with_lse=True)

        def strided(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            o, lse = far(*(by_residue(t, l) for t in (q, k, v)))
            return merged(*near(q, k, v), from_residues(o, l), from_residues(lse, l))
        return strided

    if name == "fixed":
        own = flex(mask_of(f"block({l})"), n, n, device, with_lse=True)
        earlier = flex(lambda i, t: t // c < i // l, n, n // l * c, device, with_lse=True)
        return lambda q, k, v: merged(*own(q, k, v), *earlier(q, summaries(k, l, c), summaries(v, l, c)))

    raise ValueError(f"expected a pattern that the expert knows, found {pattern!r}")
