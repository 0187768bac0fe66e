"""Any program that serves HTTP as an engine: started as it is, told where to listen, and believed only what it shows."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.rouse_daemon import BOUND, RouseDaemon, alive, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")


def program(what: str, *more: str, where: str = "{socket}", **entry) -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, what, where, *more],
            "footprint": {"host": "64MiB"}, **entry}


def serve(load_timeout: str = "60s", **models) -> RouseDaemon:
    return RouseDaemon({"policy": {"load_timeout": load_timeout}, "models": models})


def load(rouse, name: str = "app"):
    return rouse.post(f"/rouse/v1/models/{name}/load")


def below(pid: int) -> set[int]:
    """Every process below this one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found, more = set(), {pid}
    while more:
        more = {pid for pid, parent in parents.items() if parent in more} - found
        found |= more
    return found


def tree_of(rouse) -> set[int]:
    """Every process below the daemon, supervisors included."""
    return below(rouse.process.pid)


def until_nothing_is_left(rouse, name: str = "app"):
    until(lambda: rouse.state(name) in ("cold", "failed"), "the worker has ended")
    until(lambda: not tree_of(rouse), "no process is left")
    assert rouse.get("/rouse/v1/devices")["devices"][0]["used_by_models"] == 0


# --- as it should be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["{socket}", "{port}"])
def test_it_is_started_as_the_configuration_says(where, tmp_path):
    (tmp_path / "weights").touch()
    app = program("serves", "{model}", "[{gpus}]", '{"a": {{port}}', where=where, cwd=str(tmp_path),
                  source=str(tmp_path / "weights"), health="/well", env={"APP_MODE": "at {gpus}night", "APP_ROUSE": "1"})
    with serve(app=app) as rouse:
        status, _, answer = rouse.chat("app")
        assert status == 200, answer
        assert answer["cwd"] == str(tmp_path)
        assert answer["argv"][3:] == [str(tmp_path / "weights"), "[]", '{"a": {port}}']
        assert answer["environment"]["APP_MODE"] == "at night"
        assert answer["environment"]["CUDA_VISIBLE_DEVICES"] == ""
        assert rouse.model("app")["pid"] == answer["pid"]


def test_it_runs_in_the_folder_of_the_configuration_and_sees_nothing_of_the_daemons_environment():
    app = program("serves", env={"CUDA_VISIBLE_DEVICES": "7"})
    config = {"models": {"app": app}}
    with RouseDaemon(config, env={"A_SECRET_TOKEN": "sesame"}) as rouse:
        answer = rouse.chat("app")[2]
        assert answer["cwd"] == rouse.folder.name
        assert "A_SECRET_TOKEN" not in answer["environment"]
        assert answer["environment"]["CUDA_VISIBLE_DEVICES"] == "7"


def test_many_first_requests_start_one_process():
    with serve(app=program("serves", where="{port}")) as rouse, ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: rouse.chat("app"), range(50)))
        assert [status for status, _, _ in answers] == [200] * 50
        assert len({answer["pid"] for _, _, answer in answers}) == 1


def test_each_gets_a_port_of_its_own():
    models = {f"app{i}": program("serves", where="{port}") for i in range(8)}
    with serve(**models) as rouse, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(rouse.chat, models))
        assert [status for status, _, _ in answers] == [200] * 8
        assert len({answer["argv"][2] for _, _, answer in answers}) == 8


# --- programs that go wrong ---------------------------------------------------------------------------------------


def test_one_that_does_not_exist_is_named():
    for argv in (["no-such-program", "{port}"], ["/nowhere/at-all", "{port}"]):
        with serve(app={**program("serves"), "command": argv}) as rouse:
            status, _, body = load(rouse)
            assert status == 502 and argv[0] in str(body["error"]), body
            assert rouse.model("app")["state"] == "failed"
            assert not tree_of(rouse)


def test_a_folder_that_does_not_exist_is_told():
    with serve(app=program("serves", cwd="/nowhere/at-all")) as rouse:
        status, _, body = rouse.chat("app")
        assert status == 502 and "working directory" in str(body)


