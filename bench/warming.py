"""What reading ahead does for the load of 1.7 GB that a disk has to give, and for one that is in the page cache."""

import statistics
import sys
from pathlib import Path
from time import perf_counter

from measuring import ROUSE, Figure, built, in_turn, number
from progress import PROGRAM, SIZE
from tests.support import demo_models
from tests.support.page_cache import drop, fill
from tests.support.rouse_daemon import RouseDaemon

NEVER_SLOWER = 100  # % of the time without


def variants(path: Path) -> dict[str, dict]:
    llama = {"engine": "llama", "source": str(path), "context": 2048}
    return {
        "llama-server, mapped": llama,
        "llama-server, mapped, without its warm-up": {**llama, "args": ["--no-warmup"]},
        "llama-server, read": {**llama, "load_mode": "none"},
        "a program that reads": {"engine": "command", "source": str(path), "footprint": {"host": "2GiB"},
                                 "command": [sys.executable, str(PROGRAM), "{socket}", "{model}", "0"]},
    }


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    path = demo_models.of_size(SIZE)
    models, figures = {}, []
    for at, entry in enumerate(variants(path).values()):
        models[f"{at}-with"], models[f"{at}-without"] = {**entry, "read_ahead": True}, {**entry, "read_ahead": False}
    with RouseDaemon({"models": models, "budgets": {"host": {"limit": "4GiB"}}}) as rouse:

        def load(model: str) -> float:
            begun = perf_counter()
            status, _, body = rouse.post(f"/rouse/v1/models/{model}/load", {"wait": True})
            took = perf_counter() - begun
            assert status == 200, body
            assert rouse.post(f"/rouse/v1/models/{model}/unload", {"force": True})[0] == 200
            return took

        for at, what in enumerate(variants(path)):
            for state, prepare in {"cold": drop, "cached": fill}.items():
                took: dict[str, list[float]] = {"with": [], "without": []}

                def one(how: str) -> None:
                    prepare(path)
                    took[how].append(load(f"{at}-{how}"))

                in_turn(max(5, rounds // 3), lambda: one("with"), lambda: one("without"))
                share = [100 * a / b for a, b in zip(took["with"], took["without"])]
                middle = {how: statistics.median(seconds) for how, seconds in took.items()}
                entry = variants(path)[what]
                on_by_itself = entry["engine"] == "command" or entry.get("load_mode") == "none"
                figure = Figure(f"warming: {state} load, {what}", "% of without", share,
                                judged=100 * middle["with"] / middle["without"],
                                notes=[f"{number(middle['with'])} s with and {number(middle['without'])} s without it"])
                if state == "cold" and on_by_itself:
                    figure.must, figure.bar = "<=", NEVER_SLOWER
                figures.append(figure)
    return figures
