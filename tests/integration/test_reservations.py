"""Bytes for programs outside: models give way for them, and come back when they end, however that is."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.event_stream import EventStream
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, alive, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")
PATH = "/rouse/v1/reservations"
MIB = 1 << 20


def program(what: str = "serves", footprint: str = "100MiB", **more) -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, what, "{socket}"],
            "footprint": {"host": footprint}, "min_residency": "0s", **more}


def config(limit: str = "300MiB", **models) -> dict:
    # What is configured counts until a model has stood still for long.
    return {"budgets": {"host": {"limit": limit}}, "policy": {"settle": "1h"}, "models": models}


def reserve(rouse, size, **more):
    return rouse.post(PATH, {"device": "host", "bytes": size, **more})


def host(rouse) -> dict:
    (device,) = (d for d in rouse.get("/rouse/v1/devices")["devices"] if d["id"] == "host")
    return device


def reserved(rouse) -> int:
    return host(rouse)["reserved"]


def test_idle_models_give_way_and_come_back_when_it_ends():
    with RouseDaemon(config(a=program(), b=program(priority="high"))) as rouse:
        assert rouse.chat("a")[0] == rouse.chat("b")[0] == 200
        status, _, granted = reserve(rouse, "250MiB", seconds=600)
        assert status == 200 and granted["state"] == "granted" and granted["bytes"] == 250 * MIB
        assert rouse.state("a") == rouse.state("b") == "cold"
        assert reserved(rouse) == 250 * MIB and host(rouse)["used_by_models"] == 0
        assert rouse.get(PATH)["reservations"] == [granted]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(rouse.chat, "a")
            until(lambda: rouse.model("a")["waiting"] == 1, "it waits for what is reserved")
            status, _, ended = rouse.ask("DELETE", f"{PATH}/{granted['id']}", headers={"Content-Type": "application/json"})
            assert status == 200 and ended == granted
            assert waiting.result()[0] == 200
        assert reserved(rouse) == 0 and rouse.get(PATH)["reservations"] == []


def test_its_time_ends_it():
    with RouseDaemon(config(a=program())) as rouse, EventStream(rouse.port, "?only=reservation") as events:
        status, _, granted = reserve(rouse, 280 * MIB, seconds=0.3)
        assert status == 200 and granted["expires_at"]
        assert rouse.chat("a")[0] == 200  # waits for it
        steps = [e.data["step"] for e in events.until(lambda e: e.data.get("step") == "expired") if e.name == "reservation"]
        assert steps == ["granted", "expired"]
        until(lambda: reserved(rouse) == 0, "its bytes are back")


def test_the_end_of_its_process_ends_it():
    with RouseDaemon(config(a=program())) as rouse:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as holder:
            status, _, granted = reserve(rouse, "280MiB", pid=holder.pid)
            assert status == 200 and granted["pid"] == holder.pid
            assert reserved(rouse) == 280 * MIB
            holder.stdin.close()
        until(lambda: rouse.get(PATH)["reservations"] == [], "it has ended with its process")
        until(lambda: "abandoned" in rouse.text(), "the log says how")
        assert rouse.chat("a")[0] == 200


def test_what_its_holder_uses_is_not_counted_twice():
    with RouseDaemon(config(limit="100%", a=program())) as rouse:
        hold = "import sys; b = b'x' * (3 << 30); print('has', flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.readline();" + hold], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            before = host(rouse)
            assert reserve(rouse, "4GiB", pid=holder.pid)[0] == 200
            holder.stdin.write("go\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "has\n"
            now = host(rouse)
            assert now["reserved"] == 4096 * MIB
            assert now["used_by_others"] - before["used_by_others"] < 2048 * MIB  # others live here too
            holder.stdin.close()


def test_one_that_can_never_be_is_refused_at_once_and_nothing_gives_way():
    with RouseDaemon(config(a=program())) as rouse:
        assert rouse.chat("a")[0] == 200
        pid = rouse.model("a")["pid"]
        status, headers, body = reserve(rouse, "10GiB", seconds=1)
        assert status == 507 and "300 MiB at most" in body["error"]["message"]
        assert headers["x-should-retry"] == "false"
        assert rouse.model("a")["pid"] == pid


@pytest.mark.parametrize("wish, says", [
    ({"device": "gpu7", "bytes": 1, "seconds": 1}, "no device"),
    ({"device": "host", "bytes": 1}, "ends by itself"),
    ({"device": "host", "bytes": "much", "seconds": 1}, "bytes"),
    ({"device": "host", "bytes": 1, "pid": 2**22 + 5}, "no process"),
    ({"device": "host", "bytes": 1, "seconds": 0}, "seconds"),
])
def test_a_wish_that_makes_no_sense_is_explained(wish, says):
    with RouseDaemon(config(a=program())) as rouse:
        status, _, body = rouse.post(PATH, wish)
        assert status == 400 and says in body["error"]["message"]
        assert rouse.get(PATH)["reservations"] == []


def test_whoever_does_not_wait_is_told_that_it_waits_and_its_deadline_refuses_it():
    with RouseDaemon(config(a=program(), b=program())) as rouse:
        assert reserve(rouse, "280MiB", seconds=600)[0] == 200
        status, _, waits = reserve(rouse, "200MiB", seconds=600, wait=False)
        assert status == 202 and waits["state"] == "waiting"
        status, _, body = rouse.post(PATH, {"device": "host", "bytes": "200MiB", "seconds": 600},
                                     headers={"X-Rouse-Deadline": "50ms"})
        assert status == 504 and "not free in time" in body["error"]["message"]
        assert [r["state"] for r in rouse.get(PATH)["reservations"]] == ["granted", "waiting"]


def test_a_command_runs_with_its_memory_reserved_and_passes_on_signals_and_its_exit_code():
    with RouseDaemon(config(a=program())) as rouse:
        environment = {**os.environ, "ROUSE_HOST": rouse.url}
        assert rouse.chat("a")[0] == 200

        def run(*command):
            return subprocess.run([ROUSE, "reserve", *command], env=environment, capture_output=True, text=True, timeout=BOUND)

        done = run("250MiB", "--", sys.executable, "-c", "print('inside'); raise SystemExit(41)")
        assert (done.returncode, done.stdout) == (41, "inside\n"), done.stderr
        assert rouse.get(PATH)["reservations"] == []
        assert rouse.state("a") == "cold"  # it gave way

        trapped = "import signal, sys; signal.signal(15, lambda *_: sys.exit(9)); print('up', flush=True); signal.pause()"
        with subprocess.Popen([ROUSE, "reserve", "50MiB", "--", sys.executable, "-c", trapped], env=environment,
                              stdout=subprocess.PIPE, text=True) as held:
            assert held.stdout.readline() == "up\n"
            assert reserved(rouse) == 50 * MIB
            held.send_signal(signal.SIGTERM)
            assert held.wait(BOUND) == 9
        assert rouse.get(PATH)["reservations"] == []
        assert run("50MiB", "--", "/nowhere/program").returncode == 127
        assert run("50MiB", "--", "/etc/passwd").returncode == 126
        assert run("9GiB", "--", "true").returncode == 6
        assert run("much", "--", "true").returncode == 2


def test_a_daemon_that_is_restarted_is_asked_again():
    with RouseDaemon(config()) as first:
        with subprocess.Popen([ROUSE, "reserve", "50MiB", "--", "cat"], env={**os.environ, "ROUSE_HOST": first.url},
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
            until(lambda: reserved(first) == 50 * MIB, "it is granted")
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(BOUND) == 0
            with RouseDaemon({**config(), "listen": f"127.0.0.1:{first.port}"}, listen=False) as second:
                until(lambda: reserved(second) == 50 * MIB, "it is granted again")
                number = second.get(PATH)["reservations"][0]["id"]
                assert second.ask("DELETE", f"{PATH}/{number}", headers={"Content-Type": "application/json"})[0] == 200
                assert "has been restarted, and was asked again" in held.stderr.readline()
                _, says = held.communicate("")
                assert held.returncode == 0 and says == "", says
                assert second.get(PATH)["reservations"] == []  # what an operator has ended stays so


def test_a_killed_holder_leaves_nothing_reserved():
    with RouseDaemon(config(a=program())) as rouse:
        environment = {**os.environ, "ROUSE_HOST": rouse.url}
        with subprocess.Popen([ROUSE, "reserve", "50MiB", "--", "cat"], env=environment, stdin=subprocess.PIPE) as held:
            until(lambda: reserved(rouse) == 50 * MIB, "it is granted")
            held.kill()
        until(lambda: reserved(rouse) == 0, "its bytes are back")


@pytest.mark.parametrize(("how", "why"), [("returned", "was given back before it was granted"),
                                          ("abandoned", "which was to hold the reservation, ended")])
def test_whoever_waits_for_one_that_is_over_hears_so(how, why):
    with RouseDaemon(config()) as rouse, ThreadPoolExecutor(1) as pool, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as holder:
        try:
            assert reserve(rouse, "280MiB", seconds=600)[0] == 200
            waiting = pool.submit(reserve, rouse, "200MiB", pid=holder.pid)
            until(lambda: len(rouse.get(PATH)["reservations"]) == 2, "it waits")
            if how == "returned":
                number = rouse.get(PATH)["reservations"][1]["id"]
                assert rouse.ask("DELETE", f"{PATH}/{number}", headers={"Content-Type": "application/json"})[0] == 200
            holder.kill()
            status, _, body = waiting.result(BOUND)
            assert status == 409 and why in body["error"]["message"], body
            assert reserved(rouse) == 280 * MIB
        finally:
            holder.kill()


def test_what_a_process_uses_counts_once_however_many_it_holds():
    holding = [sys.executable, "-c", "held = b'x' * (300 << 20); print('there', flush=True); input()"]
    with RouseDaemon(config("4GiB")) as rouse, \
            subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        before = host(rouse)["used_by_others"]
        assert reserve(rouse, "320MiB", pid=holder.pid)[0] == 200
        until(lambda: host(rouse)["used_by_others"] < before - 200 * MIB, "what it uses of it is no longer others'")
        once = host(rouse)["used_by_others"]
        assert reserve(rouse, "320MiB", pid=holder.pid)[0] == 200
        assert once - 150 * MIB < host(rouse)["used_by_others"]
        holder.communicate(b"\n")


def test_a_command_is_reserved_for_where_its_children_are_nobodys():
    with RouseDaemon(config()) as rouse:
        ignoring = f"trap '' CHLD; exec {ROUSE} reserve 50MiB -- sh -c 'exit 7'"
        ended = subprocess.run(["sh", "-c", ignoring], env={**os.environ, "ROUSE_HOST": rouse.url}, timeout=BOUND, check=False)
        assert ended.returncode == 7
        assert reserved(rouse) == 0


def test_shutdown_does_not_wait_for_reservations():
    with RouseDaemon(config(a=program())) as rouse:
        assert reserve(rouse, "50MiB", seconds=600)[0] == 200
        rouse.process.send_signal(signal.SIGTERM)
        assert rouse.process.wait(BOUND) == 0


def test_every_unload_ends_in_a_receipt():
    with RouseDaemon(config(a=program(), b=program(keep="0s"))) as rouse, EventStream(rouse.port, "?only=receipt") as events:
        assert rouse.chat("a")[0] == rouse.chat("b")[0] == 200  # b's keep ends it
        rouse.until_state("b", "cold")
        reserve(rouse, "280MiB", seconds=0.2)  # which evicts a
        until(lambda: reserved(rouse) == 0, "that is over")
        assert rouse.chat("a")[0] == 200
        os.kill(rouse.model("a")["pid"], signal.SIGKILL)
        receipts = []
        while len(receipts) < 3:
            event = events.next()
            if event.name == "receipt":
                receipts.append(event.data)
        assert [(r["model"], r["reason"]) for r in receipts] == [("b", "idle"), ("a", "evicted"), ("a", "ended")]
        for receipt in receipts:
            assert receipt["confirmed"] and receipt["took_ms"] >= 0
            assert 0 < receipt["freed"]["host"] <= 100 * MIB
        until(lambda: "came back after" in rouse.text(), "the log says so, too")


def test_a_load_whose_memory_runs_out_is_tried_once_more_with_more(tmp_path):
    tries = tmp_path / "tries"
    app = program("runs-out", "100MiB")
    app["command"] += [str(tries), "1"]
    with RouseDaemon(config(a=app)) as rouse:
        assert rouse.chat("a")[0] == 200
        assert len(tries.read_text()) == 2
        assert rouse.model("a")["footprint"]["host"] == 125 * MIB


def test_a_load_whose_memory_runs_out_again_fails_with_the_sizes(tmp_path):
    tries = tmp_path / "tries"
    app = program("runs-out", "100MiB")
    app["command"] += [str(tries), "9"]
    with RouseDaemon(config(a=app)) as rouse:
        status, _, body = rouse.chat("a")
        assert status == 502 and "its memory ran out" in body["error"]["message"]
        assert "on host, of which 300 MiB" in body["error"]["message"]
        assert len(tries.read_text()) == 2
        assert rouse.state("a") == "failed"


def test_a_trim_that_gives_enough_spares_the_model():
    models = {"a": program("caches", "80MiB", trim={"path": "/trim"}), "b": program(footprint="150MiB")}
    settings = config("200MiB", **models) | {"policy": {"settle": "50ms"}}
    with RouseDaemon(settings) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: rouse.model("a")["footprint"]["host"] > 64 * MIB, "its caches are seen")
        pid = rouse.model("a")["pid"]
        assert rouse.chat("b")[0] == 200
        assert rouse.model("a")["pid"] == pid and alive(pid)
        assert rouse.model("a")["footprint"]["host"] < 50 * MIB
        until(lambda: "a: trimmed" in rouse.text(), "the log says so")


def test_a_trim_that_gives_too_little_is_followed_by_the_eviction():
    models = {"a": program("caches", "80MiB", trim={"path": "/trim"}), "b": program(footprint="199MiB")}
    settings = config("200MiB", **models) | {"policy": {"settle": "50ms"}}
    with RouseDaemon(settings) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: rouse.model("a")["footprint"]["host"] > 64 * MIB, "its caches are seen")
        assert rouse.chat("b")[0] == 200
        assert rouse.state("a") == "cold"
        until(lambda: "a: trimmed" in rouse.text(), "the log says so")