def test_one_that_exits_at_once_leaves_its_last_lines():
    with serve(app=program("exits")) as rouse:
        status, _, body = load(rouse)
        assert status == 502, body
        assert "exited with code 7" in body["error"]["message"]
        assert "first line\ncannot find the weights" in body["error"]["context"]
        until_nothing_is_left(rouse)


@pytest.mark.parametrize("where", ["{socket}", "{port}"])
def test_one_that_never_listens_is_given_up_in_time(where):
    with serve("1s", app=program("never-listens", where=where)) as rouse:
        status, _, body = load(rouse)
        assert status == 502, body
        assert re.search(r"not ready after \d+ s", body["error"]["message"]), body
        assert "thinking" in body["error"]["context"]
        until_nothing_is_left(rouse)


def test_one_that_listens_and_dies_leaves_its_last_lines():
    with serve(app=program("listens-and-dies")) as rouse:
        status, _, body = load(rouse)
        assert status == 502 and "exited with code 5" in body["error"]["message"], body
        assert "listening, but not for long" in body["error"]["context"]
        until_nothing_is_left(rouse)
    with serve(app=program("dies-when-asked", where="{port}")) as rouse:
        status, _, body = load(rouse)
        assert status == 502 and "exited with code 3" in body["error"]["message"], body
        assert body["error"]["context"].count("serving on") == 1  # nobody took its port: it was started once
        until_nothing_is_left(rouse)


def test_one_that_is_never_well_is_told_by_what_its_health_path_answers():
    with serve("1s", app=program("never-well", health="/ok?deep=1")) as rouse:
        status, _, body = load(rouse)
        assert status == 502, body
        assert "GET /ok?deep=1: 500 and not 200" in body["error"]["message"]
        until_nothing_is_left(rouse)


def test_one_that_ignores_sigterm_is_killed_after_its_grace():
    with serve(app=program("ignores-sigterm", grace="300ms")) as rouse:
        assert load(rouse)[0] == 200
        status, _, receipt = rouse.post("/rouse/v1/models/app/unload")
        assert status == 200, receipt
        assert receipt["took_ms"] >= 300
        assert "not now" in rouse.get("/rouse/v1/models/app/logs")
        until_nothing_is_left(rouse)


def test_one_that_goes_to_the_background_is_told_so_and_does_not_stay_there():
    with serve(app=program("goes-to-the-background")) as rouse:
        status, _, body = load(rouse)
        assert status == 502, body
        assert "exited with code 0" in body["error"]["message"] and "foreground" in body["error"]["message"]
        until_nothing_is_left(rouse)


