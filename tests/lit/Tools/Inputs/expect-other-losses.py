"""expect-other-losses.py COUNT: the lines of metrics on standard input tell of COUNT training steps, no two of one loss."""

import json
import sys

lines = [json.loads(line) for line in sys.stdin]
losses = [line["bits_per_byte"] for line in lines if line["kind"] == "step"]
assert len(losses) == int(sys.argv[1]), f"expected {sys.argv[1]} steps, found {len(losses)}"
assert len(set(losses)) == len(losses), f"expected losses that all differ, found {sorted(losses)}"
