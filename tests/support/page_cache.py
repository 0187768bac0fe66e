"""Puts a file out of the page cache, and says how much of it is there. Needs no privilege."""

import ctypes
import os
from pathlib import Path

CACHESTAT = 451
PAGE = os.sysconf("SC_PAGE_SIZE")
libc = ctypes.CDLL(None, use_errno=True)


class Unknown(Exception):
    """The kernel does not tell, or the file does not leave the page cache."""


def cached(path: Path) -> int:
    """Bytes of it, rounded up to pages."""
    every, counts = (ctypes.c_uint64 * 2)(0, 0), (ctypes.c_uint64 * 5)()
    with path.open("rb") as file:
        if libc.syscall(CACHESTAT, file.fileno(), ctypes.byref(every), ctypes.byref(counts), 0):
            raise Unknown(f"the kernel tells nothing of its page cache: {os.strerror(ctypes.get_errno())}")
    return counts[0] * PAGE


def ask_to_drop(path: Path) -> None:
    """What nobody has locked or mapped leaves."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def drop(path: Path) -> None:
    ask_to_drop(path)
    if cached(path) > path.stat().st_size / 100:
        raise Unknown(f"{path} stays in the page cache: somebody maps it, or it lies in memory")


def fill(path: Path, share: float = 1) -> None:
    """So much of it from its beginning, and nothing else."""
    drop(path)
    left = int(path.stat().st_size * share)
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            left -= len(piece)
