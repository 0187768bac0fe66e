"""The first answer of a cold model: from Rouse, and from a llama-server that is started by hand and then asked.

Both run the same command line in the same environment: Rouse's own worker is asked for them. By hand means that
/health is asked every 2 ms and the question put as soon as it answers 200.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from measuring import DEMO_MODEL, ROUSE, CannotMeasure, Figure, Timed, built, in_turn, installed, number, spread
from tests.support.llama_server import UnixConnection
from tests.support.rouse_daemon import BOUND, RouseDaemon, alive, until

MODEL = "demo"
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "What is Rouse?"}], "max_tokens": 1,
            "temperature": 0}
BY_HAND_EVERY = 0.002  # seconds


def words(path: str) -> list[str]:
    return [word.decode() for word in Path(path).read_bytes().split(b"\0")[:-1]]


def expect(condition: bool, otherwise: object) -> None:
    if not condition:
        raise CannotMeasure(str(otherwise))


class ByHand:
    """llama-server with a worker's command line and environment, but a socket of its own."""

    def __init__(self, worker: int, folder: Path):
        self.socket = str(folder / "by-hand.sock")
        argv = words(f"/proc/{worker}/cmdline")
        argv[argv.index("--host") + 1] = self.socket
        self.argv = [installed(argv[0]), *argv[1:]]
        self.environment = dict(word.split("=", 1) for word in words(f"/proc/{worker}/environ"))

    def first_answer(self) -> float:
        with Timed(self.argv, self.environment) as process:
            process.ready_at(self.socket, "/health", BY_HAND_EVERY)
            connection = UnixConnection(self.socket, BOUND)
            connection.request("POST", "/v1/chat/completions", json.dumps(QUESTION),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            took = process.ms_until(time.perf_counter())
            connection.close()
        Path(self.socket).unlink(missing_ok=True)
        expect(answer.status == 200, body)
        return took


def unload(rouse: RouseDaemon) -> None:
    worker = rouse.model(MODEL)["pid"]
    status, _, receipt = rouse.post(f"/rouse/v1/models/{MODEL}/unload", {"force": True})
    expect(status == 200, receipt)
    rouse.until_state(MODEL, "cold")
    until(lambda: not alive(worker), "the worker is gone")


def first_answer(rouse: RouseDaemon) -> float:
    """From a cold model; leaves it loaded."""
    expect(rouse.state(MODEL) == "cold", "the model is not cold")
    began = time.perf_counter()
    status, _, body = rouse.post("/v1/chat/completions", QUESTION)
    took = (time.perf_counter() - began) * 1000
    expect(status == 200, body)
    return took


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    ours, by_hand, loads = [], [], []
    model = {"engine": "llama", "source": str(DEMO_MODEL), "context": 1024, "parallel": 1, "threads": 1,
             "keep": "forever"}
    with RouseDaemon({"models": {MODEL: model}}) as rouse, tempfile.TemporaryDirectory(prefix="rouse-bench-") as folder:
        very_first = first_answer(rouse)  # and brings everything into the page cache
        peer = ByHand(rouse.model(MODEL)["pid"], Path(folder))
        unload(rouse)

        def from_rouse() -> None:
            ours.append(first_answer(rouse))
            loads.append(rouse.model(MODEL)["last_load_ms"])
            unload(rouse)

        in_turn(rounds, from_rouse, lambda: by_hand.append(peer.first_answer()))
    added = [mine - other for mine, other in zip(ours, by_hand)]
    of_medians = statistics.median(ours) - statistics.median(by_hand)
    return [Figure("first answer: from cold, over starting llama-server by hand", "ms", added, "<=", 8,
                   judged=max(of_medians, statistics.median(added)), notes=[
        f"seen are the rounds' differences; that of the medians is {number(of_medians)} ms, and the larger is judged",
        f"Rouse {spread(ours, 'ms')}, of which loading {spread(loads, 'ms')}; by hand {spread(by_hand, 'ms')}",
        f"the daemon's very first, which also reads the model file's header: {number(very_first)} ms"])]
