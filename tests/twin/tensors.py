"""Safetensors files: STC's weights, and the state of its optimizer."""

import json
import struct
from pathlib import Path

import torch
from torch import Tensor

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
          "I64": torch.int64, "I32": torch.int32}


def read(path: Path) -> dict[str, Tensor]:
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)

    def tensor(dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
        begin, end = (8 + length + offset for offset in data_offsets)
        return torch.frombuffer(data[begin:end], dtype=DTYPES[dtype]).reshape(shape)

    return {name: tensor(**entry) for name, entry in header.items()}


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [end, end := end + len(parts[-1])]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
