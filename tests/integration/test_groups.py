"""Groups: so many of their models at most are loaded at once, on a machine that has room for all of them."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.rouse_daemon import RouseDaemon, alive, held, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")


def picture(**more) -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, "serves", "{socket}"],
            "footprint": {"host": "64MiB"}, "group": "pictures", "min_residency": "0s", **more}


def config(max_loaded: int, **models) -> dict:
    return {"groups": {"pictures": {"max_loaded": max_loaded}}, "policy": {"eviction": "lru", "patience": "10m"},
            "models": models}


def group(rouse) -> dict:
    (only,) = rouse.get("/rouse/v1/devices")["groups"]
    return only


def loaded(rouse) -> list[str]:
    return [m["id"] for m in rouse.get("/rouse/v1/models")["models"] if m["state"] == "ready"]


def test_in_a_group_of_one_the_second_waits_for_the_first_and_each_loads_once_a_swap():
    with RouseDaemon(config(1, a=picture(), b=picture(), free=picture(group="others"))
                     | {"groups": {"pictures": {"max_loaded": 1}, "others": {"max_loaded": 9}}}) as rouse:
        assert rouse.chat("a")[0] == rouse.chat("free")[0] == 200
        first = rouse.model("a")["pid"]
        with ThreadPoolExecutor(6) as pool:
            with held(first):
                busy = pool.submit(rouse.chat, "a")
                until(lambda: rouse.model("a")["leases"] == 1, "the first is at work")
                waiting = [pool.submit(rouse.chat, "b") for _ in range(5)]
                until(lambda: rouse.model("b")["waiting"] == 5, "the second is waited for")
                assert rouse.state("b") == "cold"
            assert busy.result()[0] == 200
            assert [answer.result()[0] for answer in waiting] == [200] * 5
        assert not alive(first)
        assert sorted(loaded(rouse)) == ["b", "free"]
        groups = {g["name"]: g for g in rouse.get("/rouse/v1/devices")["groups"]}
        assert groups["pictures"] == {"name": "pictures", "max_loaded": 1, "loaded": 1}
        assert groups["others"]["loaded"] == 1
        assert rouse.chat("a")[0] == 200
        assert [rouse.model(name)["loads"] for name in ("a", "b", "free")] == [2, 1, 1]


def test_a_place_in_a_group_is_no_memory_wherever_memory_is_shown():
    with RouseDaemon(config(1, a=picture())) as rouse:
        assert rouse.chat("a")[0] == 200
        assert [d["id"] for d in rouse.get("/rouse/v1/devices")["devices"]] == ["host"]
        model = rouse.model("a")
        assert (model["group"], model["footprint"]) == ("pictures", {"host": 64 << 20})
        until(lambda: "a: loading → ready (loaded), worker 1, 64 MiB → 64 MiB" in rouse.text(), "the log counts bytes")
        metrics = rouse.ask("GET", "/metrics")[2]
        assert 'device="host"' in metrics and 'device="gpu' not in metrics
        status, _, receipt = rouse.post("/rouse/v1/models/a/unload")
        assert status == 200 and list(receipt["freed"]) == ["host"] and 0 < receipt["freed"]["host"] < 64 << 20
        assert group(rouse)["loaded"] == 0


def test_a_pinned_model_that_holds_the_group_is_a_reason_that_is_told():
    with RouseDaemon(config(1, a=picture(pinned=True), b=picture())) as rouse:
        assert rouse.chat("a")[0] == 200
        status, _, body = rouse.chat("b")
        assert status == 503
        assert body["error"]["message"] == (
            'model "b" cannot be loaded: group "pictures" has max_loaded 1 and pinned models hold it; unpin one or try '
            "again later")
        assert rouse.post("/rouse/v1/models/a/unpin")[0] == 200
        assert rouse.chat("b")[0] == 200
        assert loaded(rouse) == ["b"]


def test_another_number_counts_at_once_and_stops_what_was_used_longest_ago():
    both = {"a": picture(), "b": picture()}
    with RouseDaemon(config(2, **both)) as rouse:
        assert rouse.chat("b")[0] == rouse.chat("a")[0] == 200
        kept = rouse.model("a")["pid"]
        rouse.reconfigure(config(1, **both))
        assert rouse.post("/rouse/v1/reload")[2]["settings"] == ["groups"]
        until(lambda: rouse.state("b") == "cold", "one is stopped")
        assert (rouse.model("a")["pid"], group(rouse)) == (kept, {"name": "pictures", "max_loaded": 1, "loaded": 1})
        rouse.reconfigure(config(2, **both))
        assert rouse.post("/rouse/v1/reload")[2]["settings"] == ["groups"]
        assert rouse.chat("b")[0] == 200
        assert loaded(rouse) == ["a", "b"] and rouse.model("a")["pid"] == kept


def test_a_model_that_comes_into_a_group_makes_room_there_first():
    with RouseDaemon(config(1, a=picture(), b=picture(group="others"))
                     | {"groups": {"pictures": {"max_loaded": 1}, "others": {"max_loaded": 1}}}) as rouse:
        assert rouse.chat("a")[0] == rouse.chat("b")[0] == 200
        rouse.reconfigure(config(1, a=picture(), b=picture()))
        assert rouse.post("/rouse/v1/reload")[2]["changed"] == ["b"]
        until(lambda: loaded(rouse) == ["a"], "it leaves as what it was")
        assert rouse.chat("b")[0] == 200
        assert loaded(rouse) == ["b"]
