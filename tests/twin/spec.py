"""A model's specification, as docs/specification.md has its keys. It is taken to be right: `stc-compile` says
what is wrong with one."""

import json
import math
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Sections = dict[str, Any]

# What a key is where it is not given and does not follow from others.
DEFAULTS: Sections = {
    "model": {"vocabulary": 256},
    "attention": {"integration": "merged"},
    "data": {"split": [0.9, 0.05, 0.05]},
    "embedding": {},
    "train": {"decay": "cosine", "clip": 1.0, "weight_decay": 0.01, "dropout": 0.0, "beta1": 0.9, "beta2": 0.999,
              "epsilon": 1e-8, "init_scale": 0.125, "seed": 0},
    "precision": {"compute": "float32"},
    "memory": {"recompute": "none"},
    "sample": {"batch": 1},
}


def period(pattern: str) -> int:
    """What the pattern repeats by or, where it does not, its widest band; 0 where it has neither."""
    first = [(name, int(number)) for name, number in re.findall(r"(\w+)\((\d+)", pattern)]
    moduli = [number for name, number in first if name.removesuffix("_by_head") in ("stride", "strided", "block", "summary", "fixed")]
    return math.lcm(*moduli) if moduli else max((number for name, number in first if name == "local"), default=0)


def factors(patterns: list[str]) -> list[str]:
    """What `integration` combines: the list or, of one pattern, its own two."""
    if len(patterns) > 1:
        return patterns
    if match := re.fullmatch(r"\s*strided\((\d+)\)\s*", patterns[0]):
        return [f"local({match[1]})", f"stride({match[1]})"]
    if match := re.fullmatch(r"\s*fixed(|_by_head)\((\d+),\s*(\d+)\)\s*", patterns[0]):
        return [f"block({match[2]})", f"summary{match[1]}({match[2]}, {match[3]})"]
    return patterns


def head_patterns(texts: list[str], heads: int) -> list[str]:
    """Of each head where heads take these texts in turn, or the one that all have. Heads with a text with a name by
    head take the sub-blocks of that name in turn."""
    def of_head(head: int) -> str:
        def sub_block(name: re.Match[str]) -> str:
            l, c = int(name[2]), int(name[3])
            return f"{name[1]}({l}, {c}, {head // len(texts) % (l // c)})"
        return re.sub(r"(summary|fixed)_by_head\((\d+),\s*(\d+)\)", sub_block, texts[head % len(texts)])

    patterns = [of_head(head) for head in range(heads)]
    return patterns if len(set(patterns)) > 1 else patterns[:1]


class Spec(SimpleNamespace):
    """A section is a field, and a key one of that: spec.model.width."""

    def __init__(self, given: Sections):
        super().__init__(name=given.get("name", "model"))
        for section, defaults in DEFAULTS.items():
            setattr(self, section, SimpleNamespace(**(defaults | given.get(section, {}))))

        def default(section: SimpleNamespace, **values: Any) -> None:
            vars(section).update(values | vars(section))

        model, data, train = self.model, self.data, self.train
        default(model, key_value_heads=model.heads, query_key_size=model.width // model.heads,
                value_size=model.width // model.heads, feed_forward=4 * model.width)
        if data.kind == "image":
            default(data, context=math.prod(data.shape))
        default(self.embedding, kind="image" if data.kind == "image" else "aligned")
        if self.embedding.kind == "aligned":
            periods = [found for found in map(period, self.patterns) if found]
            default(self.embedding, stride=periods[0] if periods else math.isqrt(data.context - 1) + 1)
        default(train, warmup=min(5000, train.steps // 10))

    @property
    def patterns(self) -> list[str]:
        pattern = self.attention.pattern
        return [pattern] if isinstance(pattern, str) else pattern

    def layer_patterns(self) -> list[list[str]]:
        """For each layer the pattern of all heads, or of each head."""
        layers, parts = range(self.model.layers), factors(self.patterns)
        if self.attention.integration == "merged":
            union = " | ".join(f"({text})" for text in self.patterns) if self.patterns[1:] else self.patterns[0]
            texts = [[union] for _ in layers]
        elif self.attention.integration == "heads":
            texts = [parts for _ in layers]
        else:
            texts = [[parts[layer % len(parts)]] for layer in layers]
        return [head_patterns(of_layer, self.model.heads) for of_layer in texts]

    def position_tables(self) -> dict[str, tuple[int, int]]:
        """By name the rows and the divisor of each table: position i adds row floor(i / divisor) mod rows."""
        if self.embedding.kind == "image":
            height, width, channels = self.data.shape
            return {"row": (height, width * channels), "column": (width, channels), "channel": (channels, 1)}
        if self.embedding.kind == "absolute":
            return {"position": (self.data.context, 1)}
        stride = self.embedding.stride
        return {"row": (-(-self.data.context // stride), stride), "column": (stride, 1)}


def changed(given: Sections, changes: Sections) -> Sections:
    """The same with other values by dotted key: {"model.layers": 2}."""
    result = {name: dict(part) if isinstance(part, dict) else part for name, part in given.items()}
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        (result.setdefault(section, {}) if section else result)[name] = value
    return result


def assignment(text: str) -> tuple[str, Any]:
    """A change on the command line: model.layers=2; what is no JSON is a string."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"expected KEY=VALUE, found {text!r}")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def load(path: Path) -> Sections:
    return {"name": path.stem} | tomllib.loads(path.read_text(encoding="utf-8"))


def toml(sections: Sections) -> str:
    """As a file. JSON writes strings, numbers and lists as TOML does."""
    lines = [f"name = {json.dumps(sections['name'])}"] if "name" in sections else []
    for section, keys in sections.items():
        if isinstance(keys, dict):
            lines += ["", f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"
