"""The core alone: events a second with 1,000 models; bench/core says what kind of world they live in."""

import json
import subprocess

from measuring import BUILD, CannotMeasure, Figure, built

CLAIMED = "everything_resident"
BAR = 1_000_000
CASES = {
    CLAIMED: "core alone: events a second, 1,000 models, all fit",
    "a_tenth_resident": "core alone: events a second, 1,000 models, 100 fit",
}
NOTE = ("by processor time; the claim is held to models that all fit. Where 100 fit, 10,000 requests a second ask for "
        "ten times what there is room for: hundreds of models wait all the time, and each plan looks at all of them")


def measure(rounds: int) -> list[Figure]:
    program = built(BUILD / "bench" / "core_bench")
    out = subprocess.run([program, f"--benchmark_repetitions={rounds}", "--benchmark_enable_random_interleaving=true",
                          "--benchmark_format=json"], stdout=subprocess.PIPE, check=True).stdout
    runs = [run for run in json.loads(out)["benchmarks"] if run["run_type"] == "iteration"]
    figures = []
    for case, what in CASES.items():
        rates = [run["events/s"] for run in runs if run["name"].startswith(f"{case}/")]
        if len(rates) != rounds:
            raise CannotMeasure(f"{program} ran {case} {len(rates)} times, not {rounds}")
        figures.append(Figure(what, "/s", rates, ">=", BAR, notes=[NOTE]) if case == CLAIMED
                       else Figure(what, "/s", rates))
    return figures
