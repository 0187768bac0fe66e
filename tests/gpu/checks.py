#!/usr/bin/env python3
"""Whether Rouse's figures of a GPU are true and its promises kept: prints a report. See run.sh.

    checks.py [--only NAME…]        on a machine with an NVIDIA GPU, with PyTorch
    checks.py --pretend             the same checks against a fixture that stands for the driver: they prove Rouse's side
                                    of it and nothing about GPUs

Exit code: 0 all met, 1 something missed, 2 something could not be checked.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import traceback

from report import GIB, MIB, Report, machine, size
from world import GPU, HERE, ROUSE, Highest, World, device, until, wake

CLOSE = 0.02  # of what is known by construction


class Checks:
    def __init__(self, world: World, report: Report):
        self.world = world
        self.report = report
        self.baseline = world.settled()
        self.context, attributed = world.context()
        report.notes.append(f"{size(self.baseline)} in use before; a context takes {size(self.context)}; Rouse's budget is "
                            f"{size(world.limit)}; the driver {'tells' if attributed else 'does not tell'} whose memory is "
                            "whose.")

    def rouse(self, models: dict[str, int], **policy):
        return self.world.rouse(models, self.context, self.baseline, **policy)

    def back(self) -> int:
        """What is in use more than before anything began."""
        return self.world.meter.used() - self.baseline

    def until_back(self) -> int:
        try:
            until(lambda: self.back() <= self.world.slack, "the GPU is as it was before", 30)
        except AssertionError:
            pass  # the report says how much is missing
        return self.back()

    def share(self, of_limit: float) -> int:
        """So many bytes that with its context it is that share of the budget."""
        return (int(self.world.limit * of_limit) - self.context) // (2 * MIB) * (2 * MIB)

    # --- one each ---

    def nothing_before_the_first_request(self) -> None:
        models = {f"cold-{i}": self.share(0.3) for i in range(20)}
        with self.rouse(models, shared_keep="1h") as rouse:
            seen = until(lambda: device(rouse), "Rouse sees the GPU")
            listed = self.world.meter.processes().get(rouse.process.pid, 0)
            used = self.back()
            self.report.check("GPU memory of the daemon and 20 cold models before the first request", "0 MiB",
                              f"{size(listed + used)}", listed == 0 and abs(used) < MIB)
            total = self.world.meter.memory().total
            self.report.check("size of the GPU", size(total), size(seen["total"]), seen["total"] == total)

    def footprints_and_receipts(self) -> None:
        models = {"small": self.share(0.125), "middle": self.share(0.25), "large": self.share(0.5)}
        with self.rouse(models, shared_keep="1h") as rouse:
            for name in models:
                expected = wake(rouse, name) + self.context

                def error(of: dict) -> float:
                    return of.get(GPU, 0) / expected - 1

                try:
                    until(lambda: abs(error(rouse.model(name)["footprint"])) <= CLOSE, "the footprint is measured", 30)
                except AssertionError:
                    pass
                seen = rouse.model(name)["footprint"]
                self.report.check(f"footprint of {name}: allocated and context, {size(expected)}", "within 2 %",
                                  f"{size(seen.get(GPU, 0))} ({error(seen):+.2%})", abs(error(seen)) <= CLOSE)
                status, _, receipt = rouse.post(f"/rouse/v1/models/{name}/unload")
                freed = receipt.get("freed", {})
                met = status == 200 and receipt["confirmed"] and abs(error(freed)) <= CLOSE
                self.report.check(f"receipt of {name}", "confirmed, within 2 %", f"`{json.dumps(receipt)}`", met)
                left = self.until_back()
                self.report.check(f"left of {name} after its receipt", f"≤ {size(self.world.slack)}", size(left),
                                  left <= self.world.slack)

    def two_that_do_not_fit_together(self) -> None:
        models = {"left": self.share(0.6), "right": self.share(0.6)}
        answers, errors = [], []

        def ask(turns: int, first: int) -> None:
            for turn in range(turns):
                name = list(models)[(turn + first) % 2]
                status, _, answer = rouse.ask("GET", f"/rouse/v1/models/{name}/app/figures")
                (answers if status == 200 else errors).append((name, status, answer))

        with self.rouse(models, shared_keep="1h", patience="500ms") as rouse:
            clients = [threading.Thread(target=ask, args=(6, i)) for i in range(4)]
            with Highest(self.back) as most:
                for client in clients:
                    client.start()
                for client in clients:
                    client.join()
            loads = sum(rouse.model(name)["loads"] for name in models)
        self.report.check("two models of 60 % each, asked alternately by four clients", "24 answers, no error",
                          f"{len(answers)} answers, {len(errors)} errors, {loads} loads", len(answers) == 24 and loads > 2)
        self.report.check("most of the GPU in use meanwhile", f"≤ {size(self.world.limit)}", size(most.seen),
                          0 < most.seen <= self.world.limit + self.world.slack)
        self.report.check("left of them", f"≤ {size(self.world.slack)}", size(self.until_back()),
                          self.back() <= self.world.slack)

    def a_foreign_program_that_takes_memory(self) -> None:
        with self.rouse({"one": self.share(0.3), "other": self.share(0.3)}, shared_keep="1h") as rouse:
            for name in ("one", "other"):
                wake(rouse, name)
            until(lambda: len(rouse.loaded()) == 2, "both are loaded")
            with self.world.foreign(self.share(0.6)):
                began = time.monotonic()
                until(lambda: len(rouse.loaded()) == 1, "one leaves", 30)
                took = time.monotonic() - began
                until(lambda: self.back() <= self.world.limit + self.world.slack, "its bytes are back")
                seen = device(rouse)
                self.report.check("a foreign program takes 60 % beside two idle models of 30 %", "one of them leaves",
                                  f"after {took:.1f} s", True)
                held = self.share(0.6) + self.context
                self.report.check("what others use, by Rouse", f"{size(held)} more, within 2 %",
                                  size(seen["used_by_others"] - self.baseline),
                                  abs(seen["used_by_others"] - self.baseline - held) <= CLOSE * held + self.world.slack)
        self.until_back()

    def a_foreign_program_that_only_sits_there(self) -> None:
        keep = self.world.shared_keep
        with self.rouse({"idle": self.share(0.3)}, shared_keep=f"{keep}s") as rouse:
            wake(rouse, "idle")
            alone = time.monotonic()
            until(lambda: time.monotonic() - alone > keep + 1 or rouse.state("idle") != "ready", "it is left alone")
            self.report.check(f"an idle model alone, shared_keep {keep} s", f"stays for {keep + 1} s", rouse.state("idle"),
                              rouse.state("idle") == "ready")
            with self.world.foreign(0):
                began = time.monotonic()
                until(lambda: rouse.state("idle") == "cold", "it leaves", 30 + keep)
                self.report.check("the same beside a program that only has a context", "leaves",
                                  f"after {time.monotonic() - began:.1f} s", True)
        self.until_back()

    def a_reservation(self) -> None:
        with self.rouse({"idle": self.share(0.6)}, shared_keep="1h") as rouse:
            wake(rouse, "idle")
            reserved = self.share(0.6) + self.context
            command = [ROUSE, "reserve", str(reserved), "--gpu", "0", "--",
                       *self.world.command(self.share(0.6), "--until-told")]
            program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       env={**self.world.outside(), "ROUSE_HOST": rouse.url})
            began = bool(program.stdout.readline())
            state = rouse.state("idle")
            self.report.check("`rouse reserve` of 60 % beside an idle model of 60 %", "the model leaves first",
                              f"the program {'runs' if began else 'does not run'}, the model is {state}",
                              began and state == "cold")
            asked = []
            asking = threading.Thread(target=lambda: asked.append(wake(rouse, "idle")))
            with Highest(self.back) as most:
                asking.start()
                until(lambda: rouse.model("idle")["waiting"] == 1, "somebody waits for the model")
                waited = rouse.state("idle")
                program.stdin.close()
                code = program.wait()
                asking.join()
            self.report.check("a request for that model meanwhile", "waits, then is answered",
                              f"{waited}, then {len(asked)} answer", waited == "cold" and len(asked) == 1)
            self.report.check("most of the GPU in use meanwhile", f"≤ {size(self.world.limit)}", size(most.seen),
                              most.seen <= self.world.limit + self.world.slack)
            self.report.check("exit code of the command under `rouse reserve`", "7", str(code), code == 7)
            left = rouse.get("/rouse/v1/reservations")["reservations"]
            self.report.check("reservations after it", "none", str(len(left)), not left)
        self.until_back()


CHECKS = [Checks.nothing_before_the_first_request, Checks.footprints_and_receipts, Checks.two_that_do_not_fit_together,
          Checks.a_foreign_program_that_takes_memory, Checks.a_foreign_program_that_only_sits_there, Checks.a_reservation]


def calibrated() -> dict[str, str]:
    done = subprocess.run([sys.executable, HERE / "calibrate.py"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> int:
    names = [check.__name__ for check in CHECKS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretend", action="store_true", help="without a GPU")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    options = parser.parse_args()
    if options.pretend:
        from pretence import PretendedWorld

        world = PretendedWorld()
        report = Report("GPU checks against a fixture")
        report.notes = ["The driver was a fixture and the GPU does not exist: this says nothing about GPUs."]
    else:
        world = World()
        report = Report("GPU checks")
        total = world.meter.memory().total
        report.notes = [f"{world.meter.name()} ({size(total)}), driver {world.meter.driver()}; {machine()}."]
        if others := world.meter.processes():
            report.notes.append(f"{len(others)} other programs used the GPU: the figures cannot be trusted.")
    failed = 0
    try:
        checks = Checks(world, report)
        for check in CHECKS:
            if check.__name__ not in options.only:
                continue
            print(f"checking {check.__name__.replace('_', ' ')} …", file=sys.stderr, flush=True)
            try:
                check(checks)
            except (AssertionError, OSError, KeyError) as why:
                failed += 1
                traceback.print_exc()
                report.check(check.__name__.replace("_", " "), "can be checked", str(why).splitlines()[0], False)
        if not options.pretend:
            print("calibrating …", file=sys.stderr, flush=True)
            report.table = calibrated()
    finally:
        world.close()
    print(report.text())
    return 2 if failed else 0 if report.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
