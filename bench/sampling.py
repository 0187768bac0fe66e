"""What looking at 20 idle workers of 500 MB takes of a processor: the daemon's time, and its supervisors'."""

import sys
import time

from known_bytes import PROGRAM, descendants, held
from measuring import ROUSE, Figure, built, number
from tests.support.rouse_daemon import RouseDaemon, until
from wrk import processor_seconds

WORKERS = 20
SIZE = 500_000_000 // 4096 * 4096  # bytes
LEFT = 2 << 30  # bytes that others keep
STRETCHES, SECONDS = 3, 10.0
BAR = 1  # % of a processor


def available() -> int:
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    size = min(SIZE, (available() - LEFT) // WORKERS // 4096 * 4096)
    declared = str(size + (64 << 20))
    command = [sys.executable, str(PROGRAM), "{socket}", "own", str(size)]
    models = {f"m{at:02}": {"engine": "command", "command": command, "footprint": {"host": declared}}
              for at in range(WORKERS)}
    with RouseDaemon({"models": models, "budgets": {"host": {"limit": "95%"}}, "defaults": {"keep": "1h"}}) as rouse:
        for name in models:
            status, _, body = rouse.post(f"/rouse/v1/models/{name}/load", {"wait": True})
            assert status == 200, body

        def settled() -> bool:
            there = rouse.get("/rouse/v1/models")["models"]
            return all(m["state"] == "ready" and m["footprint"]["host"] != int(declared) for m in there)

        until(settled, "all are ready and measured")
        workers = [model["pid"] for model in rouse.loaded()]
        assert len(workers) == WORKERS
        ours = [rouse.process.pid, *(pid for pid in descendants(rouse.process.pid) if pid not in workers)]
        seen = []
        for _ in range(STRETCHES):
            began, before = time.monotonic(), sum(map(processor_seconds, ours))
            time.sleep(SECONDS)
            seen.append(100 * (sum(map(processor_seconds, ours)) - before) / (time.monotonic() - began))
        holding = held(*workers)
        assert [model["pid"] for model in rouse.loaded()] == workers
    return [Figure("sampling: Rouse beside 20 idle workers of 500 MB", "% of a processor", seen, "<=", BAR,
                   judged=sum(seen) / len(seen), notes=[
        f"the workers held {number(holding / 1e9)} GB together; {len(ours)} processes of Rouse, "
        f"{STRETCHES} times {SECONDS:.0f} s, of which the mean counts"])]
