"""Holds a program up until a test lets it go: whoever opens a pipe to read from it waits for somebody who writes."""

import os
from pathlib import Path


def pipe_of(folder: Path, name: str) -> Path:
    return folder / f"gate-of-{name}"


class Gate:
    """`program` waits for the gate to open, and then goes on as `then` (of sh) says."""

    def __init__(self, folder: Path, then: str = 'exec llama-server "$@"', name: str = "gated"):
        self.pipe = pipe_of(folder, name)
        os.mkfifo(self.pipe)
        self.program = folder / f"{name}-program"
        self.program.write_text(f"#!/bin/sh\n: < '{self.pipe}'\n{then}\n")
        self.program.chmod(0o755)
        self.held: int | None = None

    def open(self) -> None:
        """For those who wait, and for all who come while this object is there."""
        self.held = os.open(self.pipe, os.O_RDWR)

    def close(self) -> None:
        """Again, for those who come from now on."""
        if self.held is not None:
            os.close(self.held)
        self.held = None

    def __del__(self):
        self.close()
