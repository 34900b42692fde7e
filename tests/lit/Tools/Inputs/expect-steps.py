"""expect-steps.py FILE TENSOR SIZE: each element of a float32 tensor of a safetensors file is 0 or +-SIZE, within 1e-4
of it, and some are."""

import array
import json
import struct
import sys

path, name, size = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(path, "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    begin, end = json.loads(file.read(length))[name]["data_offsets"]
    file.seek(8 + length + begin)
    values = array.array("f", file.read(end - begin))
moved = [abs(value) / size - 1 for value in values if value]
assert moved, "expected some elements to have moved, found none"
assert max(map(abs, moved)) < 1e-4, f"expected steps of {size}, found one off by {max(map(abs, moved)):.2e} of it"
