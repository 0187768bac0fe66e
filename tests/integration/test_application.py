"""Applications behind Rouse as they are: every byte passed through, woken by whoever comes first, kept while somebody is
there."""

import contextlib
import http.client
import json
import os
import re
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import websockets.exceptions
from websockets.sync.client import connect

from tests.integration.test_command import program, tree_of
from tests.support.exchanges import Request, answer, recorded
from tests.support.rouse_daemon import BOUND, RouseDaemon, events, until

SUPPORT = Path(__file__).resolve().parents[1] / "support"
KEY = "rouse_0123456789abcdef0123456789abcdef0123456789abcdef"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def app(name: str, *more: str, **entry) -> dict:
    return {"engine": "command", "command": [sys.executable, str(SUPPORT / name), "{port}", *more],
            "footprint": {"host": "128MiB"}, "listen": "127.0.0.1:0", **entry}


def serve(**models) -> RouseDaemon:
    return RouseDaemon({"models": models})


def home(rouse, name: str = "studio") -> int:
    """The port of the application's own address."""
    pattern = rf"{name} is on http://127\.0\.0\.1:(\d+)"
    return int(until(lambda: re.findall(pattern, rouse.text()), "it listens")[-1])


def own_port(rouse, name: str = "studio") -> int:
    """Where the worker itself listens."""
    command = Path(f"/proc/{rouse.model(name)['pid']}/cmdline").read_bytes().split(b"\0")
    return int(command[2])


def get(port: int, path: str = "/", headers: dict | None = None, method: str = "GET", body: bytes | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        got = connection.getresponse()
        return got.status, got.headers, got.read()


class Gate:
    """Where an application waits until it is let in."""

    def __init__(self):
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.door.getsockname()[1])
        self.opened = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.door.accept()
                with connection:
                    self.opened.wait(BOUND)
                    connection.sendall(b"in\n")

    def open(self):
        self.opened.set()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.open()
        self.door.close()


# --- byte for byte ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,targets,methods", [
    ("flask_app.py", ["/gzip", "/file", "/elsewhere", "/large", "/broken", "/echo/\xe2\x82\xac?x=\xe2\x82\xac"],
     ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"]),
    ("uvicorn_app.py", ["/openapi.json", "/docs"], ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
])
def test_answers_are_those_of_the_application_asked_directly(name, targets, methods):
    with RouseDaemon({"models": {"org/studio": app(name)}}) as rouse:
        listen = home(rouse, "org/studio")
        assert get(listen, "/health")[0] == 200
        direct = own_port(rouse, "org/studio")
        for request in recorded(seed=7, count=200, targets=targets, methods=methods):
            itself = answer(direct, request)
            for other in (answer(listen, request), answer(rouse.port, request.below("/rouse/v1/models/org/studio/app"))):
                assert other == itself, request


