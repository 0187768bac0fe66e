"""A program of several processes that hold the same weights, each for itself: noticed, and told where people look."""

import subprocess
import sys
from pathlib import Path

from tests.support.rouse_daemon import ROUSE, RouseDaemon, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")


def serve(what: str) -> RouseDaemon:
    app = {"engine": "command", "command": [sys.executable, PROGRAM, what, "{socket}"], "footprint": {"host": "400MiB"}}
    return RouseDaemon({"models": {"app": app}}, arguments=("--verbose",))


def duplicates(rouse) -> dict | None:
    rouse.get("/rouse/v1/devices")  # the machine is looked at when it is asked for
    return rouse.model("app")["duplicates"]


def cli(rouse, *arguments: str) -> str:
    return subprocess.run([ROUSE, *arguments, "--host", rouse.url], check=True, capture_output=True, text=True).stdout


def test_processes_that_hold_the_same_are_told_once_a_worker():
    with serve("preforks") as rouse:
        assert rouse.post("/rouse/v1/models/app/load")[0] == 200
        assert rouse.chat("app")[0] == 200
        found = until(lambda: duplicates(rouse), "it is noticed")
        assert found["processes"] == 3
        assert 80 << 20 <= found["bytes_each"] < 90 << 20
        size = f"{found['bytes_each'] / (1 << 20):.1f}".removesuffix(".0")
        words = f"3 processes hold {size} MiB each"
        until(lambda: f"{words}: each seems to have loaded the model for itself" in rouse.text(), "the log says it")
        assert words in cli(rouse, "ps") and words in cli(rouse, "show", "app") and words in cli(rouse, "logs", "app")
        for _ in range(3):
            assert rouse.chat("app")[0] == 200
            assert duplicates(rouse) == found
        assert rouse.text().count("processes hold") == 1
        assert rouse.post("/rouse/v1/models/app/unload")[0] == 200
        assert rouse.model("app")["duplicates"] is None
        assert rouse.chat("app")[0] == 200
        until(lambda: rouse.text().count("processes hold") == 2, "the next worker is another one")


def test_what_forks_share_is_no_duplicate():
    with serve("preforks-and-shares") as rouse:
        assert rouse.chat("app")[0] == 200
        until(lambda: duplicates(rouse) or "by itself" in rouse.text(), "its processes have been looked at")
        (line,) = [line for line in rouse.log if "by itself" in line]
        assert "processes, of which one holds" in line
        assert duplicates(rouse) is None


def test_processes_that_load_when_they_are_asked_are_noticed_then():
    with serve("loads-when-asked") as rouse:
        assert rouse.chat("app")[0] == 200
        found = until(lambda: duplicates(rouse), "it is noticed")
        assert found["processes"] == 2
