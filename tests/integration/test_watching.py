"""Following what happens: server-sent events, and the daemon's own log."""

import contextlib
import http.client
import json
import re
import socket

import pytest

from tests.support import demo_models, schema
from tests.support.event_stream import EventStream
from tests.support.rouse_daemon import BOUND, RouseDaemon, until


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def text_model(models, **more) -> dict:
    return {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 1, "threads": 1, **more}


def serve(models, arguments: tuple[str, ...] = (), config: dict | None = None, **named) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": "8GiB"}}, "models": named, **(config or {})}, arguments=arguments)


def is_now(state: str):
    return lambda event: event.name == "model" and event.data["to"] == state


def ended(event) -> bool:
    return event.name == "request" and event.data["step"] == "ended"


# --- events -------------------------------------------------------------------------------------------------------


def test_a_reader_sees_a_request_wake_a_model_and_the_memory_come_back(models):
    with serve(models, chat=text_model(models, footprint={"host": "1GiB"})) as rouse:
        with EventStream(rouse.port) as stream:
            first = stream.next()
            assert first.name == "snapshot"
            assert [m["state"] for m in first.data["models"]] == ["cold"]
            assert rouse.chat("chat", headers={"X-Request-Id": "mine", "X-Rouse-Keep": "0"})[0] == 200
            seen = stream.until(lambda e: e.name == "device" and e.data["used_by_models"] == 0)
        transitions = [(e.data["from"], e.data["to"], e.data["trigger"]) for e in seen if e.name == "model"]
        assert transitions == [("cold", "loading", "start"), ("loading", "ready", "loaded"),
                               ("ready", "stopping", "stop"), ("stopping", "cold", "exited")]
        loading, stopping = (next(e for e in seen if is_now(s)(e)).data for s in ["loading", "stopping"])
        assert (loading["bytes_before"], loading["bytes_after"]) == (0, 1 << 30)
        assert stopping["reason"] == "idle"
        requests = [e.data for e in seen if e.name == "request"]
        assert [r["step"] for r in requests] == ["queued", "started", "ended"]
        assert {r["id"] for r in requests} == {"mine"}
        assert requests[-1]["outcome"] == "ok" and requests[-1]["bytes"] > 100
        assert requests[-1]["total_ms"] >= requests[-1]["load_ms"] > 0
        assert 1 << 30 in [e.data["used_by_models"] for e in seen if e.name == "device"]
        ids = [e.id for e in [first, *seen]]
        assert ids == sorted(set(ids)), "ids rise"
        document = rouse.get("/openapi.json")
        for event in [first, *seen]:
            wanted = {"$ref": f"#/components/schemas/{event.name.capitalize()}Event"}
            assert schema.faults(event.data, wanted, document) == [], event


def test_a_reader_that_comes_back_goes_on_where_it_was(models):
    with serve(models, chat=text_model(models)) as rouse:
        with EventStream(rouse.port) as stream:
            stream.next()
            assert rouse.chat("chat")[0] == 200
            seen = stream.until(ended)
        assert rouse.post("/rouse/v1/models/chat/unload")[0] == 200
        for event in [seen[0], seen[-1]]:
            with EventStream(rouse.port, last_id=event.id) as stream:
                after = stream.until(is_now("cold"))
            known = [e.id for e in seen if e.id > event.id]
            assert [e.id for e in after][:len(known)] == known
            assert after[0].name != "snapshot"


def test_a_reader_of_a_daemon_before_is_told_that_it_missed_something(models):
    with serve(models, chat=text_model(models)) as rouse:
        with EventStream(rouse.port, last_id=17) as stream:
            gap, snapshot = stream.next(), stream.next()
        assert (gap.name, snapshot.name) == ("gap", "snapshot")
        assert gap.data["from"] == 18 and gap.id == snapshot.id
        with EventStream(rouse.port, last_id=10**18) as stream:  # from the future
            assert stream.next().name == "snapshot"


def test_a_reader_chooses_what_it_hears(models):
    with serve(models, chat=text_model(models)) as rouse:
        with EventStream(rouse.port, "?only=request") as stream:
            stream.next()
            assert rouse.chat("chat")[0] == 200
            assert {e.name for e in stream.until(ended)} == {"request"}
        status, _, body = rouse.ask("GET", "/rouse/v1/events?only=models")
        assert status == 400 and "model, progress" in body["error"]["message"]


