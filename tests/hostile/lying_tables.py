"""Small tables that say of themselves that they are small, and of which one part is not."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 60
#: Of Parquet's page headers, as Thrift's compact protocol numbers them.
_I32, _STRUCT, _DATA_PAGE, _DICTIONARY_PAGE = 5, 12, 0, 2


def _columns(cells: list[str]) -> pa.Table:
    labels = ["real", "ai"] * (ROWS // 2)
    names = [f"{i}.png" for i in range(ROWS)]
    return pa.table({"image": names, "label": labels, "p_ai": [0.1, 0.9] * 30, "tag": cells})


def zeros(size: int, codec: str, start: bytes = b"") -> bytes:
    """Return so many bytes, which are zero but for the first ones, in a few."""
    if codec == "snappy":  # which has no streams
        return pa.compress(start.ljust(size, b"\0"), codec, asbytes=True)
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, codec) as stream:
        stream.write(start)
        for done in range(len(start), size, 2**20):
            stream.write(bytes(min(2**20, size - done)))
    return packed.getvalue().to_pybytes()


def lying_parquet(path: Path, size: int, codec: str = "zstd", dictionary: bool = False) -> Path:
    """Write a table with one page of `size` bytes, of which the file's end says a few kilobytes."""
    # Of a page of data: that no cell is missing. Then the length of the first cell.
    start = b"" if dictionary else struct.pack("<IBB", 2, ROWS << 1, 1)
    packed = zeros(size, codec, start + struct.pack("<I", size - 100))
    # What lies there before must be longer, and cannot be packed.
    draw = random.Random(0)
    cells = [draw.randbytes(len(packed) // ROWS + 10).hex() for _ in range(ROWS)]
    pq.write_table(
        _columns(cells),
        path,
        compression=codec,
        use_dictionary=False,
        write_statistics=False,
        data_page_size=2**30,
    )
    chunk = pq.read_metadata(path).row_group(0).column(3)
    kind, place = (_DICTIONARY_PAGE, 7) if dictionary else (_DATA_PAGE, 5)
    levels = [] if dictionary else [(3, 3), (4, 3)]
    inner = _thrift([(1, ROWS), (2, 0), *levels])
    header = _thrift([(1, kind), (2, size), (3, len(packed)), (place, inner)])
    content = bytearray(path.read_bytes())
    at = chunk.data_page_offset
    assert len(header + packed) <= chunk.total_compressed_size < 100_000_000
    content[at : at + len(header + packed)] = header + packed
    path.write_bytes(content)
    return path


def _thrift(fields: list[tuple[int, int | bytes]]) -> bytes:
    """Write a record of numbers and records, each with its field's number."""
    out, last = b"", 0
    for number, value in fields:
        kind = _STRUCT if isinstance(value, bytes) else _I32
        out += bytes([(number - last) << 4 | kind])
        out += value if isinstance(value, bytes) else _varint(value << 1)
        last = number
    return out + b"\0"


def _varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def lying_feather(path: Path, size: int) -> Path:
    """Write a Feather file with one buffer that says that it has `size` bytes once unpacked."""
    table = _columns(["cell" * 1_000] * ROWS)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(path, table.schema, options=options) as file:
        file.write_table(table)
    content = path.read_bytes()
    before = struct.pack("<q", 4_000 * ROWS)
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, struct.pack("<q", size)))
    return path
