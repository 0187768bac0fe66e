#!/usr/bin/env python3
"""Measures an example by itself, eager as it was written, and behind Rouse, and prints the table of its page.

    ./box examples/measure.py detection …       medians of 3 rounds; --rounds N for more

Memory is what the processes hold (proportional set size) without the clean pages of files.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from measuring import free_ports

from tests.examples.applications import (
    APPLICATIONS, EXAMPLE_NAMES, alone, get, neighbour, photos, picture, prepare, room_for, serving)
from tests.integration.test_application import home
from tests.integration.test_command import below
from tests.support.exchanges import Request, answer
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon

ROWS = ["start", "memory idle", "first answer", "next answer", "memory after", "memory once unloaded"]
BESIDE = ["memory when the neighbour comes", "given back after it had all that it took", "next answer when it has left"]
ROOM, TAKEN = 1500, 3000  # MiB: left beside what programs take, and what one more takes of that
ORDERS = ["by-model", "naive"]
PHOTOS = 4
NEXT = 3  # answers after the first; each is a load where `keep` is 0
LOOK = 0.002  # seconds


def memory(pid: int) -> float:
    """MiB of a process and all below it."""
    total = 0
    for each in {pid} | below(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    total += int(line.split()[1])
    return total / 1024


def timed(port: int, request: Request) -> float:
    began = time.perf_counter()
    got = answer(port, request)
    assert got["status"] == 200, got
    return time.perf_counter() - began


def answers(port: int, request: Request) -> dict[str, float]:
    return {"first answer": timed(port, request),
            "next answer": statistics.median(timed(port, request) for _ in range(NEXT))}


def ready(port: int, began: float, process: subprocess.Popen, path: str) -> float:
    while time.perf_counter() - began < BOUND:
        with contextlib.suppress(OSError):
            if answer(port, get(path))["status"] == 200:
                return time.perf_counter() - began
        assert process.poll() is None, "it has ended by itself"
        time.sleep(LOOK)
    raise AssertionError(f"not ready after {BOUND} s")


def by_itself(entry: dict, request: Request) -> dict[str, float]:
    [port] = free_ports(1)

    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{model}", entry.get("source", ""))

    environment = {name: filled(str(value)) for name, value in entry.get("env", {}).items()}
    began = time.perf_counter()
    process = subprocess.Popen([filled(word) for word in entry["command"]], cwd=entry["cwd"], process_group=0,
                               env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen = {"start": ready(port, began, process, entry.get("health", "/health")), "memory idle": memory(process.pid)}
        return seen | answers(port, request) | {"memory after": memory(process.pid)}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(BOUND)


def behind_rouse(name: str, entry: dict, request: Request) -> dict[str, float]:
    with RouseDaemon({"models": {name: entry}}) as rouse:
        pid = rouse.process.pid
        seen = {"start": to_ready(rouse.config), "memory idle": memory(pid)}
        seen |= answers(home(rouse, name), request) | {"memory after": memory(pid)}
        if rouse.state(name) == "ready":
            assert rouse.post(f"/rouse/v1/models/{name}/unload")[0] == 200
        rouse.until_state(name, "cold")
        return seen | {"memory once unloaded": memory(pid)}


def beside_a_neighbour(name: str, entry: dict, request: Request) -> dict[str, float]:
    """What a program that does not ask finds, and what its having been there costs."""
    with RouseDaemon({"budgets": room_for(ROOM), "models": {name: entry}}) as rouse:
        timed(home(rouse, name), request)
        if not entry.get("keep"):
            rouse.until_state(name, "cold")
        seen = {"memory when the neighbour comes": memory(rouse.process.pid)}
        with neighbour(TAKEN):
            began = time.perf_counter()
            while rouse.state(name) != "cold":
                time.sleep(LOOK)
            if seen["memory when the neighbour comes"] > 2:
                seen["given back after it had all that it took"] = time.perf_counter() - began
        return seen | {"next answer when it has left": timed(home(rouse, name), request)}


def indexed(order: str) -> tuple[float, list[int]]:
    """How long a folder of pictures takes from two cold models on, and how often each of them is loaded for it."""
    with tempfile.TemporaryDirectory() as name, serving("photo-search") as rouse:
        folder = Path(name)
        for seed in range(PHOTOS):
            (folder / f"{seed}.png").write_bytes(picture(seed))
        began = time.perf_counter()
        photos(rouse, "index", folder, "--order", order, "--database", folder / "db")
        return time.perf_counter() - began, [rouse.model(model)["loads"] for model in ("clip", "blip")]


def to_ready(config: Path) -> float:
    """Of another daemon with the same configuration, looked at more often than tests do."""
    [port] = free_ports(1)
    began = time.perf_counter()
    with subprocess.Popen([ROUSE, "serve", "--config", config, "--listen", f"127.0.0.1:{port}"],
                          stderr=subprocess.DEVNULL) as process:
        try:
            return ready(port, began, process, "/health/ready")
        finally:
            process.terminate()


def shown(row: str, values: list[float]) -> str:
    if not values:
        return "–"
    value = statistics.median(values)
    if "memory" in row:
        return f"{value:.0f} MiB"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", choices=EXAMPLE_NAMES, default=EXAMPLE_NAMES, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for example in options.examples:
        prepare(example)
        for name, application in APPLICATIONS.items():
            if application.example != example:
                continue
            entry = alone(name)
            itself, behind = ([measure() for _ in range(options.rounds)] for measure in (
                lambda: by_itself(entry, application.typical), lambda: behind_rouse(name, entry, application.typical)))
            print(f"| {name} | by itself | behind Rouse |\n|---|---|---|")
            for row in ROWS:
                cells = (shown(row, [round_[row] for round_ in rounds if row in round_]) for rounds in (itself, behind))
                print(f"| {row} | {' | '.join(cells)} |")
            print(flush=True)
        if example == "pictures":
            names = [name for name, application in APPLICATIONS.items() if application.example == example]
            rounds = {name: [beside_a_neighbour(name, alone(name), APPLICATIONS[name].typical)
                             for _ in range(options.rounds)] for name in names}
            print(f"| beside a neighbour | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
            for row in BESIDE:
                cells = (shown(row, [round_[row] for round_ in rounds[name] if row in round_]) for name in names)
                print(f"| {row} | {' | '.join(cells)} |")
        if example == "photo-search":
            print(f"| {PHOTOS} pictures | took | loads of clip and of blip |\n|---|---|---|")
            for order in ORDERS:
                rounds = [indexed(order) for _ in range(options.rounds)]
                took = shown("took", [seconds for seconds, _ in rounds])
                print(f"| `--order {order}` | {took} | {' and '.join(map(str, rounds[0][1]))} |")


if __name__ == "__main__":
    main()
