"""Pictures of an array that differ from each other."""

from pathlib import Path

from compressors import read_npy


def spread(source: Path, target: Path, count: int) -> None:
    """Writes an array of so many pictures at equal distances, for neighbours may be pieces of one photograph."""
    shape, pixels = read_npy(source)
    size = len(pixels) // shape[0]
    places = [(2 * k + 1) * shape[0] // (2 * count) for k in range(count)]
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {(count, *shape[1:])}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    target.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
                       + b"".join(pixels[place * size : (place + 1) * size] for place in places))