def ask_many(port: int, count: int):
    """Many requests that are refused at once, sent ahead on one connection; each answer is read."""
    body = b'{"model":"chat","messages":[]}'
    one = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           b"X-Rouse-Load: only-if-ready\r\nX-Request-Id: " + b"x" * 128 + b"\r\n"
           b"Content-Length: %d\r\n\r\n" % len(body)) + body
    batch = 50
    with socket.create_connection(("127.0.0.1", port), BOUND) as connection:
        for _ in range(count // batch):
            connection.sendall(one * batch)
            answered, rest = 0, b""
            while answered < batch:
                rest += connection.recv(1 << 20)
                answered += rest.count(b"HTTP/1.1 503")
                rest = rest[-len(b"HTTP/1.1 50"):]


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))


def test_a_reader_that_does_not_read_costs_no_memory_and_is_told_what_it_missed(models):
    with serve(models, chat=text_model(models)) as rouse:
        ask_many(rouse.port, 5000)  # the rings are full
        before = resident_bytes(rouse.process.pid)
        with EventStream(rouse.port) as stream:
            assert stream.next().name == "snapshot"
            ask_many(rouse.port, 30_000)  # far more than the rings and the kernel's buffers hold
            assert resident_bytes(rouse.process.pid) - before < 8 << 20
            seen = stream.until(lambda e: e.name == "gap")
            assert stream.next().name == "snapshot"
        assert seen[-1].data["to"] - seen[-1].data["from"] > 4000
        ids = [e.id for e in seen]
        assert ids[:-1] == list(range(ids[0], ids[0] + len(ids) - 1)), "none is missing before the gap"


def test_a_reload_is_told_and_a_removed_model_leaves_the_metrics(models):
    with serve(models, chat=text_model(models), old=text_model(models)) as rouse, EventStream(rouse.port) as stream:
        assert 'model="old"' in rouse.get("/metrics")
        stream.next()
        rouse.reconfigure({"budgets": {"host": {"limit": "8GiB"}}, "log": {"format": "json", "access": True},
                           "models": {"chat": text_model(models), "new": text_model(models)}})
        status, _, changed = rouse.post("/rouse/v1/reload")
        assert status == 200 and changed["settings"] == ["log"], changed
        seen = stream.until(lambda e: e.name == "config")[-1]
        assert seen.data["models"] == ["chat", "new"]
        document = rouse.get("/openapi.json")
        assert schema.faults(seen.data, {"$ref": "#/components/schemas/ConfigEvent"}, document) == []
        scraped = rouse.get("/metrics")
        assert 'model="old"' not in scraped and 'model="new"' in scraped
        until(lambda: any('"path":"/metrics"' in line for line in list(rouse.log)), "answers are logged, as JSON")


LONG = {"limits": {"drain": "1h", "send": "1h"}}  # longer than a test may last


def test_shutdown_ends_the_stream_at_once(models):
    with serve(models, config=LONG, chat=text_model(models)) as rouse:
        with EventStream(rouse.port) as stream:
            stream.next()
            rouse.process.terminate()
            assert list(stream) == []
        assert rouse.process.wait(BOUND) == 0


def test_shutdown_ends_a_log_that_is_followed_at_once(models):
    with serve(models, config=LONG, chat=text_model(models)) as rouse:
        assert rouse.chat("chat")[0] == 200
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", rouse.port, timeout=BOUND)) as connection:
            connection.request("GET", "/rouse/v1/models/chat/logs?follow=true")
            answer = connection.getresponse()
            assert answer.readline()
            rouse.process.terminate()
            answer.read()  # to its end, in order
        assert rouse.process.wait(BOUND) == 0


def test_shutdown_does_not_wait_for_a_reader_that_does_not_read(models):
    with serve(models, config=LONG, chat=text_model(models)) as rouse:
        with EventStream(rouse.port) as stream:
            stream.next()
            ask_many(rouse.port, 30_000)  # more than the kernel's buffers hold
            rouse.process.terminate()
            assert rouse.process.wait(BOUND) == 0


# --- the daemon's log ---------------------------------------------------------------------------------------------


def test_a_transition_is_a_line_with_stage_and_bytes(models):
    with serve(models, chat=text_model(models, footprint={"host": "1GiB"})) as rouse:
        assert rouse.chat("chat", headers={"X-Rouse-Keep": "0"})[0] == 200
        rouse.until_state("chat", "cold")
        until(lambda: "stopping → cold" in rouse.text(), "the log says so")
        for line in ["chat: cold → loading (start), worker 1, 0 B → 1 GiB",
                     "chat: loading → ready (loaded), worker 1, 1 GiB → 1 GiB",
                     "chat: ready → stopping (stop: idle), worker 1, 1 GiB → 1 GiB"]:
            assert line in rouse.text()
        assert "/v1/chat/completions" not in rouse.text(), "an access log only if asked for"


