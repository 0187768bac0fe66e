"""Whether what is said that models hold is what they hold, over 200 loads; and whether anything of them is left.

20 programs of known sizes (holding_program.py) take turns in a budget that holds some of them. What is said of each,
once it has settled, is compared by a program that knows only how the sizes were made (known_bytes.py). At a moment that
the seed chooses, a program that is none of Rouse's takes half of the budget.

Daemon, models and that program live in a control group of their own: what the rest of the machine takes is not heard.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from known_bytes import PROGRAM, descendants, held, table, wait_for
from measuring import ROUSE, CannotMeasure, Figure, built, number
from tests.support.event_stream import Event, EventStream
from tests.support.memory_cgroup import MemoryCgroup, Unavailable, memory_cgroup
from tests.support.rouse_daemon import RouseDaemon, until

SEED, MODELS, CYCLES = 20261127, 20, 200
MIB = 1 << 20
BUDGET = 1024 * MIB
DECLARED = 192 * MIB  # of each model alike, and of none what it holds
GROUP = 4 << 30  # what the machine seems to have
SLACK = 48 * MIB  # for the daemon, and for what the kernel holds for all of them
MODELS_BESIDE = 12  # loads beside the foreign program
UNLOADED = 0.3  # so often one is, after a load; the others leave when they have to
AT_REST = 10  # looks, one after the other, that see the same

OFF, RESIDUE, GROWTH, GONE = 3, 1, 1, 2  # %, MiB, MiB, seconds


@dataclass
class Course:
    """What was seen on the way."""

    said: list[dict] = field(default_factory=list)  # what known_bytes.py reads
    ends: Counter = field(default_factory=Counter)  # of workers, by reason
    unconfirmed: int = 0  # of these
    residue: int = 0  # bytes
    workers: int = 0
    descriptors: int = 0  # more than before
    growth: int = 0  # bytes
    starts: int = 0  # of models and reservations …
    unfit: list[str] = field(default_factory=list)  # … and those of them that had no room
    gone_after_take: float = 0  # seconds
    gone_after_sample: float = 0
    beside: int = 0  # starts while the foreign program was there
    over_budget: int = 0  # workers that it drove out
    kept: int = 0  # bytes of those that stayed …
    room: int = 0  # … of so many that there was room for
    others_off: float = 0  # %: what was said that others use, at most, off what it took


class News:
    """Every event of a daemon, as it comes."""

    def __init__(self, rouse: RouseDaemon):
        self.events: list[Event] = []
        self.stream = EventStream(rouse.port, "?only=model,device,receipt,reservation")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for event in self.stream:
            self.events.append(event)


def hosts(events: list[Event]) -> list[dict]:
    return [e.data for e in events if e.name == "device" and e.data["id"] == "host"]


def at(event: dict) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def host(rouse: RouseDaemon) -> dict:
    """Looks at the machine, too."""
    return next(d for d in rouse.get("/rouse/v1/devices")["devices"] if d["id"] == "host")


def judge_starts(course: Course, events: list[Event]) -> int:
    """Of each start, wake and grant: whether what is held had room then, by the last sample. How many there were."""
    begun: list[str] = []
    count = 0
    for event in events:
        data = event.data
        if event.name == "model" and data["from"] != data["to"] and data["to"] in ("loading", "waking"):
            begun.append(f"{data['model']} {data['to']}")
        elif event.name == "reservation" and data["step"] == "granted":
            begun.append(f"reservation {data['id']} granted")
        elif event.name == "device" and data["id"] == "host":  # each of these is told with what it has changed
            has = data["used_by_models"] + data["unconfirmed"] + data["reserved"]
            if has > data["effective"]:
                course.unfit += [f"{what} at {data['at']}: {has} of {data['effective']} bytes" for what in begun]
            count += len(begun)
            begun.clear()
        elif event.name == "gap":
            raise CannotMeasure("events were lost")
    return count


def identity(pid: int) -> tuple[int, str] | None:
    """With the time of its start, since numbers of processes are used anew."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (pid, rest[19]) if rest[0] != "Z" else None


@contextmanager
def foreign_program(size: int, group: MemoryCgroup):
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as folder:
        path = f"{folder}/socket"
        program = subprocess.Popen([sys.executable, PROGRAM, path, "own", str(size)], preexec_fn=group.enter)
        try:
            wait_for(path)
            yield program.pid
        finally:
            program.kill()
            program.wait()


