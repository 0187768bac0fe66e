"""GGUF files that lie: each must fail its own load and nothing else. The bytes are put together by hand, since
python3-gguf would not write them."""

import struct
from pathlib import Path

MAGIC, VERSION, STRING = b"GGUF", 3, 8


def header(tensors: int, settings: int) -> bytes:
    return MAGIC + struct.pack("<IQQ", VERSION, tensors, settings)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def setting(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", STRING) + text(value)


def truncated(path: Path, whole: Path, share: float = 0.6) -> Path:
    """The head of a sound file: by default its header is complete and the weights stop in the middle."""
    data = whole.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])
    return path


def absurd_tensor_count(path: Path) -> Path:
    path.write_bytes(header(tensors=1 << 60, settings=1) + setting("general.architecture", "llama"))
    return path


def string_length_overflow(path: Path) -> Path:
    """A key that claims nearly 2^64 bytes: adding anything to that length wraps round."""
    path.write_bytes(header(tensors=0, settings=1) + struct.pack("<Q", (1 << 64) - 8) + b"general.architecture")
    return path


def array_length_overflow(path: Path) -> Path:
    """An array of 2^62 numbers of 8 bytes: its size in bytes wraps round to zero."""
    array, uint64 = 9, 10
    path.write_bytes(header(tensors=0, settings=2) + setting("general.architecture", "llama") + text("tokens") +
                     struct.pack("<IIQ", array, uint64, 1 << 62))
    return path


def tensor_beyond_the_end(path: Path) -> Path:
    """One tensor whose offset lies far behind the end of the file."""
    path.write_bytes(header(tensors=1, settings=1) + setting("general.architecture", "llama") +
                     text("token_embd.weight") + struct.pack("<IQQIQ", 2, 64, 64, 1, 1 << 40) + bytes(64))
    return path


def not_gguf(path: Path) -> Path:
    path.write_bytes(b"This is not a model.\n" * 8)
    return path


def write_all(folder: Path, whole: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return {"truncated": truncated(folder / "truncated.gguf", whole),
            "tensor-count": absurd_tensor_count(folder / "tensor-count.gguf"),
            "string-length": string_length_overflow(folder / "string-length.gguf"),
            "array-length": array_length_overflow(folder / "array-length.gguf"),
            "tensor-offset": tensor_beyond_the_end(folder / "tensor-offset.gguf"),
            "not-gguf": not_gguf(folder / "not-gguf.gguf")}
