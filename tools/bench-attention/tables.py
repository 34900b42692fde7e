"""What the results of compare.py are called, and their tables in Markdown.

    tables.py FOLDER/results.json
"""

import json
import sys
from typing import Any

Json = dict[str, Any]

WAYS = {
    "stc": "STC",
    "op": "stc.attention",
    "flex": "FlexAttention",
    "expert": "by hand",
    "cudnn": "cuDNN, dense",
}
DIRECTIONS = {"forward": "forward", "both": "forward and backward"}


def milliseconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def share_of_roofline(work: Json, seconds: float, ceilings: Json) -> float:
    """The time of the useful operations or of the bytes, whichever is longer, by the time taken."""
    return max(work["flops"] / ceilings["flops"], work["bytes"] / ceilings["bytes"]) / seconds


def table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    # A pattern's bars are no borders of cells.
    escaped = ([cell.replace("|", "\\|") for cell in cells] for cells in lines)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in escaped) + "\n"


def times(results: Json) -> str:
    """A row for a case, a column for a way: forward, and forward and backward."""
    rows = []
    for case in results["cases"].values():
        cells = [case["shape"], case["pattern"], f"{case['share']:.4f}"]
        for way in WAYS:
            found = case["ways"].get(way, {"cannot": ""})
            if "cannot" in found:
                cells.append("cannot" if found["cannot"] else "")
            else:
                cells.append(f"{milliseconds(found['forward_ms'])}, {milliseconds(found['both_ms'])}")
        rows.append(cells)
    return table(["shape", "pattern", "share of the triangle", *WAYS.values()], rows)


def rates(results: Json, direction: str) -> str:
    """A row for a case and a way that took part."""
    rows = []
    for case in results["cases"].values():
        for way, title in WAYS.items():
            found = case["ways"].get(way, {"cannot": ""})
            if "cannot" in found:
                continue
            work, seconds = case["work"][direction], found[f"{direction}_ms"] / 1e3
            rows.append([case["shape"], case["pattern"], title, milliseconds(seconds * 1e3),
                         f"{work['flops'] / seconds / 1e12:.0f}", f"{work['bytes'] / seconds / 1e9:.0f}",
                         f"{share_of_roofline(work, seconds, results['ceilings']):.2f}",
                         f"{max(found['errors'].values()):.1e}"])
    return table(["shape", "pattern", "way", "ms", "useful TFLOP/s", "GB/s", "share of the roofline",
                  "largest error"], rows)


def reasons(results: Json) -> str:
    lines = [f"- {title} cannot do {case['pattern']} at {case['shape']}: {found['cannot']}"
             for case in results["cases"].values() for way, title in WAYS.items()
             if (found := case["ways"].get(way, {})).get("cannot")]
    return "\n".join(lines) + "\n" if lines else ""


def markdown(results: Json) -> str:
    machine, ceilings = results["machine"], results["ceilings"]
    text = f"""{machine['gpu']}, PyTorch {machine['torch']}, {results['date']}; bf16, medians, nothing in the cache. In this run a
product of 8192 cubed came to {machine['product_flops'] / 1e12:.0f} TFLOP/s and a copy to {machine['copy_bytes'] / 1e12:.2f} TB/s; \
the roofline is of {ceilings['flops'] / 1e12:.0f} TFLOP/s and {ceilings['bytes'] / 1e12:.2f} TB/s.

Milliseconds forward, and forward and backward. cuDNN leaves the pattern out.

{times(results)}
{reasons(results)}"""
    for direction, title in DIRECTIONS.items():
        text += f"\n{title.capitalize()}:\n\n{rates(results, direction)}"
    return text


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(markdown(json.load(file)))