class Cycles:
    """A daemon, its models, and the order that the seed gives."""

    def __init__(self, rouse: RouseDaemon, seed: int, count: int, budget: int, group: MemoryCgroup | None):
        self.rouse, self.budget, self.group = rouse, budget, group
        self.pid = rouse.process.pid
        self.names = list(table(seed, count))
        self.chance = random.Random(seed)
        self.course = Course()
        self.met: set[tuple[int, str]] = set()  # every process of a worker

    def states(self) -> dict[str, str]:
        return {m["id"]: m["state"] for m in self.rouse.get("/rouse/v1/models")["models"]}

    def load(self, name: str) -> None:
        """By a request or by an operator; and what is said of it then."""
        if self.chance.random() < 0.5:
            status, _, body = self.rouse.chat(name)
        else:
            status, _, body = self.rouse.post(f"/rouse/v1/models/{name}/load", {"wait": True})
        assert status == 200, body
        said = until(lambda: self.settled(name), f"what {name} holds is measured")
        self.course.said.append({"model": name, "bytes": said})
        self.met |= {one for pid in descendants(self.pid) if (one := identity(pid))}

    def settled(self, name: str) -> int | None:
        host(self.rouse)
        model = self.rouse.model(name)
        assert model["state"] == "ready", model
        said = model["footprint"]["host"]
        return said if said != DECLARED else None

    def load_any(self) -> None:
        """One that is cold, and perhaps one that is not is unloaded."""
        states = self.states()
        self.load(self.chance.choice([name for name in self.names if states[name] == "cold"]))
        states = self.states()
        if self.chance.random() < UNLOADED:
            self.unload(self.chance.choice([name for name in self.names if states[name] == "ready"]))

    def unload(self, name: str) -> None:
        status, _, body = self.rouse.post(f"/rouse/v1/models/{name}/unload", {"force": True})
        assert status == 200, body

    def unload_all(self) -> None:
        for name, state in self.states().items():
            if state != "cold":
                self.unload(name)

    # --- what is left ---------------------------------------------------------------------------------------------

    def descriptors(self) -> int:
        """Once connections that were closed are closed there, too."""
        looks: list[int] = []

        def at_rest() -> bool:
            looks.append(len(os.listdir(f"/proc/{self.pid}/fd")))
            return len(looks) >= AT_REST and len(set(looks[-AT_REST:])) == 1

        until(at_rest, "its descriptors stay the same")
        return looks[-1]

    def see_what_is_left(self, descriptors: int, own: int) -> None:
        left = host(self.rouse)
        self.course.residue = left["used_by_models"] + left["unconfirmed"] + left["reserved"]
        there = {one for pid in descendants(self.pid) if (one := identity(pid))}
        self.course.workers = len(there | {one for one in self.met if identity(one[0]) == one})
        self.course.descriptors = self.descriptors() - descriptors
        self.course.growth = held(self.pid) - own

    # --- beside another program -----------------------------------------------------------------------------------

    def fill(self) -> None:
        while host(self.rouse)["used_by_models"] + DECLARED <= self.budget:
            states = self.states()
            self.load(self.chance.choice([name for name in self.names if states[name] == "cold"]))

    def beside_another(self, news: News, loads: int) -> None:
        self.fill()
        before, first = host(self.rouse), len(news.events)
        with foreign_program(self.budget // 2, self.group) as program:
            taken = time.time()
            # By what the processes hold: nobody asks the daemon, who would look at the machine then.
            room = self.budget + SLACK - held(program) - held(self.pid)
            until(lambda: held(*descendants(self.pid)) <= room, "idle models make room for it")
            self.course.gone_after_take = time.time() - taken
            until(lambda: self.judge_leaving(news.events[first:]), "the daemon says so, too")
            self.course.room, self.course.kept = room, held(*descendants(self.pid))
            self.reserve(self.budget * 3 // 4, wait=False)
            self.reserve(32 * MIB, wait=True)
            for _ in range(loads):
                self.load_any()
            assert host(self.rouse)["used_by_others"] >= before["used_by_others"] + self.budget // 2 - SLACK
            self.course.beside = judge_starts(Course(), news.events[first:])
            took, said = held(program), max(d["used_by_others"] for d in hosts(news.events[first:]))
            self.course.others_off = 100 * abs(said - before["used_by_others"] - took) / took

    def judge_leaving(self, events: list[Event]) -> bool:
        """Whether all that have to leave have left, by what the daemon says; and how long after its sample."""
        sampled = [d for d in hosts(events) if d["effective"] < self.budget * 3 // 4]
        leaving = [e.data for e in events if e.data.get("reason") == "over budget" and e.data.get("to") == "stopping"]
        left = [e.data for e in events if e.data.get("reason") == "over budget" and e.name == "receipt"]
        if not sampled or sampled[-1]["used_by_models"] > sampled[-1]["effective"]:
            return False
        if not left or len(left) < len(leaving):
            return False
        self.course.over_budget = len(left)
        self.course.gone_after_sample = at(left[-1]) - at(sampled[0])
        return True

    def reserve(self, size: int, wait: bool) -> None:
        """What there is room for is waited for; what there is not must not be granted while others have it."""
        wish = {"device": "host", "bytes": size, "seconds": 600, "wait": wait}
        status, _, body = self.rouse.post("/rouse/v1/reservations", wish)
        assert status in (200, 202), body
        if wait != (status == 200):
            self.course.unfit.append(f"a reservation of {size} bytes: {body['state']}")
        host(self.rouse)
        path = f"/rouse/v1/reservations/{body['id']}"
        self.rouse.ask("DELETE", path, headers={"Content-Type": "application/json"})


def configuration(seed: int, count: int, budget: int, group: MemoryCgroup | None) -> dict:
    models = {name: {"engine": "command", "command": [sys.executable, str(PROGRAM), "{socket}", kind, str(size)],
                     "footprint": {"host": str(DECLARED)}, "min_residency": "0s"}
              for name, (kind, size) in table(seed, count).items()}
    limits = {"limit": str(budget)}
    if group:  # all else that the group has is kept free, so that whatever others take is taken from models
        limits["reserve"] = str(GROUP - budget - SLACK)
    return {"budgets": {"host": limits}, "policy": {"settle": "200ms"}, "models": models}


def run(seed: int, count: int, cycles: int, budget: int, group: MemoryCgroup | None = None, beside: int = 0) -> Course:
    started = {"preexec_fn": group.enter} if group else {}
    with RouseDaemon(configuration(seed, count, budget, group), **started) as rouse:
        turn, news = Cycles(rouse, seed, count, budget, group), News(rouse)
        course = turn.course
        comes_at = random.Random(seed + 1).randrange(count, max(count + 1, cycles - 2 * beside))
        for name in turn.chance.sample(turn.names, count):  # each of them once: only then has it all that it needs
            turn.load(name)
        turn.unload_all()
        host(rouse)
        descriptors, own = turn.descriptors(), held(turn.pid)
        while len(course.said) < cycles:
            if group and comes_at <= len(course.said):
                turn.beside_another(news, beside)
                comes_at = cycles
                if len(course.said) < cycles:
                    until(lambda: host(rouse)["effective"] >= budget - SLACK, "what it had counts as free")
            else:
                turn.load_any()
        turn.unload_all()
        turn.see_what_is_left(descriptors, own)
    news.reader.join()
    course.starts = judge_starts(course, news.events)
    receipts = [e.data for e in news.events if e.name == "receipt"]
    course.ends = Counter(r["reason"] for r in receipts)
    course.unconfirmed = sum(not r["confirmed"] for r in receipts)
    return course


def compared(seed: int, count: int, said: list[dict]) -> dict:
    lines = "".join(json.dumps(one) + "\n" for one in said)
    program = [sys.executable, str(PROGRAM.with_name("known_bytes.py")), str(seed), str(count)]
    return json.loads(subprocess.run(program, input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    try:
        with memory_cgroup(GROUP) as group:
            course = run(SEED, MODELS, CYCLES, BUDGET, group, MODELS_BESIDE)
    except Unavailable as missing:
        raise CannotMeasure(f"no control group to be alone in: {missing}") from missing
    known = compared(SEED, MODELS, course.said)
    worst, alone = known["worst"], known["interpreters"].values()
    ends = ", ".join(f"{count} {reason}" for reason, count in sorted(course.ends.items()))
    off = Figure(f"memory truth: said of {known['models']} models, off what they hold", "%", known["off"], "<=", OFF,
                 judged=max(known["off"]), notes=[
        f"{known['looks']} looks; the worst at {worst['model']} ({worst['kind']}): {worst['bytes']:,} bytes said, "
        f"{worst['true']:,.0f} held, an interpreter's own {number(min(alone) / MIB)} to {number(max(alone) / MIB)} MiB",
        f"ends of workers: {ends}; {course.unconfirmed} of them unconfirmed"])
    starts = Figure("memory truth: starts, wakes and grants without room", "", [len(course.unfit)], "<=", 0, notes=[
        f"of {course.starts}, {course.beside} of them beside the foreign program", *course.unfit[:5]])
    gone = Figure("memory truth: idle models gone after half was taken", "s", [course.gone_after_take], "<=", GONE,
                  notes=[f"{course.over_budget} of them left; those that stayed held {number(course.kept / MIB)} MiB, "
                         f"where there was room for {number(course.room / MIB)} MiB"])
    return [
        off,
        Figure("memory truth: left in the host's rows at the end", "MiB", [course.residue / MIB], "<=", RESIDUE),
        Figure("memory truth: workers left", "", [course.workers], "<=", 0),
        Figure("memory truth: descriptors, more than after a load of each", "", [course.descriptors], "<=", 0),
        Figure("memory truth: the daemon's own, more than then", "MiB", [course.growth / MIB], "<=", GROWTH),
        starts,
        gone,
        Figure("memory truth: idle models gone after the sample of it", "s", [course.gone_after_sample], "<=", GONE),
        Figure("memory truth: said of others then, off what was taken", "%", [course.others_off], "<=", OFF),
    ]
