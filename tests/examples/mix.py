"""A seeded random mix of requests over all examples at once, in less memory than they take together."""

import random
import threading
import time
from dataclasses import dataclass, field

from tests.examples.applications import APPLICATIONS, alone, prepare
from tests.integration.test_application import home
from tests.support.exchanges import answer
from tests.support.rouse_daemon import RouseDaemon

MIXED = ["cad", "flux", "detection", "clip", "assistant-page"]  # one of each example
ROOM_FOR_TWO = "950MiB"
CLIENTS = 4
PATIENCE = 660.0  # seconds: more than Rouse's own deadline, so that it is Rouse who gives up


@dataclass
class Outcome:
    answered: int = 0
    failures: list[str] = field(default_factory=list)


def daemon() -> RouseDaemon:
    prepare()
    models = {name: alone(name) for name in MIXED}
    models["cad"]["env"]["LOADING_SECONDS"] = "1"
    return RouseDaemon({"budgets": {"host": {"limit": ROOM_FOR_TWO}}, "models": models})


def play(rouse: RouseDaemon, seed: int, seconds: float) -> Outcome:
    """Each client asks a few things of one application and goes on to another. A failure is what no client caused: no
    answer, or one that the server is to blame for."""
    outcome, lock = Outcome(), threading.Lock()
    ports = {name: home(rouse, name) for name in MIXED}
    until = time.monotonic() + seconds

    def client(number: int) -> None:
        dice = random.Random(f"{seed}/{number}")
        while time.monotonic() < until:
            name = dice.choice(MIXED)
            for request in APPLICATIONS[name].recorded(dice.randrange(1 << 30), dice.randrange(1, 20)):
                try:
                    status = answer(ports[name], request, PATIENCE)["status"]
                    failure = f"{name}: {status} to {request.method} {request.target}" if status >= 500 else ""
                except Exception as error:  # noqa: BLE001 - whatever it is, it is to be told
                    failure = f"{name}: {error!r} to {request.method} {request.target}"
                with lock:
                    outcome.answered += not failure
                    if failure:
                        outcome.failures.append(failure)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome
