"""A control group of our own with a limit on memory, so that the kernel's OOM killer can be met on purpose.

Needs root, or what root may do inside a container or `box`: the group's file system is mounted anew at a folder of ours,
since the one at /sys may be read-only. Unavailable says what is missing."""

import contextlib
import ctypes
import os
import tempfile
from pathlib import Path

MNT_DETACH = 2


class Unavailable(Exception):
    pass


def _own_groups() -> dict[str, str]:
    """Where we are, by controllers: "memory" for version 1, "" for version 2."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    return {controllers: path for _, controllers, path in lines}


@contextlib.contextmanager
def _mounted(kind: str, options: str):
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.TemporaryDirectory(prefix="rouse-cgroup-") as folder:
        if libc.mount(b"none", folder.encode(), kind.encode(), 0, options.encode()) != 0:
            raise Unavailable(f"mounting {kind}: {os.strerror(ctypes.get_errno())}")
        try:
            yield Path(folder)
        finally:
            libc.umount2(folder.encode(), MNT_DETACH)


class MemoryCgroup:
    def __init__(self, folder: Path):
        self.folder = folder

    def enter(self):
        """For a child process before it executes its program."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def limit(self, limit: int):
        files = [self.folder / name for name in ("memory.limit_in_bytes", "memory.max")]
        next(file for file in files if file.exists()).write_text(str(limit))

    def kills(self) -> int:
        """By the OOM killer."""
        told = [self.folder / name for name in ("memory.oom_control", "memory.events")]
        lines = next(file for file in told if file.exists()).read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])


@contextlib.contextmanager
def memory_cgroup(limit: int):
    """Whoever is in the group has to have left it by the end of the block."""
    groups = _own_groups()
    first = "memory" in groups
    with _mounted(*(("cgroup", "memory") if first else ("cgroup2", ""))) as mount:
        own = mount / (groups["memory"] if first else groups.get("", "/")).lstrip("/")
        # In version 2 a group with processes in it has no children that are limited: ours goes beside us.
        above = own if first or own == mount else own.parent
        if not first:
            with contextlib.suppress(OSError):
                (above / "cgroup.subtree_control").write_text("+memory")
        folder = above / f"rouse-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError as error:
            raise Unavailable(f"a group of our own: {error}") from error
        try:
            limits = {"memory.limit_in_bytes": limit, "memory.swappiness": 0} if first else {"memory.max": limit, "memory.swap.max": 0}
            for name, value in limits.items():
                file = folder / name
                if file.exists():
                    file.write_text(str(value))
                elif "swap" not in name:
                    raise Unavailable(f"no {name} in a group of our own: its memory cannot be limited here")
            yield MemoryCgroup(folder)
        finally:
            folder.rmdir()
