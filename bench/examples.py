"""The applications of examples/ behind Rouse as they are: bytes, crowds, what `listen:` adds, the start, a mix of all.

What `listen:` adds to a ready application is held against HAProxy in http mode before the same one. An application's own time
varies by more than that, so that one client asks them in turn, request by request, for the cheapest thing that needs the
model; a round's figure is the median of the differences to the direct answer of the same turn.
"""

import http.client
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from front import started
from measuring import ROUSE, CannotMeasure, Figure, Timed, built, free_ports, installed, number
from tests.examples import mix
from tests.examples.applications import APPLICATIONS, all_models, alone, prepare
from tests.examples.direct import own_port
from tests.integration.test_application import home
from tests.integration.test_command import tree_of
from tests.support.exchanges import Request, answer
from tests.support.rouse_daemon import RouseDaemon, until

RECORDED, CROWD = 200, 200
IN_A_ROUND = 200
MIX_SECONDS = 60.0  # `bench/run --mix 30m` for longer

HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:{port}
  default_backend application
backend application
  server upstream 127.0.0.1:{upstream}
"""


def crowd(rouse: RouseDaemon, name: str) -> float:
    """How many of the first requests are answered with 200, by one start."""
    port = home(rouse, name)
    with ThreadPoolExecutor(CROWD) as pool:
        statuses = list(pool.map(lambda _: answer(port, APPLICATIONS[name].cheap)["status"], range(CROWD)))
    return statuses.count(200) if rouse.model(name)["loads"] == 1 else 0


def identical(rouse: RouseDaemon, name: str, direct: int) -> float:
    same, listen = 0, home(rouse, name)
    for request in APPLICATIONS[name].recorded(seed=11, count=RECORDED):
        itself = answer(direct, request)
        same += (answer(listen, request) == itself
                 and answer(rouse.port, request.below(f"/rouse/v1/models/{name}/app")) == itself)
    return same


class Asked:
    """One client of one server, on a connection that it keeps if the server does."""

    def __init__(self, port: int, request: Request):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.request = request
        self.headers = {name: value for name, value in request.headers if name != "Host"}

    def once(self) -> float:
        begun = time.perf_counter_ns()
        self.connection.request(self.request.method, self.request.target, self.request.body, self.headers)
        response = self.connection.getresponse()
        response.read()
        if response.status != 200:
            raise CannotMeasure(f"{self.request.target}: answered with {response.status}")
        return (time.perf_counter_ns() - begun) / 1e3


def added(rouse: RouseDaemon, name: str, direct: int, rounds: int) -> Figure:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rouse-bench-")))
        [front] = free_ports(1)
        (folder / "haproxy.cfg").write_text(HAPROXY.format(port=front, upstream=direct))
        started(stack, [installed("haproxy"), "-f", folder / "haproxy.cfg"], front)
        ports = {"direct": direct, "haproxy": front, "rouse": home(rouse, name)}
        clients = {each: Asked(port, APPLICATIONS[name].cheap) for each, port in ports.items()}
        seen: dict[str, list[list[float]]] = {each: [] for each in clients}
        for _ in range(rounds):
            for times in seen.values():
                times.append([])
            for turn in range(IN_A_ROUND):
                order = sorted(clients, key=lambda each: (list(clients).index(each) + turn) % len(clients))
                for each in order:
                    seen[each][-1].append(clients[each].once())
    extra = {each: [statistics.median(a - b for a, b in zip(*both)) for both in zip(seen[each], seen["direct"])]
             for each in ("rouse", "haproxy")}
    return Figure(f"examples, {name}: added by listen:, 1 client", "µs", extra["rouse"], "<=",
                  statistics.median(extra["haproxy"]), peer=extra["haproxy"],
                  notes=[f"directly {number(statistics.median(map(statistics.median, seen['direct'])))} µs"])


def of_each(rounds: int) -> list[Figure]:
    figures = []
    for name in mix.MIXED:
        with RouseDaemon({"models": {name: alone(name)}}) as rouse:
            figures.append(Figure(f"examples, {name}: {CROWD} first requests, answered by one start", "", [crowd(rouse, name)],
                                  ">=", CROWD))
            direct = own_port(tree_of(rouse))
            figures.append(Figure(f"examples, {name}: recorded requests with identical bytes", "",
                                  [identical(rouse, name, direct)], ">=", RECORDED))
            figures.append(added(rouse, name, direct, rounds))
    return figures


def start(rounds: int) -> Figure:
    """None of them is to be loaded in the background, which a configuration may wish."""
    [port] = free_ports(1)
    took: list[float] = []
    with RouseDaemon({"models": all_models()}) as idle:  # for the file that it wrote
        for _ in range(rounds):
            with Timed([str(ROUSE), "serve", "--config", str(idle.config), "--listen", f"127.0.0.1:{port}"]) as process:
                took.append(process.ms_until(process.ready_at(("127.0.0.1", port), "/health/ready")))
        held = idle.get("/rouse/v1/devices")["devices"][0]["used_by_models"]
    return Figure("examples: exec to ready, all configured", "ms", took, "<=", 15, notes=[f"models hold {held} bytes then"])


def mixed() -> list[Figure]:
    with mix.daemon() as rouse:
        outcome = mix.play(rouse, seed=1, seconds=MIX_SECONDS)
        loads = sum(rouse.model(name)["loads"] for name in mix.MIXED)
        for name in mix.MIXED:
            if rouse.state(name) != "cold":
                rouse.post(f"/rouse/v1/models/{name}/unload")
        until(lambda: not tree_of(rouse), "no process is left")
        held = rouse.get("/rouse/v1/devices")["devices"][0]["used_by_models"]
    return [Figure(f"examples: failures in {MIX_SECONDS:.0f} s of a mix in room for two", "", [len(outcome.failures)], "<=", 0,
                   notes=[f"mix: {outcome.answered} answers, {loads} loads", *outcome.failures[:5]]),
            Figure("examples: bytes held by models after the mix", "", [held], "<=", 0)]


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    prepare()
    return [start(rounds), *of_each(rounds), *mixed()]
