"""Writes a GGUF file with python3-gguf: settings and tensors in, one finished file out.

A tensor is an array, or a `Repeated` one whose bytes are made while they are written, so that files larger than
memory cost nothing but the disk. The file appears under its name only when it is complete.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

Setting = str | int | float | bool | list
ALIGNMENT = 32


@dataclass(frozen=True)
class Repeated:
    """A half-precision matrix: first a row of zeros, then one block of random numbers over and over."""

    shape: tuple[int, int]
    block: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.block.itemsize

    @property
    def dtype(self) -> np.dtype:
        return self.block.dtype

    def chunks(self) -> Iterator[memoryview]:
        first_row = self.shape[1] * self.block.itemsize
        yield memoryview(bytes(first_row))
        block, left = memoryview(self.block).cast("B"), self.nbytes - first_row
        while left > 0:
            yield block[:left]
            left -= len(block)


Tensor = np.ndarray | Repeated


def add_setting(writer: gguf.GGUFWriter, key: str, value: Setting) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def write(path: Path, architecture: str, settings: dict[str, Setting], tensors: dict[str, Tensor]) -> Path:
    """`settings` are whole keys; `tensors` have numpy's order of dimensions (rows first)."""
    writer = gguf.GGUFWriter(None, architecture)
    for key, value in settings.items():
        add_setting(writer, key, value)
    for name, tensor in tensors.items():
        writer.add_tensor_info(name, tensor.shape, tensor.dtype, tensor.nbytes)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        writer.write_header_to_file(unfinished)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        file = writer.fout[0]
        for tensor in tensors.values():
            file.write(bytes(-file.tell() % ALIGNMENT))
            if isinstance(tensor, Repeated):
                file.writelines(tensor.chunks())
            else:
                file.write(np.ascontiguousarray(tensor).data)
        file.write(bytes(-file.tell() % ALIGNMENT))
        writer.close()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
