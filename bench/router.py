"""Requests a second to one llama-server, through Rouse and through llama-server's own router: same child, same flags."""

import shutil
import tempfile
import urllib.request
from pathlib import Path

from measuring import DEMO_MODEL, ROUSE, Figure, Timed, built, free_ports, in_turn, installed, spread
from tests.support.rouse_daemon import RouseDaemon
from wrk import Question, Seen, column, ratios

CLIENTS = 16
KEY = "for-the-bench"  # neither asks for one: the router cannot tell one client from another
FLAGS = {"context": 4096, "parallel": CLIENTS, "threads": 1}


def load(url: str) -> None:
    """The first request loads the model."""
    request = urllib.request.Request(url, b'{"model": "demo", "content": "x"}', {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).read()


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    [port] = free_ports(1)
    ours: list[Seen] = []
    theirs: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        shutil.copy(DEMO_MODEL, folder / "models" / "demo.gguf")
        question = Question(folder, {"model": "demo", "content": "What is Rouse?"}, KEY)
        router = [installed("llama-server"), "--host", "127.0.0.1", "--port", str(port), "--models-dir",
                  str(folder / "models"), "--offline", "--ctx-size", str(FLAGS["context"]), "--parallel",
                  str(FLAGS["parallel"]), "--threads", str(FLAGS["threads"])]
        model = {"engine": "llama", "source": str(DEMO_MODEL), **FLAGS}
        with RouseDaemon({"models": {"demo": model}}) as rouse, Timed(router) as peer:
            peer.ready_at(("127.0.0.1", port), "/health")
            urls = [f"http://127.0.0.1:{at}/tokenize" for at in (rouse.port, port)]
            for url in urls:
                load(url)
            in_turn(rounds,
                    lambda: ours.append(question.ask(urls[0], rouse.process.pid, CLIENTS)),
                    lambda: theirs.append(question.ask(urls[1], peer.pid, CLIENTS)))
    rate = [column(seen, "rate") for seen in (ours, theirs)]
    return [Figure("router: /tokenize, 16 clients, requests/s over llama-server's router", "×", ratios(*rate), ">=", 3,
                   peer=rate[1], notes=[f"{spread(rate[0])} requests/s, the router {spread(rate[1])}"])]
