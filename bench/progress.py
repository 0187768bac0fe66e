"""How well the time that a load will still take is foretold, from the second load of a model on.

A llama-server with a model of 1.7 GB, and a program that reads as much and then works on it: both are loaded again and
again while more, less or nothing of the file is in the page cache. What `eta_ms` says is held against what it then took,
look by look.
"""

import random
import sys
import threading
import time
from pathlib import Path

from measuring import ROUSE, Figure, built, number
from tests.support import demo_models
from tests.support.page_cache import fill
from tests.support.rouse_daemon import RouseDaemon

SIZE = "1700MiB"
PROGRAM = Path(__file__).with_name("slow_program.py")
SHARES = [0, 0, 0.5, 1, 1]  # of the file that is in the page cache; each of them once, or twice, …
LOOK = 0.05  # seconds
BAR = 15  # %


def load(rouse: RouseDaemon, model: str) -> tuple[float, list[tuple[float, float]]]:
    """How long it took, and what was said meanwhile: (seconds since its start, seconds that are left)."""
    begun, took, said = time.perf_counter(), [], []

    def wait() -> None:
        status, _, body = rouse.post(f"/rouse/v1/models/{model}/load", {"wait": True})
        assert status == 200, body
        took.append(time.perf_counter() - begun)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while waiting.is_alive():
        seen = rouse.model(model)
        if seen["state"] == "loading" and seen["eta_ms"] is not None:
            said.append((time.perf_counter() - begun, seen["eta_ms"] / 1000))
        waiting.join(LOOK)
    assert rouse.post(f"/rouse/v1/models/{model}/unload", {"force": True})[0] == 200
    return took[0], said


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    path = demo_models.of_size(SIZE)
    models = {
        "llama": {"engine": "llama", "source": str(path), "context": 2048},
        "program": {"engine": "command", "command": [sys.executable, str(PROGRAM), "{socket}", "{model}", "1.5"],
                    "source": str(path), "footprint": {"host": "2GiB"}},
    }
    shares = SHARES * max(1, rounds // (2 * len(SHARES)))
    random.Random(5).shuffle(shares)
    figures = []
    with RouseDaemon({"models": models, "budgets": {"host": {"limit": "4GiB"}}}) as rouse:
        for model in models:
            errors, loads = [], []
            for turn, share in enumerate([0, *shares]):
                fill(path, share)
                took, said = load(rouse, model)
                if turn == 0:
                    continue  # nothing is known yet
                loads.append(took)
                errors += [100 * abs(left - (took - at)) / (took - at) for at, left in said if at < took]
            figures.append(Figure(
                f"progress: time left as told, off what it was, {model}", "%", errors, "<=", BAR,
                notes=[f"{len(errors)} looks at {len(loads)} loads of {number(min(loads))} to {number(max(loads))} s, with "
                       f"none to all of the file in the page cache"]))
    return figures
