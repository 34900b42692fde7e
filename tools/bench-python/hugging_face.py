"""attn_implementation="stc" in small random models of Hugging Face Transformers, beside what these have.

Differences are relative norms, of logits and of all gradients, of `n` positions; from the same model's with "eager" in
float32, so that of other types eager's own row says what rounding alone makes. Milliseconds are medians of loss and gradients
of a step of `long` positions, in bfloat16 on a GPU; eager has none, as it keeps long x long weights in each layer.
"""

from __future__ import annotations

import copy
import os
from argparse import Namespace
from collections.abc import Iterator
from functools import partial

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from torch import Tensor, nn

import stc.transformers  # noqa: F401
from common import Json, Option, attempt, clock_of, dtype_of, peak_gib

IMPLEMENTATIONS = ["eager", "sdpa", "flex_attention", "stc"]
MODELS = ["Mistral", "Gemma3"]
OPTIONS = {
    "models": Option("of Mistral, whose layers all have a window, and Gemma3, whose last layer has none", MODELS, MODELS),
    "implementations": Option("of attention", IMPLEMENTATIONS, IMPLEMENTATIONS),
    "n": Option("positions for differences", 2048, 48),
    "long": Option("positions for times", 32768, 64),
    "window": Option("keys of a window", 1024, 16),
    "layers": Option("layers", 4, 2),
    "width": Option("the model's width", 512, 32),
    "heads": Option("heads of queries, twice those of keys", 8, 2),
}
VOCABULARY = 256


def model_of(name: str, options: Namespace) -> nn.Module:
    """In float32."""
    config = {
        "vocab_size": VOCABULARY, "hidden_size": options.width, "intermediate_size": 4 * options.width,
        "num_hidden_layers": options.layers, "num_attention_heads": options.heads,
        "num_key_value_heads": options.heads // 2, "head_dim": options.width // options.heads,
        "max_position_embeddings": max(options.n, options.long), "sliding_window": options.window,
        "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None, "attention_dropout": 0.0, "use_cache": False,
    }  # fmt: skip
    torch.manual_seed(0)
    if name == "Mistral":
        model = transformers.MistralForCausalLM(transformers.MistralConfig(**config))
    elif name == "Gemma3":
        config["layer_types"] = ["sliding_attention"] * (options.layers - 1) + ["full_attention"]
        config["query_pre_attn_scalar"] = config["head_dim"]
        model = transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(**config))
    else:
        raise ValueError(f"expected one of {', '.join(MODELS)}, found the model {name}")
    return model.to(options.device)


def tokens(positions: int, options: Namespace) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(1, VOCABULARY, (1, positions), generator=generator).to(options.device)


def step(model: nn.Module, ids: Tensor) -> Tensor:
    """The logits; gradients are the weights'."""
    model.zero_grad(set_to_none=True)
    result = model(ids, labels=ids)
    result.loss.backward()
    return result.logits.detach()


def results_of(model: nn.Module, implementation: str, ids: Tensor) -> tuple[Tensor, Tensor]:
    model.set_attn_implementation(implementation)
    logits = step(model, ids).float()
    return logits, torch.cat([weight.grad.float().flatten() for weight in model.parameters()])


def differences(model: nn.Module, implementation: str, ids: Tensor, expected: tuple[Tensor, Tensor]) -> Json:
    found = results_of(model, implementation, ids)
    names = ("logits_difference", "gradients_difference")
    return {name: ((a - b).norm() / b.norm()).item() for name, a, b in zip(names, found, expected)}


def times(model: nn.Module, implementation: str, ids: Tensor, device: str) -> Json:
    model.set_attn_implementation(implementation)
    clock = clock_of(device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    milliseconds = clock.median(lambda: step(model, ids))
    return {"long": ids.shape[1], "ms": milliseconds, **peak_gib(clock)}


def measure(options: Namespace) -> Iterator[Json]:
    ids, long = tokens(options.n, options), tokens(options.long, options)
    for name in options.models:
        model = model_of(name, options)
        expected = results_of(model, "eager", ids)
        for dtype in dict.fromkeys((torch.float32, dtype_of(options.device))):
            typed = copy.deepcopy(model).to(dtype)
            for implementation in options.implementations:
                found = {"model": name, "implementation": implementation, "dtype": str(dtype).removeprefix("torch.")}
                found |= {"n": options.n} | attempt(partial(differences, typed, implementation, ids, expected))
                if dtype == dtype_of(options.device) and implementation != "eager" and "cannot" not in found:
                    found |= attempt(partial(times, typed, implementation, long, options.device))
                yield found
                typed.zero_grad(set_to_none=True)
                if options.device == "cuda":
                    torch.cuda.empty_cache()
