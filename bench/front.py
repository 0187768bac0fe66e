"""What the front door adds to a ready model, beside HAProxy that routes by the same member of the same bodies.

Both have one thread and stand before the same upstream: nginx with an answer as long as the question, or, for streams, a
server that writes its events one by one. Rouse runs in its default configuration, with a key (metrics and events
are on by default). wrk asks; each round asks all in turn, so that what drifts, drifts for all. The figures that are
judged are medians of the rounds' ratios.
"""

import os
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from measuring import BUILD, ROUSE, Figure, Timed, built, free_ports, in_turn, installed, number, spread
from tests.support.rouse_daemon import RouseDaemon
from wrk import Question, Seen, column, ratios

EVENTS = BUILD / "bench/events_bench"  # a server of event streams
KEY = "rouse_for_the_bench"
KEYS = {"bench": {"hash": "sha256:" + sha256(KEY.encode()).hexdigest()}}

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_buffer_size 512k; client_max_body_size 1m; output_buffers 1 512k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ error_page 405 =200 /answer; return 405; }}
    location = /answer {{ root {folder}; default_type application/json; }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 4000
  tune.bufsize {buffer}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 60s
  http-reuse always
frontend front
  bind 127.0.0.1:{port} backlog 1024
  option http-buffer-request
  http-request set-var(txn.model) req.body,json_query('$.model')
  use_backend %[var(txn.model)]
backend static
  server upstream 127.0.0.1:{upstream}
"""

@dataclass
class Case:
    """Bodies of so many bytes (of the question, and, but for streams, of the answer), from so many clients at once."""

    name: str
    body: int
    clients: int
    events: int = 0  # in each answer


def started(stack: ExitStack, argv: list, port: int) -> int:
    process = stack.enter_context(Timed([str(word) for word in argv]))
    process.listens_at(("127.0.0.1", port))
    return process.pid


def run(case: Case, rounds: int) -> dict[str, list[Seen]]:
    """Rounds of asking the upstream itself, through HAProxy, and through Rouse."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rouse-bench-")))
        os.chmod(folder, 0o755)  # nginx leaves root
        upstream, haproxy = free_ports(2)
        prompt = "x" * (case.body - len('{"model": "static", "prompt": ""}'))
        question = Question(folder, {"model": "static", "prompt": prompt}, KEY)
        if case.events:
            first = [EVENTS, upstream, case.events]
        else:
            (folder / "answer").write_text("x" * case.body)
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=upstream))
            first = [installed("nginx"), "-c", folder / "nginx.conf", "-e", "stderr"]
        (folder / "haproxy.cfg").write_text(
            HAPROXY.format(port=haproxy, upstream=upstream, buffer=16384 if case.body < 16000 else 524288))
        rouse = stack.enter_context(RouseDaemon(
            {"keys": KEYS, "models": {"static": {"engine": "remote", "url": f"http://127.0.0.1:{upstream}"}}}, key=KEY))
        who = {
            "direct": (upstream, started(stack, first, upstream)),
            "haproxy": (haproxy, started(stack, [installed("haproxy"), "-f", folder / "haproxy.cfg"], haproxy)),
            "rouse": (rouse.port, rouse.process.pid),
        }
        seen: dict[str, list[Seen]] = {name: [] for name in who}

        def ask(name: str) -> None:
            port, pid = who[name]
            seen[name].append(question.ask(f"http://127.0.0.1:{port}/v1/completions", pid, case.clients))

        in_turn(rounds, *(lambda name=name: ask(name) for name in who))
        return seen


def processor(seen: dict[str, list[Seen]]) -> str:
    mine, other = (statistics.median(column(seen[who], "processor")) for who in ("rouse", "haproxy"))
    return f"processor time a request {number(mine)} µs, HAProxy's {number(other)} µs"


def latency(case: Case, rounds: int) -> list[Figure]:
    seen = run(case, rounds)
    added = {who: [a - b for a, b in zip(column(seen[who], "p50"), column(seen["direct"], "p50"))]
             for who in ("rouse", "haproxy")}
    slowest = {who: column(seen[who], "p99") for who in seen}
    direct = statistics.median(column(seen["direct"], "p50"))
    return [
        Figure(f"front, {case.name}: added at the median", "µs", added["rouse"], "<=",
               statistics.median(added["haproxy"]), peer=added["haproxy"],
               notes=[f"{case.name}: directly {number(direct)} µs; {processor(seen)}"]),
        Figure(f"front, {case.name}: p99 over HAProxy's", "×", ratios(slowest["rouse"], slowest["haproxy"]), "<=", 3,
               peer=slowest["haproxy"], notes=[f"{case.name}: p99 {spread(slowest['rouse'], 'µs')}, "
                                               f"directly {spread(slowest['direct'], 'µs')}"]),
    ]


def throughput(case: Case, rounds: int, bar: float = 1) -> list[Figure]:
    seen = run(case, rounds)
    rate = {who: column(seen[who], "rate") for who in seen}
    times = case.events or 1
    what = "events" if case.events else "requests"
    return [Figure(f"front, {case.name}: {what}/s over HAProxy's", "×", ratios(rate["rouse"], rate["haproxy"]), ">=", bar,
                   peer=[times * value for value in rate["haproxy"]],
                   notes=[f"{case.name}: {spread([times * value for value in rate['rouse']])} {what}/s, directly "
                          f"{spread([times * value for value in rate['direct']])}; {processor(seen)}"])]


LATENCY = [Case("200 B, 1 client", 200, 1), Case("2 KB, 1 client", 2048, 1)]
THROUGHPUT = [(Case("200 B, 16 clients", 200, 16), 1), (Case("200 B, 64 clients", 200, 64), 1),
              (Case("2 KB, 16 clients", 2048, 16), 1), (Case("2 KB, 64 clients", 2048, 64), 1),
              (Case("256 KB, 16 clients", 262144, 16), 0.8),
              (Case("50 events, 64 clients", 200, 64, events=50), 1)]


def measure(rounds: int) -> list[Figure]:
    built(ROUSE), built(EVENTS)
    figures = []
    for case in LATENCY:
        figures += latency(case, rounds)
    for case, bar in THROUGHPUT:
        figures += throughput(case, rounds, bar)
    return figures
