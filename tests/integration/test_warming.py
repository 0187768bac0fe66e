"""Files that are read ahead while their model loads, files that are kept warm, and how far a load is."""

import os
import sys
import threading
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.event_stream import EventStream
from tests.support.gate import Gate
from tests.support.page_cache import Unknown, ask_to_drop, cached, drop
from tests.support.rouse_daemon import BOUND, RouseDaemon, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")
MIB = 1 << 20
SIZE = 200 * MIB


@pytest.fixture
def weights(tmp_path) -> Path:
    path = tmp_path / "weights"
    with path.open("wb") as file:
        for _ in range(SIZE // MIB):
            file.write(os.urandom(MIB))
    try:
        drop(path)
    except Unknown as why:
        pytest.skip(str(why))
    return path


def gated(gate: Gate, source: Path, **more) -> dict:
    """Ready once the gate is open; it reads nothing by itself."""
    return {"engine": "command", "command": [str(gate.program), "{socket}"], "source": str(source),
            "footprint": {"host": "300MiB"}, "grace": "1s", **more}


def gate_in(folder: Path) -> Gate:
    return Gate(folder, then=f"exec {sys.executable} {PROGRAM} serves \"$@\"")


def serve(limit: str = "2GiB", arguments: tuple[str, ...] = (), **models) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": limit}}, "models": models}, arguments=arguments)


def host(rouse) -> dict:
    return rouse.get("/rouse/v1/devices")["devices"][0]


def test_files_are_in_the_page_cache_before_the_program_has_asked_for_them(weights, tmp_path):
    gate = gate_in(tmp_path)
    with serve(app=gated(gate, weights)) as rouse:
        assert rouse.post("/rouse/v1/models/app/load", {"wait": False})[0] == 202
        until(lambda: cached(weights) >= SIZE, "all of the file is there")
        seen = until(lambda: (seen := rouse.model("app"))["bytes"] and seen["bytes"]["present"] >= SIZE and seen, "it is told")
        assert seen["state"] == "loading" and 0 < seen["progress"] < 1, seen
        assert seen["bytes"]["needed"] == SIZE + 300 * MIB
        gate.open()
        rouse.until_state("app", "ready")


def test_a_folder_is_read_ahead_file_by_file_and_none_of_it_where_that_is_turned_off(weights, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    other = folder / "weights"
    os.link(weights, other)
    gate = gate_in(tmp_path)
    with serve(app=gated(gate, folder, read_ahead=False), warmed=gated(gate, folder)) as rouse:
        assert rouse.post("/rouse/v1/models/app/load", {"wait": False})[0] == 202
        until(lambda: rouse.model("app")["bytes"], "its files have been looked at")
        assert cached(other) < SIZE / 10
        assert rouse.post("/rouse/v1/models/app/unload", {"force": True})[0] == 200
        assert rouse.post("/rouse/v1/models/warmed/load", {"wait": False})[0] == 202
        until(lambda: cached(other) >= SIZE, "all of the folder is there")
        gate.open()


def test_reading_ahead_ends_with_the_load(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(4 << 30)  # no disk has it, and yet it is read at no more than some GB a second
    gate = gate_in(tmp_path)
    with serve(arguments=("--verbose",), app=gated(gate, large)) as rouse:
        assert rouse.post("/rouse/v1/models/app/load", {"wait": False})[0] == 202
        until(lambda: cached(large) > 0, "it has begun")
        assert rouse.post("/rouse/v1/models/app/unload", {"force": True})[0] == 200
        until(lambda: "read ahead, until its load ended" in rouse.text(), "it has ended")
        assert cached(large) < large.stat().st_size


def test_progress_never_goes_back_and_is_whole_only_when_the_model_is_ready(weights, tmp_path):
    models = demo_models.paths()
    gate = gate_in(tmp_path)
    llama = {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 1, "threads": 1}
    with serve(app=gated(gate, weights), chat=llama) as rouse:
        for name in ["app", "chat"]:
            with EventStream(rouse.port) as stream:
                loading = threading.Thread(target=rouse.post, args=(f"/rouse/v1/models/{name}/load", {"wait": True}))
                loading.start()
                if name == "app":
                    until(lambda: (rouse.model("app")["progress"] or 0) > 0, "something of it is to be seen")
                    gate.open()
                events = stream.until(lambda e: e.name == "model" and e.data["to"] == "ready")
                loading.join(BOUND)
            seen = [e.data for e in events if e.name == "progress"]
            assert all(e["model"] == name and e["state"] == "loading" for e in seen)
            told = [e["progress"] for e in seen]
            assert told == sorted(told) and all(0 <= p < 1 for p in told), told
            assert name != "app" or told, "a load of some length is told of"
            ready = rouse.model(name)
            assert (ready["state"], ready["progress"], ready["eta_ms"]) == ("ready", None, None)
            assert rouse.post(f"/rouse/v1/models/{name}/unload", {"force": True})[0] == 200


def test_the_second_load_tells_how_long_it_will_take(weights, tmp_path):
    gate = gate_in(tmp_path)
    with serve(app=gated(gate, weights)) as rouse:
        assert rouse.post("/rouse/v1/models/app/load", {"wait": False})[0] == 202
        until(lambda: (rouse.model("app")["progress"] or 0) > 0, "something of it is to be seen")
        gate.open()
        rouse.until_state("app", "ready")
        assert rouse.post("/rouse/v1/models/app/unload")[0] == 200
        gate.close()
        assert rouse.post("/rouse/v1/models/app/load", {"wait": False})[0] == 202
        seen = until(lambda: (seen := rouse.model("app"))["eta_ms"] and seen, "a time is told")
        assert 0 < seen["eta_ms"] <= 2 * seen["last_load_ms"], seen
        gate.open()
        rouse.until_state("app", "ready")


# --- keep_warm ----------------------------------------------------------------------------------------------------


def warm(weights: Path, size: str = "300MiB") -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, "serves", "{socket}"], "source": str(weights),
            "footprint": {"host": size}, "keep_warm": True, "min_residency": "0s"}


def held(rouse) -> int:
    return host(rouse)["kept_warm"]


def stays(weights: Path) -> bool:
    ask_to_drop(weights)
    return cached(weights) >= SIZE


def test_files_of_a_cold_model_stay_in_memory_and_are_counted(weights):
    with serve("1GiB", app=warm(weights)) as rouse:
        until(lambda: held(rouse) == SIZE and stays(weights), "they are held")
        device = host(rouse)
        assert device["limit"] == 1 << 30 and device["effective"] <= (1 << 30) - SIZE, device
        assert f'rouse_device_kept_warm_bytes{{device="host"}} {SIZE}' in rouse.ask("GET", "/metrics")[2]
        assert rouse.chat("app")[0] == 200  # its load takes their place
        assert held(rouse) == 0
        assert rouse.post("/rouse/v1/models/app/unload")[0] == 200
        until(lambda: held(rouse) == SIZE and stays(weights), "they are held again")


def test_files_that_are_kept_warm_give_way_to_what_is_loaded(weights):
    other = {**warm(weights, "900MiB"), "keep_warm": False}
    with serve("1GiB", app=warm(weights), other=other) as rouse:
        until(lambda: held(rouse) == SIZE, "they are held")
        assert rouse.chat("other")[0] == 200
        assert held(rouse) == 0 and rouse.model("other")["state"] == "ready"
        until(lambda: not stays(weights), "they may go")
        assert rouse.post("/rouse/v1/models/other/unload")[0] == 200
        until(lambda: held(rouse) == SIZE, "they are held again")


def test_files_that_are_kept_warm_give_way_to_a_reservation(weights):
    with serve("1GiB", app=warm(weights)) as rouse:
        until(lambda: held(rouse) == SIZE, "they are held")
        status, _, body = rouse.post("/rouse/v1/reservations", {"device": "host", "bytes": "950MiB", "seconds": 600})
        assert status == 200, body
        assert held(rouse) == 0


def test_files_that_are_others_by_now_are_counted_as_they_are(weights):
    with serve("1GiB", app=warm(weights)) as rouse:
        until(lambda: held(rouse) == SIZE, "they are held")
        assert rouse.chat("app")[0] == 200
        smaller = weights.with_name("smaller")
        smaller.write_bytes(os.urandom(50 * MIB))
        smaller.rename(weights)
        assert rouse.post("/rouse/v1/models/app/unload")[0] == 200
        until(lambda: held(rouse) == 50 * MIB, "the new ones are held")


def test_no_more_is_kept_warm_than_the_budget_has(weights):
    with serve("150MiB", app=warm(weights, "100MiB"), other={**warm(weights, "50MiB"), "keep_warm": False}) as rouse:
        assert rouse.chat("other")[0] == rouse.chat("app")[0] == 200  # time enough to look at the files
        assert rouse.post("/rouse/v1/models/app/unload")[0] == 200
        assert rouse.post("/rouse/v1/models/other/unload")[0] == 200
        assert held(rouse) == 0 and not stays(weights)
        until(lambda: "models may have 150 MiB at most" in rouse.text(), "the log says so")


def test_files_of_a_model_that_is_no_longer_configured_are_given_back(weights):
    with serve("1GiB", app=warm(weights)) as rouse:
        until(lambda: held(rouse) == SIZE and stays(weights), "they are held")
        rouse.reconfigure({"budgets": {"host": {"limit": "1GiB"}}, "models": {}})
        assert rouse.post("/rouse/v1/reload")[0] == 200
        assert held(rouse) == 0
        until(lambda: not stays(weights), "they may go")


def test_what_may_not_be_locked_is_said_once_and_counts_nothing(weights):
    limited = ("prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    with RouseDaemon({"budgets": {"host": {"limit": "1GiB"}}, "models": {"app": warm(weights)}}, command=limited) as rouse:
        until(lambda: "cannot be kept warm" in rouse.text(), "it is said")
        assert "LimitMEMLOCK" in rouse.text() and "64 KiB" in rouse.text()
        assert held(rouse) == 0
        assert rouse.chat("app")[0] == 200
        assert rouse.text().count("cannot be kept warm") == 1
