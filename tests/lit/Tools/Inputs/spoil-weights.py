"""Sets the first element of a float32 tensor in a safetensors file: IN NAME VALUE OUT."""

import json
import struct
import sys

path, name, value, out = sys.argv[1:]
data = bytearray(open(path, "rb").read())
length = struct.unpack_from("<Q", data)[0]
start = json.loads(data[8 : 8 + length])[name]["data_offsets"][0]
struct.pack_into("<f", data, 8 + length + start, float(value))
open(out, "wb").write(data)
