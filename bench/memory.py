"""What the daemon itself holds with 1,000 models configured and none loaded, after all of them were listed once."""

import re
import statistics
import tempfile
from http.client import HTTPConnection
from pathlib import Path

import thousand_models
from measuring import CannotMeasure, Figure, Timed, free_ports, number


def mib(pid: int, file: str, *names: str) -> list[float]:
    text = Path(f"/proc/{pid}/{file}").read_text()
    return [int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) / 1024 for name in names]


def measure(rounds: int) -> list[Figure]:
    [port] = free_ports(1)
    ready, listed, parts = [], [], []
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as folder:
        command = thousand_models.command(thousand_models.write_config(Path(folder)), port)
        for _ in range(rounds):
            with Timed(command) as process:
                process.ready_at(("127.0.0.1", port), "/health/ready")
                ready += mib(process.pid, "status", "VmRSS")
                asking = HTTPConnection("127.0.0.1", port)
                asking.request("GET", "/rouse/v1/models")
                answer = asking.getresponse().read()
                asking.close()
                if answer.count(b'"state":"cold"') != thousand_models.COUNT:
                    raise CannotMeasure(f"not {thousand_models.COUNT} cold models: {answer[:1000]}")
                listed += mib(process.pid, "status", "VmRSS")
                parts.append(mib(process.pid, "status", "RssAnon", "RssFile") + mib(process.pid, "smaps_rollup", "Pss"))
    anonymous, files, proportional = (number(statistics.median(column)) for column in zip(*parts))
    return [Figure("memory: resident, 1,000 models, none loaded", "MiB", listed, "<=", 20, notes=[
        f"{number(statistics.median(ready))} MiB when ready, above once all were listed: {anonymous} MiB anonymous "
        f"and {files} MiB of mapped files (program and libraries); proportional share (PSS) {proportional} MiB"])]
