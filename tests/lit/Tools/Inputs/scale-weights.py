"""scale-weights.py FILE TENSOR FACTOR: multiplies a float32 tensor of a safetensors file."""

import array
import json
import struct
import sys

path, name, factor = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(path, "r+b") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    begin, end = json.loads(file.read(length))[name]["data_offsets"]
    file.seek(8 + length + begin)
    values = array.array("f", file.read(end - begin))
    file.seek(8 + length + begin)
    file.write(array.array("f", (factor * value for value in values)).tobytes())
