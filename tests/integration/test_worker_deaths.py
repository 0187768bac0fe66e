"""A worker that ends by itself: why it ended is told apart, and no model is ready on a worker that is gone."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.memory_cgroup import Unavailable, memory_cgroup
from tests.support.rouse_daemon import RouseDaemon, alive, until

ECHO = Path(__file__).resolve().parents[1] / "support" / "echo_engine.py"
PROGRAM = str(ECHO.with_name("command_program.py"))
LIMIT = 256 << 20


def serve(*names: str, **more) -> RouseDaemon:
    # Pinned: what one of them takes is no reason for another to leave.
    model = {"engine": "llama", "source": str(demo_models.paths().text), "footprint": {"host": "16MiB"}, "pinned": True}
    return RouseDaemon({"engines": {"llama": {"binary": str(ECHO)}}, "models": {name: model for name in names}}, **more)


def until_dead(rouse, name: str, pid: int) -> str:
    """Why, as an operator is told."""
    until(lambda: rouse.state(name) == "failed", f"{name} has failed ({rouse.state(name)})")
    assert not alive(pid) and rouse.model(name)["pid"] is None
    return rouse.model(name)["error"]


def pid_of(rouse, name: str) -> int:
    assert rouse.chat(name)[0] == 200
    return rouse.model(name)["pid"]


def test_a_worker_that_is_killed_is_told_from_one_that_exits():
    with serve("killed", "crashed", "exited", "other") as rouse:
        pids = {name: pid_of(rouse, name) for name in ["killed", "crashed", "exited", "other"]}
        os.kill(pids["killed"], signal.SIGKILL)
        os.kill(pids["crashed"], signal.SIGSEGV)
        assert rouse.chat("exited", exit=3)[0] == 502
        assert "killed by signal 9 (Killed)" in until_dead(rouse, "killed", pids["killed"])
        assert "killed by signal 11 (Segmentation fault)" in until_dead(rouse, "crashed", pids["crashed"])
        assert "exited with code 3" in until_dead(rouse, "exited", pids["exited"])
        assert [m["id"] for m in rouse.get("/rouse/v1/models")["models"] if m["state"] == "ready"] == ["other"]
        assert rouse.chat("killed")[0] == 200  # asked again, it is loaded again


@pytest.fixture
def group():
    """Small enough that one worker can fill it, and the daemon with its workers lives in it."""
    try:
        with memory_cgroup(LIMIT) as made:
            yield made
    except Unavailable as missing:
        pytest.skip(f"no OOM kill can be caused here: {missing}")


def test_a_share_follows_the_limit_of_the_group(group):
    with RouseDaemon({"budgets": {"host": {"limit": "50%"}}}, preexec_fn=group.enter) as rouse:
        def host():
            return rouse.get("/rouse/v1/devices")["devices"][0]

        assert (host()["total"], host()["limit"]) == (LIMIT, LIMIT // 2)
        group.limit(LIMIT // 2)
        until(lambda: (host()["total"], host()["limit"]) == (LIMIT // 2, LIMIT // 4), "it follows")


def test_a_worker_that_the_oom_killer_takes_is_told_from_one_that_somebody_kills(group):
    def once() -> int:
        """How many it has taken: sometimes another one, before the memory of the first is back."""
        before = group.kills()
        with serve("hungry", "killed", "other", preexec_fn=group.enter) as rouse:
            pids = {name: pid_of(rouse, name) for name in ["hungry", "killed", "other"]}
            status, _, body = rouse.chat("hungry", eat=4 * LIMIT)
            assert status == 502, body
            if group.kills() != before + 1:
                return group.kills() - before
            assert "out of memory: killed by the kernel" in until_dead(rouse, "hungry", pids["hungry"])
            os.kill(pids["killed"], signal.SIGKILL)  # one OOM kill explains one end, and this is not it
            assert "killed by signal 9 (Killed)" in until_dead(rouse, "killed", pids["killed"])
            assert [m["id"] for m in rouse.get("/rouse/v1/models")["models"] if m["state"] == "ready"] == ["other"]
            assert rouse.model("other")["pid"] == pids["other"] and rouse.chat("other")[0] == 200
            return 1

    until(lambda: once() == 1, "the OOM killer has taken one of them alone")


def test_a_worker_that_loses_a_process_to_the_oom_killer_is_asked_whether_it_is_well(group):
    program = {"engine": "command", "footprint": {"host": "16MiB"}, "pinned": True}
    models = {what: {**program, "command": [sys.executable, PROGRAM, what, "{socket}"]}
              for what in ("well-while-its-child-lives", "serves")}
    with RouseDaemon({"models": models}, preexec_fn=group.enter) as rouse:
        pid = pid_of(rouse, "serves")
        parent = rouse.post("/rouse/v1/models/well-while-its-child-lives/load")[2]["pid"]
        rouse.chat("well-while-its-child-lives")
        why = until_dead(rouse, "well-while-its-child-lives", parent)
        assert "out of memory: killed by the kernel" in why and "no longer well: GET /health: 500" in why, why
        assert rouse.model("serves")["pid"] == pid and alive(pid)