@pytest.mark.parametrize("how", ["flag", "file"])
def test_as_json_every_line_is_an_object(models, how):
    arguments = ("--log-format", "json") if how == "flag" else ()
    log = {"access": True} if how == "flag" else {"access": True, "format": "json"}
    with serve(models, arguments, {"log": log}, chat=text_model(models, footprint={"host": "1GiB"})) as rouse:
        assert rouse.chat("chat", headers={"X-Request-Id": "mine"})[0] == 200
        lines = until(lambda: [json.loads(line) for line in list(rouse.log) if '"access"' in line and "mine" in line] and
                      [json.loads(line) for line in list(rouse.log)], "the answer is logged")
        assert all({"time", "level", "message"} <= set(line) for line in lines)
        transition = next(line for line in lines if line.get("event") == "transition")
        assert (transition["model"], transition["from"], transition["to"]) == ("chat", "cold", "loading")
        assert (transition["bytes_before"], transition["bytes_after"]) == (0, 1 << 30)
        access = next(line for line in lines if line.get("request") == "mine")
        assert (access["method"], access["path"], access["status"]) == ("POST", "/v1/chat/completions", 200)
        assert (access["model"], access["client"]) == ("chat", "127.0.0.1")
        assert access["bytes"] > 100 and access["load_seconds"] > 0
        assert parts_of(access) == {"queue", "load", "prompt", "generation"}
        messages = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
        assert rouse.post("/v1/messages/count_tokens", messages, headers={"X-Request-Id": "count"})[0] == 200
        line = until(lambda: next((line for line in list(rouse.log) if '"count"' in line), None), "it is logged")
        assert parts_of(json.loads(line)) == {"queue", "load", "answer"}, "it comes in one piece"
        assert rouse.chat("nobody", headers={"X-Request-Id": "refused"})[0] == 404
        line = until(lambda: next((line for line in list(rouse.log) if "refused" in line), None), "it is logged")
        assert parts_of(json.loads(line)) == set()


def parts_of(access: dict) -> set[str]:
    """The parts of the time that are told; together they are all of it."""
    parts = {name.removesuffix("_seconds"): value for name, value in access.items() if name.endswith("_seconds")}
    assert not parts or (min(parts.values()) >= 0 and abs(sum(parts.values()) - access["seconds"]) < 2e-3), access
    return set(parts)


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"deadline": "100s"}])
def test_as_text_an_answers_line_tells_where_the_time_went(models, more):
    parts = ["queue", "load", "prompt", "generation"]
    with serve(models, config={"log": {"access": True}}, chat=text_model(models)) as rouse:
        assert rouse.chat("chat", **more)[0] == 200
        line = until(lambda: next((line for line in list(rouse.log) if "/v1/chat/completions 200" in line), None), "it is logged")
        assert re.search(r" in \d+\.\d{3} s \(" + ", ".join(rf"{part} \d+\.\d{{3}}" for part in parts) + r"\), chat, ", line), line


def test_what_is_no_request_has_a_line_too(models):
    with serve(models, config={"log": {"access": True, "format": "json"}}, chat=text_model(models)) as rouse:
        with socket.create_connection(("127.0.0.1", rouse.port), BOUND) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        line = until(lambda: next((json.loads(line) for line in list(rouse.log) if '"event":"access"' in line), None),
                     "it is logged")
        assert (line["client"], line["status"]) == ("127.0.0.1", 400)
        assert "Content-Length" in line["reason"] and line["reason"] in answer
        assert f"X-Request-Id: {line['request']}" in answer


def test_nobody_writes_lines_of_their_own_into_the_log(models):
    forged = "2026-01-01T00:00:00.000+00:00 info forged"
    log = {"access": True}
    hostile = {"engine": "llama", "source": f"/nowhere/\n{forged}\x1b[2J/\u202eevil.gguf", "preload": True}
    with serve(models, (), {"log": log}, hostile=hostile) as rouse:
        with socket.create_connection(("127.0.0.1", rouse.port), BOUND) as connection:
            turned_around = "\u202e".encode()
            connection.sendall(b"GET /v1/models/%0a" + forged.replace(" ", "%20").encode() +
                               b"%1b[2J HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a" + turned_around +
                               b"b\r\nConnection: close\r\n\r\n")
            assert b"404" in b"".join(iter(lambda: connection.recv(65536), b""))
        assert rouse.chat("hostile")[0] == 502
        assert rouse.chat("x\n" + forged)[0] == 404
        until(lambda: rouse.text().count("/v1/chat/completions") == 2, "both are logged")
        assert "hostile: not preloaded" in rouse.text()
        assert "/v1/models/%0a2026" in rouse.text()
        assert not any(line.startswith("2026-01-01T00:00:00") for line in rouse.log)
        assert not any(ord(c) < 32 or ord(c) in (127, 0x202e) for line in rouse.log for c in line.rstrip("\n"))
