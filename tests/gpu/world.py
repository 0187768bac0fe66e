"""A machine with one GPU, real or pretended: the driver as read without Rouse, the programs that fill it, and a Rouse whose
models are such programs."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from meter import Meter
from report import GIB, MIB

from tests.support.rouse_daemon import ROUSE, RouseDaemon, until

GPU = "gpu0"
TOO_MUCH = 1.1  # times what a model takes is what its configuration says: what is measured must not be mistaken for it


class World:
    """`environment`: what the daemon and the programs are told beside."""

    def __init__(self):
        self.meter = Meter()
        self.environment = {}
        self.limit = min(8 * GIB, int(self.meter.memory().free * 0.8) // (64 * MIB) * (64 * MIB))
        self.host = 3 * GIB  # what a PyTorch program takes of the host, at most
        self.slack = 32 * MIB  # what the driver takes and gives for itself
        self.shared_keep = 3

    def close(self) -> None:
        pass

    # --- programs beside Rouse ---

    def command(self, count: int, *more: str) -> list[str]:
        return [sys.executable, str(HERE / "holder.py"), "--bytes", str(count), *more]

    def outside(self) -> dict[str, str]:
        return {**os.environ, **self.environment, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"}

    @contextlib.contextmanager
    def foreign(self, count: int):
        """A program of somebody else, once it holds what it was told to."""
        program = subprocess.Popen(self.command(count, "--until-told"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env=self.outside())
        try:
            line = program.stdout.readline()
            assert line, "the foreign program came to nothing"
            program.allocated = json.loads(line)["allocated"]
            yield program
        finally:
            program.stdin.close()
            program.wait()

    def settled(self) -> int:
        """Bytes used, once two looks agree."""
        last = [-1]

        def agrees():
            now = self.meter.used()
            before, last[0] = last[0], now
            return now + 1 if now == before else 0  # zero bytes are an answer, too

        return until(agrees, "the GPU's memory stands still") - 1

    def context(self) -> tuple[int, bool]:
        """What a process takes of the GPU that holds nothing in it, and whether the driver tells whose that is."""
        before = self.settled()
        with self.foreign(0) as program:
            listed = self.meter.processes().get(program.pid)
            took = self.settled() - before if listed is None else listed
        until(lambda: self.meter.used() <= before + self.slack, "the context is gone")
        return took - program.allocated, listed is not None

    # --- Rouse ---

    def model(self, count: int, context: int, **more) -> dict:
        return {"engine": "command", "command": self.command(count, "--port", "{port}"), "env": self.environment,
                "footprint": {"host": self.host, GPU: int(count * TOO_MUCH) + context}, **more}

    def rouse(self, models: dict[str, int], context: int, baseline: int, **policy) -> RouseDaemon:
        """Its budget is `limit` while nobody else takes anything, and what anybody takes is taken from it."""
        reserve = max(0, self.meter.memory().total - baseline - self.limit)
        return RouseDaemon({"budgets": {GPU: {"limit": self.limit, "reserve": reserve}}, "policy": policy,
                            "defaults": {"keep": "1h"},
                            "models": {name: self.model(count, context) for name, count in models.items()}},
                           env=self.environment)


def wake(rouse: RouseDaemon, name: str) -> int:
    """The bytes that the model's program says it allocated."""
    status, _, answer = rouse.ask("GET", f"/rouse/v1/models/{name}/app/figures")
    assert status == 200, (status, answer)
    return answer["allocated"]


def device(rouse: RouseDaemon) -> dict | None:
    return next((d for d in rouse.get("/rouse/v1/devices")["devices"] if d["id"] == GPU), None)


class Highest:
    """`with Highest(look) as most: …`; most.seen is the largest value of look() meanwhile."""

    def __init__(self, look):
        self.look = look
        self.seen = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.over.wait(0.005):
            self.seen = max(self.seen, self.look())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