def test_what_one_writes_is_bounded():
    with serve(app=program("chatters", str(20_000_000))) as rouse:
        assert load(rouse)[0] == 200
        resident = int(Path(f"/proc/{rouse.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert resident < 64 << 20
        text = until(lambda: (t := rouse.get("/rouse/v1/models/app/logs?lines=100000")).count("serving on") and t,
                     "its last line has come")
        assert len(text) < 1 << 20


def test_one_that_breaks_off_in_an_answer_cuts_that_answer_and_is_started_anew():
    with serve(app=program("breaks-off")) as rouse:
        with pytest.raises(http.client.IncompleteRead):
            rouse.chat("app")
        until(lambda: rouse.state("app") != "ready", "its end is noticed")
        until(lambda: not tree_of(rouse), "no process is left")
        until(lambda: load(rouse)[0] == 200, "it is loaded again")


def test_one_that_dies_each_time_it_is_well_is_given_up_with_its_last_lines_and_another_answers():
    with serve(app=program("well-and-dies"), other=program("serves"),
               backed=program("well-and-dies", fallback=["other"])) as rouse:
        status, _, body = rouse.chat("app")
        assert status == 502 and "exited with code 6" in body["error"]["message"], body
        assert "well, and leaving" in rouse.model("app")["error"]
        until(lambda: not tree_of(rouse), "no process is left")
        status, headers, body = rouse.chat("app")  # or it waited out the pause, and found the same
        assert status == 502 and "exited with code 6" in str(body), body
        status, headers, _ = rouse.chat("backed")
        assert status == 200 and headers["x-rouse-model"] == "other"


def test_whoever_asks_one_that_dies_of_it_hears_how_it_ended():
    with serve(app=program("dies-in-an-answer")) as rouse:
        status, _, body = rouse.chat("app")
        assert status == 502 and "its worker ended while it answered: exited with code 8" in body["error"]["message"], body
        until(lambda: "the weights are gone" in rouse.text(), "the log has its last lines")


def test_what_one_says_as_it_fails_unforeseen_is_for_the_log():
    with serve(app=program("shows-a-traceback")) as rouse:
        for path in ("/v1/chat/completions", "/v1/images/generations"):
            status, _, body = rouse.post(path, {"model": "app", "prompt": "x", "messages": []})
            assert status == 502 and body["error"]["message"] == 'model "app" failed: it answered with status 500', body
            until(lambda: "token=secret" in rouse.text(), "the log has it")


def test_one_that_has_too_much_to_do_says_when_to_come_again():
    with serve(app=program("is-overloaded")) as rouse:
        status, headers, body = rouse.chat("app")
        assert status == 503 and headers["retry-after"] == "7", (status, headers)
        assert body["error"]["message"] == 'model "app" failed: it answered with status 503', body


def test_one_that_falls_silent_as_it_fails_keeps_nobody_waiting():
    with serve(app=program("falls-silent-as-it-fails")) as rouse:
        asked = {"model": "app", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
        assert rouse.post("/v1/chat/completions", asked)[0] == 502
        status, _, body = rouse.post("/v1/messages", asked)
        assert status == 500 and body["error"]["message"] == "the engine answered with status 500", body
        until(lambda: rouse.model("app")["leases"] == 0, "nobody is with it any more")


@pytest.mark.parametrize("where", ["{socket}", "{port}"])
def test_one_that_lives_and_listens_no_more_is_ended_and_started_anew(where):
    with serve(app=program("stops-listening", where=where)) as rouse:
        first = load(rouse)[2]["pid"]

        def other():
            status, _, body = rouse.chat("app")
            assert status in (200, 502), body  # who stood in its queue as it closed that is told to try again
            return status == 200 and rouse.model("app")["pid"] != first

        until(other, "another worker answers")
        assert not alive(first)
        logs = rouse.get("/rouse/v1/models/app/logs")
        assert "nobody listens any more where it was told to" in logs and "listening no more" in logs


# --- ports that others take ---------------------------------------------------------------------------------------


class Thief:
    """Listens on the port that a worker is about to listen on, the first `times`; answers 200 to everything there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"stolen")

        do_POST = do_GET

        def log_message(self, *_):
            pass

    def __init__(self, times: int):
        self.times = times
        self.taken: list[int] = []
        self.asked: list[str] = []
        self.servers: list[http.server.HTTPServer] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.door.getsockname()[1])
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.door.accept()
                with connection:
                    port = int(connection.makefile().readline())
                    if len(self.taken) < self.times:
                        self.steal(port)
                    connection.sendall(b"go on\n")

    def steal(self, port: int):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self.Handler)
        server.asked = self.asked
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        self.taken.append(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.door.close()
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.mark.parametrize("what", ["asks-the-thief", "asks-the-thief-and-waits"])
def test_a_port_that_another_program_takes_first_does_not_fail_the_load(what):
    with Thief(2) as thief, serve(app=program(what, thief.port, where="{port}")) as rouse:
        status, _, answer = rouse.chat("app")
        assert status == 200 and int(answer["argv"][2]) not in thief.taken, answer
        assert len(thief.taken) == 2
        assert thief.asked == []  # what others serve is not even asked whether it is well
        assert rouse.model("app")["loads"] == 1
        assert str(thief.taken[0]) in rouse.get("/rouse/v1/models/app/logs")


def test_ports_that_are_taken_again_and_again_are_named():
    with Thief(100) as thief, serve(app=program("asks-the-thief", thief.port, where="{port}")) as rouse:
        status, _, body = load(rouse)
        assert status == 502 and str(thief.taken[-1]) in body["error"]["message"], body
        assert "other programs" in body["error"]["message"] and "killed" not in body["error"]["message"]
        logs = rouse.get("/rouse/v1/models/app/logs")
        assert [port for port in thief.taken if str(port) not in logs] == []
        until_nothing_is_left(rouse)


def test_nothing_outlives_the_daemon():
    with serve(app=program("ignores-sigterm", where="{port}", grace="60s")) as rouse:
        assert load(rouse)[0] == 200
        tree = tree_of(rouse)
        assert len(tree) >= 2
        rouse.process.send_signal(signal.SIGKILL)
        assert rouse.process.wait(BOUND) == -signal.SIGKILL
        until(lambda: not any(alive(pid) for pid in tree), "no process is left")


# --- what it can be told ------------------------------------------------------------------------------------------


def test_one_that_drops_its_caches_is_trimmed_with_a_receipt():
    with serve(app=program("caches", trim={"path": "/trim"})) as rouse:
        status, _, body = rouse.post("/rouse/v1/models/app/trim")
        assert status == 409 and "it is cold" in body["error"]["message"], body
        assert load(rouse)[0] == 200
        status, _, receipt = rouse.post("/rouse/v1/models/app/trim")
        assert status == 200, receipt
        assert 60 << 20 < receipt["freed"]["host"] < 80 << 20, receipt
        assert receipt["reason"] == "trimmed" and rouse.state("app") == "ready"


def test_one_is_neither_stopped_nor_put_to_sleep_while_it_is_trimmed(tmp_path):
    gate = Gate(tmp_path)
    app = program("trims-at-a-gate", str(gate.pipe), trim={"path": "/trim"}, keep="0s")
    with serve(app=app) as rouse, ThreadPoolExecutor(1) as pool:
        rouse.post("/rouse/v1/models/app/pin")
        assert load(rouse)[0] == 200
        trimmed = pool.submit(rouse.post, "/rouse/v1/models/app/trim")
        until(lambda: rouse.model("app")["leases"] == 1, "it is being trimmed")
        rouse.post("/rouse/v1/models/app/unpin")
        assert rouse.state("app") == "ready"  # though nothing keeps it any more
        gate.open()
        assert trimmed.result()[0] == 200
        until(lambda: rouse.state("app") == "cold", "its time is over")


def test_the_receipt_of_one_that_ends_step_by_step_is_of_all_that_it_held(tmp_path):
    gate = Gate(tmp_path)
    app = program("preforks-and-ends-step-by-step", str(gate.pipe), footprint={"host": "300MiB"})
    with RouseDaemon({"policy": {"settle": "50ms"}, "models": {"app": app}}) as rouse, ThreadPoolExecutor(1) as pool:
        assert load(rouse)[0] == 200
        until(lambda: rouse.model("app")["footprint_source"] == "learnt", "it has settled")
        held = rouse.model("app")["footprint"]["host"]
        unloading = pool.submit(rouse.post, "/rouse/v1/models/app/unload")
        until(lambda: len(tree_of(rouse)) == 2, "its supervisor and its first process are left")
        rouse.get("/rouse/v1/devices")  # takes a sample
        gate.open()
        receipt = unloading.result()[2]
        assert abs(receipt["freed"]["host"] - held) < 8 << 20, (receipt, held)


def test_one_that_cannot_be_trimmed_says_so():
    with serve(a=program("serves"), b=program("serves", trim={"path": "/nowhere", "method": "PUT"})) as rouse:
        assert load(rouse, "a")[0] == load(rouse, "b")[0] == 200
        status, _, body = rouse.post("/rouse/v1/models/a/trim")
        assert status == 409 and "names no way to" in body["error"]["message"], body
        status, _, body = rouse.post("/rouse/v1/models/b/trim")
        assert status == 502 and "PUT /nowhere with 501" in body["error"]["message"], body


def says(status: int, answer: object, **entry) -> dict:
    return program("says", str(status), json.dumps(answer), estimate={"path": "/memory"}, **entry)


def test_one_that_says_what_it_will_take_is_believed_before_it_takes_it():
    models = {"a": says(200, {"host": "150MiB"}), "b": program("serves")}
    settings = {"budgets": {"host": {"limit": "200MiB"}}, "policy": {"settle": "50ms"}, "models": models}
    with RouseDaemon(settings) as rouse:
        assert load(rouse, "a")[0] == 200
        model = rouse.model("a")
        assert model["footprint"] == model["estimated"] == {"host": 150 << 20}, model
        assert model["footprint_source"] == "estimated" and model["configured"] == {"host": 64 << 20}, model
        assert rouse.model("a")["learnt"]["footprint"] == {"host": 150 << 20}
        until(lambda: rouse.model("a")["learnt"]["peak"], "it has settled")
        assert rouse.model("a")["footprint"] == {"host": 150 << 20}
        assert rouse.model("a")["learnt"]["peak"]["host"] < 150 << 20  # of what it is seen to hold
        assert load(rouse, "b")[0] == 200
        assert rouse.state("a") == "cold"  # 150 MiB and 64 MiB are more than there is
        assert rouse.model("a")["footprint"] == {"host": 150 << 20}  # and a start of it asks for that from now on


def test_one_that_sleeps_keeps_only_what_it_holds_asleep_of_what_it_says():
    sleep = {"path": "/sleep?level=1", "footprint": {"host": "40MiB"}}
    app = says(200, {"host": "150MiB"}, sleep=sleep, wake={"path": "/wake_up"}, keep="0s")
    with serve(app=app) as rouse:
        assert load(rouse)[0] == 200
        until(lambda: rouse.state("app") == "asleep", "it sleeps when its time is over")
        until(lambda: rouse.model("app")["footprint"]["host"] < 41 << 20, "what it keeps is seen")
        rouse.post("/rouse/v1/models/app/pin")
        assert rouse.chat("app")[0] == 200
        until(lambda: rouse.model("app")["footprint"] == {"host": 150 << 20}, "awake it counts as it says")


@pytest.mark.parametrize(("status", "answer", "why"), [
    (500, {}, "GET /memory: 500 and not 2xx"),
    (200, [1], "GET /memory: it is no such JSON; expected sizes by device"),
    (200, {"host": "900TiB"}, "and models may have"),
    (200, {"disk": 1}, '"disk" is no device; expected sizes by device'),
    (200, {"gpu7": 1 << 20}, "its program says that it takes 1 MiB of gpu7, which its footprint does not name"),
])
def test_one_that_says_nothing_of_use_is_served_all_the_same(status, answer, why):
    with serve(app=says(status, answer)) as rouse:
        assert load(rouse)[0] == 200
        assert rouse.model("app")["footprint"] == {"host": 64 << 20}
        assert rouse.model("app")["estimated"] is None
        until(lambda: why in rouse.text(), "the log says why")


def test_a_preload_that_cannot_be_says_so_and_one_that_has_to_wait_too():
    models = {"vast": program("serves", preload=True, footprint={"host": "9GiB"}), "one": program("serves", preload=True),
              "two": program("serves", preload=True)}
    with RouseDaemon({"budgets": {"host": {"limit": "100MiB"}}, "models": models}) as rouse:
        until(lambda: "vast: not preloaded: it is larger" in rouse.text(), "it is told of the one that is too large")
        until(lambda: rouse.text().count("waits for free memory before it is preloaded") == 1, "and of the one that waits")


# --- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry,words", [
    ({"command": ["x"]}, "does not tell its program where to listen"),
    ({"command": ["x", "{port}", "{socket}"]}, "has both {socket} and {port}"),
    ({"command": ["x", "{port}", "{host}"]}, "unknown placeholder {host}"),
    ({"command": ["x", "{port}", "{model}"]}, "no source"),
    ({"command": ["x", "{port}"], "footprint": {}}, "has no footprint"),
    ({"command": "x {port}"}, "command: expected a list"),
    ({"command": ["x", "{port}"], "health": "ok"}, "health: expected a path"),
    ({"command": ["x", "{port}"], "env": {"A B": "c"}}, "cannot name a variable"),
    ({"command": ["x", "{port}"], "grace": "soon"}, "grace: expected a duration"),
])
def test_what_cannot_be_is_a_mistake_in_the_configuration(entry, words):
    rouse = RouseDaemon({"models": {"app": {"engine": "command", "footprint": {"host": "1MiB"}, **entry}}}, check=False)
    with rouse:
        assert rouse.process.wait(BOUND) == 2
    assert words in rouse.text()
