#!/usr/bin/env python3
"""Draws the results of compare.py: a row for a case, a dot for the time of each way, on a logarithmic axis.

    plot.py FOLDER/results.json -o attention.svg
"""

import argparse
import json
import math
import sys
from html import escape
from pathlib import Path

from tables import DIRECTIONS, WAYS, Json, milliseconds

COLOURS = {"stc": "#1f5fa8", "op": "#7fb0e0", "flex": "#c4501b", "expert": "#3c8a4e", "cudnn": "#8a929a"}
WIDTH, LEFT, RIGHT, TOP, ROW = 760, 250, 24, 52, 24
STYLE = """text{fill:#1c1f23;font:12px system-ui,sans-serif}text.x{text-anchor:middle}text.y{text-anchor:end}
.grid{stroke:#d9dde1}.axis{stroke:#667078;fill:none}.row{stroke:#d9dde1;stroke-width:1.5}"""


def draw(results: Json, direction: str) -> str:
    """The SVG. Fails with ValueError where there is no time to draw."""
    rows = [(f"{case['pattern']}, {case['shape']}",
             {way: found[f"{direction}_ms"] for way, found in case["ways"].items() if "cannot" not in found})
            for case in results["cases"].values()]
    times = [time for _, found in rows for time in found.values()]
    if not times:
        raise ValueError("expected at least one time, found none")
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    high = max(high, low + 1)
    bottom = TOP + ROW * len(rows)

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(time) - low) / (high - low)

    title = f"Attention, milliseconds {DIRECTIONS[direction]}"
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 52}" role="img" '
           f'aria-label="{title}">', f"<style>{STYLE}</style>",
           f'<rect x="0" y="0" width="{WIDTH}" height="{bottom + 52}" fill="#fff"/>']
    at = LEFT
    for way, name in WAYS.items():
        svg.append(f'<circle cx="{at}" cy="20" r="4.5" fill="{COLOURS[way]}"/><text x="{at + 10}" y="24">{name}</text>')
        at += 34 + 7 * len(name)
    for power in range(low, high + 1):
        svg.append(f'<line class="grid" x1="{x(10**power):.1f}" x2="{x(10**power):.1f}" y1="{TOP - 12}" y2="{bottom}"/>'
                   f'<text x="{x(10**power):.1f}" y="{bottom + 18}" class="x">{10**power:g}</text>')
    for number, (label, found) in enumerate(rows):
        y = TOP + ROW * number
        svg.append(f'<text x="{LEFT - 12}" y="{y + 4}" class="y">{escape(label)}</text>')
        if found:
            svg.append(f'<line class="row" x1="{x(min(found.values())):.1f}" x2="{x(max(found.values())):.1f}" '
                       f'y1="{y}" y2="{y}"/>')
        for way in reversed(list(WAYS)):  # STC's dot lies on top
            if way in found:
                svg.append(f'<circle cx="{x(found[way]):.1f}" cy="{y}" r="4.5" fill="{COLOURS[way]}">'
                           f"<title>{WAYS[way]}: {milliseconds(found[way])} ms</title></circle>")
    svg.append(f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>'
               f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{bottom + 40}" class="x">{title}</text></svg>')
    return "\n".join(svg) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results.json")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the SVG file")
    parser.add_argument("--direction", choices=DIRECTIONS, default="both", help="default: %(default)s")
    options = parser.parse_args()
    try:
        options.output.write_text(draw(json.loads(options.results.read_text()), options.direction))
    except (OSError, ValueError) as error:
        sys.exit(f"plot.py: error: {options.results}: {error}")


if __name__ == "__main__":
    main()
