"""From exec to the first 200 of /health/ready with 1,000 models configured; beside it, llama-server's router with 3."""

import shutil
import tempfile
from pathlib import Path

import thousand_models
from measuring import DEMO_MODEL, Figure, Timed, free_ports, in_turn, installed, spread


def measure(rounds: int) -> list[Figure]:
    [port] = free_ports(1)
    here = ("127.0.0.1", port)
    rouse, router, rouse_ran, router_ran = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as name:
        folder = Path(name)
        models = folder / "models"
        models.mkdir()
        for i in range(3):
            shutil.copy(DEMO_MODEL, models / f"model-{i}.gguf")
        ours = thousand_models.command(thousand_models.write_config(folder), port)
        theirs = [installed("llama-server"), "--host", here[0], "--port", str(port), "--models-dir", str(models),
                  "--offline"]

        def start(argv: list[str], path: str, took: list[float], ran: list[float]) -> None:
            with Timed(argv) as process:
                took.append(process.ms_until(process.ready_at(here, path)))
                ran.append(process.processor_ms())

        in_turn(rounds, lambda: start(ours, "/health/ready", rouse, rouse_ran),
                lambda: start(theirs, "/health", router, router_ran))
    return [Figure("start-up: exec to ready, 1,000 models", "ms", rouse, "<=", 15, peer=router,
                   notes=[
        "the peer is llama-server as a router over a folder of 3 models",
        f"of that on a processor: {spread(rouse_ran, 'ms')}, the peer {spread(router_ran, 'ms')}"])]
