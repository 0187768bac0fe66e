"""Applications as their authors wrote them, behind Rouse as they are."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.examples.applications import APPLICATIONS, serving
from tests.integration.test_application import home
from tests.integration.test_command import tree_of, until_nothing_is_left
from tests.support.exchanges import answer
from tests.support.rouse_daemon import until

CROWD = 200
RECORDED = 40  # as many as 200 in bench/examples.py


def own_port(rouse, name: str) -> int:
    """Where the worker itself listens."""
    pids = tree_of(rouse)
    for line in subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines():
        port = int(line.split()[3].rpartition(":")[2])
        if any(int(pid) in pids for pid in re.findall(r"pid=(\d+)", line)):
            return port
    raise AssertionError("the worker listens nowhere")


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.fixture(scope="module", params=["detection"])
def world(request):
    with serving(APPLICATIONS[request.param].example) as rouse:
        yield rouse, request.param
        rouse.post(f"/rouse/v1/models/{request.param}/unload")
        until_nothing_is_left(rouse, request.param)


def test_many_first_requests_start_one_process_tree_and_are_all_answered(world):
    rouse, name = world
    cheap, port = APPLICATIONS[name].cheap, home(rouse, name)
    assert rouse.state(name) == "cold" and not tree_of(rouse)
    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda _: answer(port, cheap), range(CROWD)))
    assert [one["status"] for one in answers] == [200] * CROWD
    assert len({one["body"] for one in answers}) == 1
    assert rouse.model(name)["loads"] == 1
    assert len(children(rouse.process.pid)) == 1


def test_answers_are_those_of_the_application_asked_directly(world):
    rouse, name = world
    application, listen = APPLICATIONS[name], home(rouse, name)
    assert answer(listen, application.cheap)["status"] == 200
    direct = own_port(rouse, name)
    for request in application.recorded(seed=7, count=RECORDED):
        itself = answer(direct, request)
        assert answer(listen, request) == itself, request
        assert answer(rouse.port, request.below(f"/rouse/v1/models/{name}/app")) == itself, request


# --- detection ----------------------------------------------------------------------------------------------------


def test_a_server_with_three_workers_loads_its_weights_three_times_and_one_with_one_once():
    with serving("detection") as rouse:
        for name, loads in (("detection", 1), ("detection-three-workers", 3)):
            assert answer(home(rouse, name), APPLICATIONS["detection"].typical)["status"] == 200
            loaded = until(lambda: (found := set(re.findall(r"process (\d+) has loaded the weights",
                                    rouse.get(f"/rouse/v1/models/{name}/logs?lines=1000")))) and len(found) >= loads and found,
                           f"{name} has loaded {loads} times")
            assert len(loaded) == loads
            assert rouse.model(name)["loads"] == 1  # one start, whatever it does then
