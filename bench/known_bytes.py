#!/usr/bin/env python3
"""How far what is said of programs is from what they hold by construction.

    known_bytes.py SEED COUNT < said     a line for each look: {"model": "m07", "bytes": 12345678}

It knows how large the programs are, which follows from the seed, and sees what an interpreter takes for itself at
programs of no bytes that it runs: no daemon has a part in it.
"""

import json
import mmap
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).with_name("holding_program.py")
LARGEST = {"own": 120, "shared": 120, "child": 120, "both": 80}  # MiB
SMALLEST = 20  # MiB
BASELINES = 3
BOUND = 60  # seconds


def table(seed: int, count: int) -> dict[str, tuple[str, int]]:
    """Kind and bytes of each; no two are of one size."""
    chance = random.Random(seed)
    models: dict[str, tuple[str, int]] = {}
    for at in range(count):
        kind = list(LARGEST)[at % len(LARGEST)]
        pages = chance.randrange(SMALLEST << 20, LARGEST[kind] << 20) // mmap.PAGESIZE
        models[f"m{at:02}"] = (kind, pages * mmap.PAGESIZE)
    assert len({size for _, size in models.values()}) == count
    return models


# --- what a process holds ---------------------------------------------------------------------------------------------


def descendants(pid: int) -> list[int]:
    found = [pid]
    for member in found:  # it grows on the way
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                pass  # gone
    return found[1:]


def held(*pids: int) -> int:
    """Their own and their shared memory, pages of several of them divided among these."""
    total = 0
    for pid in pids:
        try:
            sums = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # gone
        total += sum(int(kib) for kib in re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB", sums, re.M))
    return total << 10


def ask(path: str, method: str) -> None:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        asking.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        answer = b"".join(iter(lambda: asking.recv(4096), b""))
        assert b" 200 " in answer, answer


def wait_for(path: str) -> None:
    deadline = time.monotonic() + BOUND
    while True:
        try:
            return ask(path, "GET")
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.005)


def interpreter(kind: str) -> int:
    """What a program takes that holds nothing, once it has answered."""
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as folder:
        path = f"{folder}/socket"
        program = subprocess.Popen([sys.executable, PROGRAM, path, kind, "0"], start_new_session=True)
        try:
            wait_for(path)
            ask(path, "POST")
            return held(program.pid, *descendants(program.pid))
        finally:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def compared(seed: int, count: int, said: list[dict]) -> dict:
    models = table(seed, count)
    interpreters = {kind: statistics.median(interpreter(kind) for _ in range(BASELINES)) for kind in LARGEST}
    off: list[float] = []
    worst: dict = {}
    for one in said:
        kind, size = models[one["model"]]
        true = size + interpreters[kind]
        off.append(100 * abs(one["bytes"] - true) / true)
        if off[-1] == max(off):
            worst = {**one, "kind": kind, "true": true, "off": off[-1]}
    return {"looks": len(off), "models": len({one["model"] for one in said}), "off": off, "worst": worst,
            "interpreters": interpreters}


if __name__ == "__main__":
    print(json.dumps(compared(int(sys.argv[1]), int(sys.argv[2]), [json.loads(line) for line in sys.stdin])))