def test_a_body_is_sent_after_100_continue():
    with serve(studio=app("flask_app.py")) as rouse:
        for port, prefix in ((home(rouse), ""), (rouse.port, "/rouse/v1/models/studio/app")):
            with socket.create_connection(("127.0.0.1", port), timeout=BOUND) as client:
                client.sendall(f"POST {prefix}/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                               "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
                assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
                client.sendall(b"hello")
                whole = b"".join(iter(lambda: client.recv(65536), b""))
                assert whole.startswith(b"HTTP/1.1 200 OK") and b'"length": 5' in whole


def test_the_path_without_its_last_slash_leads_to_the_application():
    with serve(studio=app("flask_app.py")) as rouse:
        status, headers, _ = rouse.ask("GET", "/rouse/v1/models/studio/app?a=b")
        assert status == 308 and headers["Location"] == "/rouse/v1/models/studio/app/?a=b"
        assert rouse.state("studio") == "cold"


# --- waking -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flask_app.py", "uvicorn_app.py"])
def test_200_first_requests_at_once_start_one_process_and_are_all_answered(name):
    with serve(studio=app(name)) as rouse, ThreadPoolExecutor(200) as pool:
        port = home(rouse)
        answers = list(pool.map(lambda _: get(port), range(200)))
        assert [status for status, _, _ in answers] == [200] * 200
        assert rouse.model("studio")["loads"] == 1
        assert len(tree_of(rouse)) == 2  # the worker, and who watches over it


def test_a_browser_sees_a_page_while_it_wakes_and_everybody_else_waits():
    with Gate() as gate, serve(studio=app("uvicorn_app.py", gate.port)) as rouse, ThreadPoolExecutor(4) as pool:
        port = home(rouse)
        for where, prefix in ((port, ""), (rouse.port, "/rouse/v1/models/studio/app")):
            status, headers, page = get(where, prefix + "/", PAGE)
            assert status == 503 and headers["Retry-After"] == "1"
            assert headers.get_content_type() == "text/html"
            assert b"studio is waking" in page and b"http://" not in page and b"src=" not in page
            status, _, told = get(where, prefix + "/", {**PAGE, "X-Rouse-Progress": "json"})
            assert status == 200
            assert json.loads(told)["state"] == "loading" and json.loads(told)["waiting"] >= 1
        others = [pool.submit(get, port), pool.submit(get, port, "/", {"Accept": "application/json"}),
                  pool.submit(get, port, "/echo", PAGE, "POST", b"x")]
        until(lambda: rouse.model("studio")["waiting"] >= 4, "they wait")  # the page's own request among them
        gate.open()
        assert [answer.result()[0] for answer in others] == [200] * 3
        until(lambda: json.loads(get(port, "/", {"X-Rouse-Progress": "json"})[2])["state"] == "ready", "it is ready")
        status, _, page = get(port, "/", PAGE)
        assert status == 200 and b"<h1>Studio</h1>" in page
        assert rouse.model("studio")["loads"] == 1


def test_the_page_turns_into_the_application_though_that_is_kept_for_no_time():
    with Gate() as gate, serve(studio=app("uvicorn_app.py", gate.port, keep="0", concurrency=1)) as rouse:
        port = home(rouse)
        assert get(port, "/", PAGE)[0] == get(port, "/", PAGE)[0] == 503
        gate.open()
        until(lambda: json.loads(get(port, "/", {"X-Rouse-Progress": "json"})[2])["state"] == "ready", "it is ready")
        assert get(port, "/", PAGE)[0] == 200
        assert rouse.model("studio")["loads"] == 1
        rouse.until_state("studio", "cold")


def fallbacks(rouse) -> dict:
    """How often (the asked, why, who served)."""
    counted = re.findall(r'^rouse_fallbacks_total{model="(\w+)",reason="(\w+)",served_by="(\w+)"} (\d+)$',
                         rouse.get("/metrics"), re.M)
    return {tuple(labels): int(count) for *labels, count in counted}


def test_another_application_answers_for_one_that_cannot_be_started():
    broken = app("uvicorn_app.py", fallback=["far", "spare"])
    broken["command"] = ["false", "{port}"]
    far = {"engine": "remote", "url": "http://127.0.0.1:1"}  # no application: it would be shown the client's cookies
    with serve(studio=broken, far=far, spare=app("uvicorn_app.py"), alone={**broken, "fallback": "far"}) as rouse:
        for port, prefix in ((home(rouse), ""), (rouse.port, "/rouse/v1/models/studio/app")):
            status, headers, page = get(port, prefix + "/")
            assert status == 200 and b"<h1>Studio</h1>" in page and headers["X-Rouse-Model"] == "spare"
        status, _, echoed = get(home(rouse), "/echo", method="POST", body=b"x" * 100_000)
        assert status == 200 and json.loads(echoed)["length"] == 100_000
        until(lambda: fallbacks(rouse) == {("studio", "failed", "spare"): 3}, "all are counted")
        status, _, body = get(home(rouse, "alone"))
        assert status == 502 and b"alone" in body and b"far" in body and b"is no application" in body


def test_another_application_answers_while_one_wakes_and_no_page_is_needed():
    with Gate() as gate:
        with serve(studio=app("uvicorn_app.py", gate.port, fallback_while_loading="spare"),
                   spare=app("uvicorn_app.py")) as rouse:
            assert get(home(rouse, "spare"))[0] == 200
            for headers in (PAGE, {}):
                status, head, page = get(home(rouse), "/", headers)
                assert status == 200 and b"<h1>Studio</h1>" in page and head["X-Rouse-Model"] == "spare"
            rouse.until_state("studio", "loading")
            with connect(f"ws://127.0.0.1:{home(rouse)}/ws") as socket_:
                socket_.send("hello")
                assert "hello" in socket_.recv(BOUND)
            gate.open()
            rouse.until_state("studio", "ready")
            status, head, _ = get(home(rouse))
            assert status == 200 and head["X-Rouse-Model"] is None
            until(lambda: fallbacks(rouse) == {("studio", "loading", "spare"): 3}, "all are counted")


def test_a_browser_that_leaves_the_page_has_woken_it_nevertheless():
    with Gate() as gate, serve(studio=app("uvicorn_app.py", gate.port)) as rouse:
        assert get(home(rouse), "/", PAGE)[0] == 503
        gate.open()
        rouse.until_state("studio", "ready")
        until(lambda: rouse.model("studio")["leases"] == 0, "nobody is waited for any more")


def test_a_browser_is_told_why_there_is_no_application():
    broken = {**app("x"), "command": ["no-such-program", "{port}"]}
    with serve(studio=broken) as rouse:
        status, headers, page = get(home(rouse), "/", PAGE)
        assert status == 502 and headers.get_content_type() == "text/html"
        assert b"no-such-program" in page and headers["X-Request-Id"].encode() in page
        status, headers, body = get(home(rouse))
        assert status == 502 and headers.get_content_type() == "application/json"
        assert "no-such-program" in json.loads(body)["error"]["message"]


def test_whoever_does_not_want_to_wake_it_does_not():
    with serve(studio=app("flask_app.py")) as rouse:
        assert get(home(rouse), "/", {"X-Rouse-Load": "only-if-ready"})[0] == 503
        assert get(home(rouse), "/", {"X-Rouse-Progress": "json"})[0] == 200
        assert rouse.state("studio") == "cold"


# --- what stays open ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lively():
    with serve(studio=app("uvicorn_app.py", keep="0")) as rouse:
        yield rouse


def sockets(rouse) -> list[str]:
    return [f"ws://127.0.0.1:{home(rouse)}/ws", f"ws://127.0.0.1:{rouse.port}/rouse/v1/models/studio/app/ws"]


def test_a_websocket_passes_both_ways_whatever_is_said(lively):
    for url in sockets(lively):
        with connect(url, subprotocols=["chat"], max_size=None) as client:
            assert client.subprotocol == "chat"
            for message in ["hello", "", "é" * 1000, b"", bytes(range(256)), "x" * 3_000_000, b"y" * 1_000_000]:
                client.send(message)
                assert client.recv(BOUND) == message


def test_it_is_kept_while_a_websocket_is_open_and_no_longer(lively):
    for url in sockets(lively):
        with connect(url) as client:
            pid = lively.model("studio")["pid"]
            assert get(home(lively))[0] == 200  # ended, and it is kept for 0
            assert lively.model("studio")["leases"] == 1
            client.send("still there")
            assert client.recv(BOUND) == "still there"
            assert lively.model("studio")["pid"] == pid
        lively.until_state("studio", "cold")


def test_a_websocket_ends_when_either_side_ends_it(lively):
    for url in sockets(lively):
        with connect(url) as client:
            client.send("leave")
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                client.recv(BOUND)
            assert closed.value.rcvd.code == 4001 and closed.value.rcvd.reason == "asked to"
        lively.until_state("studio", "cold")
        client = connect(url)
        client.socket.shutdown(socket.SHUT_RDWR)  # without a word
        lively.until_state("studio", "cold")
        with connect(url) as client:
            client.send("die")
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                client.recv(BOUND)
        until(lambda: lively.state("studio") != "ready", "its end is noticed")
        until(lambda: lively.post("/rouse/v1/models/studio/load")[0] == 200, "it is back")


def test_a_websocket_does_not_keep_it_from_those_who_have_waited_for_its_memory():
    config = {"budgets": {"host": {"limit": "150MiB"}}, "policy": {"patience": "50ms", "settle": "1h"},
              "models": {"studio": app("uvicorn_app.py", min_residency="0s"), "other": app("flask_app.py", min_residency="0s")}}
    with RouseDaemon(config) as rouse, connect(f"ws://127.0.0.1:{home(rouse)}/ws") as client:
        client.send("here")
        assert client.recv(BOUND) == "here"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(get, home(rouse, "other"))
            until(lambda: rouse.model("studio")["drains_for"] == "model other", "it drains")
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                client.recv(BOUND)
            assert waiting.result()[0] == 200
        assert rouse.state("studio") == "cold" and rouse.state("other") == "ready"
        with connect(f"ws://127.0.0.1:{home(rouse)}/ws") as again:  # and has a turn again
            again.send("back")
            assert again.recv(BOUND) == "back"


def test_a_refused_upgrade_is_an_answer_like_any_other(lively):
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{home(lively)}/nothing")
    assert refused.value.response.status_code == 403


def test_events_come_one_by_one_while_the_answer_is_open(lively):
    for port, prefix in ((home(lively), ""), (lively.port, "/rouse/v1/models/studio/app")):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
        connection.request("GET", prefix + "/events")
        stream = connection.getresponse()
        assert stream.headers.get_content_type() == "text/event-stream"
        for said in ["one", "two", "three"]:
            assert get(port, prefix + "/events", method="POST", body=said.encode())[0] == 200
            assert next(events(stream)) == said
        assert get(port, prefix + "/events", method="POST", body=b"end")[0] == 200
        assert stream.read().strip() == b""


# --- addresses ----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_reload_opens_hands_on_and_closes_addresses():
    first, second = free_port(), free_port()
    one = app("flask_app.py", listen=f"127.0.0.1:{first}")
    two = app("uvicorn_app.py", listen=f"127.0.0.1:{second}")
    with serve(one=one) as rouse:
        assert get(first, "/echo")[1]["Server"].startswith("Werkzeug")
        pid = rouse.model("one")["pid"]
        rouse.reconfigure({"models": {"one": {**one, "listen": f"127.0.0.1:{second}"},
                                      "two": {**two, "listen": f"127.0.0.1:{first}"}}})
        assert rouse.post("/rouse/v1/reload")[0] == 200
        assert get(second, "/echo")[1]["Server"].startswith("Werkzeug")
        assert get(first, "/echo")[1].get_all("Server") == ["uvicorn", "studio"]
        assert rouse.model("one")["pid"] == pid  # an address is no reason to stop it
        rouse.reconfigure({"models": {"two": two}})
        assert rouse.post("/rouse/v1/reload")[0] == 200
        assert refuses(first)
        assert get(second, "/echo")[1].get_all("Server") == ["uvicorn", "studio"]


def test_a_taken_address_is_named_and_nothing_changes():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        with RouseDaemon({"models": {"studio": app("flask_app.py", listen=address)}}, check=False) as rouse:
            assert rouse.process.wait(BOUND) == 1
        assert address in rouse.text() and "studio" in rouse.text()
        other = free_port()
        with serve(studio=app("flask_app.py")) as rouse:
            rouse.reconfigure({"models": {"a": app("flask_app.py", listen=f"127.0.0.1:{other}"),
                                          "studio": app("flask_app.py", listen=address)}})
            status, _, body = rouse.post("/rouse/v1/reload")
            assert status == 422 and address in body["error"]["message"], body
            assert refuses(other)
            assert get(home(rouse), "/health")[0] == 200


@pytest.mark.parametrize("models,words", [
    ({"a": app("x", listen="0.0.0.0:5160")}, "other machines can reach 0.0.0.0:5160"),
    ({"a": app("x", listen="5160")}, "listen: expected an address"),
    ({"a": app("x", listen="127.0.0.1:5160"), "b": app("x", listen="127.0.0.1:5160")}, 'is model "a"\'s already'),
    ({"a": {"engine": "llama", "source": "x", "listen": "127.0.0.1:5160"}}, 'unknown key "listen"'),
])
def test_addresses_that_cannot_be_are_mistakes_in_the_configuration(models, words):
    rouse = RouseDaemon({"models": models}, check=False)
    with rouse:
        assert rouse.process.wait(BOUND) == 2
    assert words in rouse.text()


# --- who may --------------------------------------------------------------------------------------------------------


def test_pages_of_other_sites_reach_no_application():
    with serve(studio=app("flask_app.py")) as rouse:
        port = home(rouse)
        for where, path in ((port, "/echo"), (rouse.port, "/rouse/v1/models/studio/app/echo")):
            assert get(where, path, {"Host": "rebound.example"})[0] == 403
            assert get(where, path, {"Origin": "https://elsewhere.example"}, "POST", b"a=b")[0] == 403
        assert rouse.state("studio") == "cold"
        own = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
        assert get(port, "/echo", own, "POST", b"a=b")[0] == 200


def test_keys_are_asked_for_on_rouses_address_and_never_passed_on():
    import hashlib
    keys = {"web": {"hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest(), "role": "use"}}
    with RouseDaemon({"keys": keys, "models": {"studio": app("flask_app.py")}}) as rouse:
        path = "/rouse/v1/models/studio/app/echo"
        assert get(rouse.port, path)[0] == 401
        status, _, body = get(rouse.port, path, {"Authorization": f"Bearer {KEY}", "Cookie": "session=1", "X-A": "b"})
        assert status == 200
        seen = dict(json.loads(body)["headers"])
        assert seen["Cookie"] == "session=1" and seen["X-A"] == "b"
        assert "Authorization" not in seen and KEY not in str(seen)
        status, _, body = get(home(rouse), "/echo", {"Authorization": "Basic YTpi"})
        assert status == 200 and dict(json.loads(body)["headers"])["Authorization"] == "Basic YTpi"


def test_only_programs_are_applications():
    with serve(chat={"engine": "remote", "url": "http://127.0.0.1:1"}) as rouse:
        status, _, body = rouse.ask("GET", "/rouse/v1/models/chat/app/")
        assert status == 409 and "is no application" in body["error"]["message"]
        assert rouse.ask("GET", "/rouse/v1/models/nobody/app/x")[0] == 404


def test_requests_that_open_nothing_leave_nothing():
    with serve(studio=app("uvicorn_app.py")) as rouse:
        request = Request("GET", "/echo", (("Host", "localhost"),))
        for _ in range(20):
            assert answer(home(rouse), request)["status"] == 200
        until(lambda: rouse.model("studio")["leases"] == 0, "no lease is left")
        assert rouse.post("/rouse/v1/models/studio/unload")[0] == 200
        until(lambda: not tree_of(rouse), "no process is left")


def test_a_client_has_connections_of_its_own_as_it_would_without_rouse():
    with serve(studio=app("uvicorn_app.py")) as rouse:
        port = home(rouse)
        once = [get(port, "/peer", method="POST", body=b"x")[2] for _ in range(5)]
        assert len(set(once)) == 5
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)) as kept:

            def posted() -> bytes:
                kept.request("POST", "/peer", b"x")
                return kept.getresponse().read()

            own = {posted() for _ in range(5)}
            assert len(own) == 1 and not own & set(once)


@pytest.mark.parametrize("where", ["{port}", "{socket}"])
def test_what_a_program_leaves_unread_is_no_part_of_another_clients_request(where):
    with serve(studio=program("reads-no-body", where=where, listen="127.0.0.1:0")) as rouse:
        port = home(rouse)
        for _ in range(10):
            assert get(port, "/", method="POST", body=b"GET /admin HTTP/1.1\r\nX: ")[0] == 401
            assert get(port)[0] == 200


@pytest.mark.parametrize("where", ["{port}", "{socket}"])
def test_a_kept_connection_that_ends_ends_for_its_client_too(where):
    """Who uses connections again begins anew then; a 502 would be the last word."""
    with serve(studio=program("hangs-up", where=where, listen="127.0.0.1:0")) as rouse:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", home(rouse), timeout=BOUND)) as kept:
            kept.request("POST", "/", b"x")
            assert kept.getresponse().read()
            kept.request("POST", "/", b"x")
            with pytest.raises(http.client.RemoteDisconnected):
                kept.getresponse()
            kept.request("POST", "/", b"x")
            assert kept.getresponse().status == 200
        assert rouse.model("studio")["state"] == "ready"


# --- servers that want care


@pytest.mark.parametrize("where", ["{port}", "{socket}"])
def test_a_crowd_before_a_server_of_one_connection_at_a_time_is_answered(where):
    """What a connection of ours is kept for must not be what the others wait for."""
    entry = program("one-at-a-time", where=where, listen="127.0.0.1:0")
    with serve(studio=entry) as rouse, ThreadPoolExecutor(14) as pool:
        port = home(rouse)
        crowd = [pool.submit(get, port, "/x", None, *(("GET",) if i % 2 else ("POST", b"x"))) for i in range(14)]
        assert [asked.result()[0] for asked in crowd] == [200] * 14
        assert get(port)[0] == 200


@pytest.mark.parametrize("where", ["{port}", "{socket}"])
def test_who_comes_while_one_listens_no_more_and_still_answers_is_for_the_next(where, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    entry = program("drains", str(gate), where=where, listen="127.0.0.1:0")
    with serve(studio=entry) as rouse, ThreadPoolExecutor(5) as pool:
        port = home(rouse)
        first = json.loads(get(port)[2])["pid"]
        slow = pool.submit(get, port, "/", None, "POST", b"x")
        until(lambda: "listening no more" in rouse.get("/rouse/v1/models/studio/logs"), "it drains")
        others = [pool.submit(get, port) for _ in range(4)]
        assert not wait(others, timeout=2).done
        gate.write_bytes(b"")
        assert (slow.result()[0], json.loads(slow.result()[2])["pid"]) == (200, first)
        assert {other.result()[0] for other in others} == {200}
        assert first not in {json.loads(other.result()[2])["pid"] for other in others}


def test_where_descriptors_are_few_nobody_is_ended_and_everybody_is_answered_in_the_end():
    with RouseDaemon({"models": {"studio": program("plain", where="{port}", listen="127.0.0.1:0")},
                      "limits": {"connections": 1000}}, command=("prlimit", "--nofile=200:200")) as rouse, ThreadPoolExecutor(150) as pool:
        port = home(rouse)
        assert "are enough for 36" in rouse.text()
        assert get(port)[0] == 200
        pid = rouse.model("studio")["pid"]

        def answered() -> int:
            with contextlib.suppress(ConnectionError):
                status = get(port)[0]
                return status if status != 503 else 0
            return 0

        crowd = [pool.submit(until, answered, "it is answered") for _ in range(300)]
        assert {asked.result() for asked in crowd} == {200}
        assert rouse.model("studio")["pid"] == pid
