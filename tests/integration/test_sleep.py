"""Programs that can sleep: they keep their process and give up most of their memory, and wake for whoever asks next."""

import os
import signal
import sys
from pathlib import Path

from tests.support.rouse_daemon import RouseDaemon, alive, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")
KEEPS = "16MiB"


def sleeper(what: str = "sleeps", size: str = "100MiB", **more) -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, what, "{socket}"], "footprint": {"host": size},
            "min_residency": "0s", "sleep": {"path": "/sleep?level=1", "body": '{"level": 1}', "footprint": {"host": KEEPS}},
            "wake": {"path": "/wake_up"}, **more}


def serve(limit: str = "1GiB", **models) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": limit}}, "policy": {"settle": "10m"}, "models": models})


def asleep(rouse, name: str):
    until(lambda: rouse.state(name) == "asleep", f"{name} sleeps")


def held(rouse) -> int:
    return rouse.get("/rouse/v1/devices")["devices"][0]["used_by_models"]


def test_an_idle_program_sleeps_and_the_next_request_wakes_it():
    with serve(app=sleeper(keep="0s")) as rouse:
        first = rouse.chat("app")[2]
        asleep(rouse, "app")
        assert held(rouse) == 16 << 20
        status, _, second = rouse.chat("app")
        assert status == 200 and second["pid"] == first["pid"], second
        assert second["told"] == [["POST", "/sleep?level=1", '{"level": 1}'], ["POST", "/wake_up", ""]]
        assert rouse.model("app")["loads"] == 1
        asleep(rouse, "app")
        receipt = rouse.post("/rouse/v1/models/app/unload")[2]
        assert 5 << 20 < receipt["freed"]["host"] < 15 << 20, receipt
        until(lambda: not alive(first["pid"]), "its process has ended")
        assert held(rouse) == 0


def test_two_that_do_not_fit_together_take_turns_without_being_loaded_again():
    with serve("130MiB", a=sleeper(), b=sleeper()) as rouse:
        pids = {name: rouse.chat(name)[2]["pid"] for name in "ab"}
        for name, other in ["ab", "ba", "ab"]:
            status, _, answer = rouse.chat(name)
            assert status == 200 and answer["pid"] == pids[name], answer
            assert rouse.state(other) == "asleep"
        assert [rouse.model(name)["loads"] for name in "ab"] == [1, 1]


def test_one_that_would_keep_too_much_is_stopped_instead():
    with serve("105MiB", a=sleeper(), b=sleeper()) as rouse:
        assert rouse.chat("a")[0] == rouse.chat("b")[0] == 200
        assert rouse.state("a") == "cold"


def test_one_that_will_not_sleep_is_stopped():
    with serve(app=sleeper("will-not-sleep", keep="0s")) as rouse:
        pid = rouse.chat("app")[2]["pid"]
        until(lambda: rouse.state("app") == "cold", "it has ended")
        assert not alive(pid)
        assert "POST /sleep?level=1: 503 and not 2xx" in rouse.get("/rouse/v1/models/app/logs")


def test_one_that_will_not_wake_is_loaded_again_for_whoever_waits():
    with serve(app=sleeper("will-not-wake", keep="0s")) as rouse:
        first = rouse.chat("app")[2]
        asleep(rouse, "app")
        status, _, second = rouse.chat("app")
        assert status == 200 and second["pid"] != first["pid"], second
        assert rouse.model("app")["loads"] == 2
        until(lambda: rouse.state("app") == "cold", "it is not put to sleep again")


def test_one_that_does_not_answer_is_stopped_in_time():
    app = sleeper("sleeps-for-ever", keep="0s", grace="100ms")
    app["sleep"]["timeout"] = "200ms"
    with serve(app=app) as rouse:
        assert rouse.chat("app")[0] == 200
        until(lambda: rouse.state("app") == "cold", "it has ended")
        assert rouse.chat("app")[0] == 200


def test_one_that_dies_asleep_is_loaded_again():
    with serve(app=sleeper(keep="0s")) as rouse:
        pid = rouse.chat("app")[2]["pid"]
        asleep(rouse, "app")
        os.kill(pid, signal.SIGKILL)
        until(lambda: rouse.state("app") == "failed", "its end is noticed")
        status, _, answer = rouse.chat("app")
        assert status == 200 and answer["pid"] != pid, answer


def test_it_sleeps_no_longer_than_it_may():
    app = sleeper(keep="0s")
    app["sleep"]["keep"] = "1s"
    with serve(app=app) as rouse:
        assert rouse.chat("app")[0] == 200
        until(lambda: rouse.state("app") == "cold", "it has been asleep for long enough")


def test_the_transitions_are_told():
    with serve(app=sleeper(keep="0s")) as rouse:
        rouse.chat("app")
        asleep(rouse, "app")
        assert "ready → sleeping (sleep: idle)" in rouse.text()
        assert 'rouse_model_state{model="app",state="asleep"} 1' in rouse.get("/metrics")
