"""wrk, the load generator: one thread of it asks the same thing again and again, from so many clients at once."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measuring import CannotMeasure, installed

TICKS = os.sysconf("SC_CLK_TCK")

SCRIPT = """
wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
"""


@dataclass
class Seen:
    rate: float  # requests a second
    p50: float  # microseconds
    p99: float
    processor: float  # microseconds a request, of the process that is asked


class Question:
    """A body to POST with a key, kept as a script for wrk in the folder."""

    def __init__(self, folder: Path, body: dict, key: str):
        self.script = folder / "ask.lua"
        self.script.write_text(SCRIPT.format(body=json.dumps(body), key=key))

    def ask(self, url: str, pid: int, clients: int, seconds: int = 1) -> Seen:
        before = processor_seconds(pid)
        out = subprocess.run(
            [installed("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "-s", self.script, url],
            capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out or "Socket errors" in out:
            raise CannotMeasure(f"{url}: not all of it was answered with 200:\n{out}")
        count = int(re.search(r"(\d+) requests in", out)[1])
        return Seen(rate=float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
                    p50=microseconds(re.search(r"^ +50% +(\S+)", out, re.M)[1]),
                    p99=microseconds(re.search(r"^ +99% +(\S+)", out, re.M)[1]),
                    processor=1e6 * (processor_seconds(pid) - before) / count)


def column(seen: list[Seen], of: str) -> list[float]:
    return [getattr(one, of) for one in seen]


def ratios(mine: list[float], other: list[float]) -> list[float]:
    return [a / b for a, b in zip(mine, other)]


def microseconds(text: str) -> float:
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
