"""A remote model whose server fails again and again: it is left alone for a while, and then one request finds out."""

import os
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.support.event_stream import EventStream
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, until
from tests.support.upstream import Upstream, closed_port

IN_A_ROW = 5


def serve(**models) -> RouseDaemon:
    return RouseDaemon({"models": {name: {"engine": "remote", **entry} for name, entry in models.items()}})


class Moody:
    """Answers 503, until it is told to wait for a word and then to answer well."""

    def __init__(self):
        self.is_well = False
        self.word = threading.Event()

    def __call__(self, talk):
        if not self.is_well:
            return talk.json(503, {"error": {"message": "not now"}})
        assert self.word.wait(BOUND)
        talk.json(200, {})


def fail(rouse, model: str, times: int = IN_A_ROW, status: int = 502):
    for _ in range(times):
        got, _, body = rouse.chat(model)
        assert got == status, body


def refused_at_once(rouse, model: str):
    """Whoever comes when the pause is over is let through; the next pause is longer."""
    return until(lambda: (answer := rouse.chat(model))[0] == 503 and answer, "it is refused")


def gauge(rouse, model: str) -> str:
    return re.search(rf'^rouse_remote_circuit_open{{model="{model}"}} (\d)$', rouse.get("/metrics"), re.M).group(1)


def test_after_five_failures_it_is_refused_at_once_and_told_what_happened():
    with serve(far={"url": f"http://127.0.0.1:{closed_port()}"}, other={"url": "http://127.0.0.1:1"}) as rouse:
        fail(rouse, "far", IN_A_ROW - 1)
        assert (rouse.model("far")["circuit"], gauge(rouse, "far")) == ("closed", "0")
        with EventStream(rouse.port, "?only=model") as stream:
            fail(rouse, "far", 1)
            _, headers, body = refused_at_once(rouse, "far")
            assert 1 <= int(headers["Retry-After"]) <= 60
            assert re.search(r"\d times in a row \(the engine cannot be reached\)", body["error"]["message"]), body
            event = stream.until(lambda event: event.name == "model")[-1].data
            assert (event["model"], event["trigger"], event["to"]) == ("far", "circuit opened", "ready")
            assert "Connection refused" in event["error"]
        seen = rouse.model("far")
        assert seen["state"] == "ready" and seen["circuit"] == "open" and "Connection refused" in seen["error"]
        assert seen["retry_at"] and gauge(rouse, "far") == "1" and gauge(rouse, "other") == "0"
        shown = subprocess.run([ROUSE, "ps"], capture_output=True, text=True, check=True,
                               env={**os.environ, "ROUSE_HOST": rouse.url}).stdout
        assert re.search(r"^far +ready .* circuit open: the engine cannot be reached", shown, re.M), shown


def test_meanwhile_its_fallback_is_asked_and_the_server_left_alone():
    with Upstream(Moody()) as far, Upstream() as spare:
        with serve(far={"url": far.url, "fallback": "spare"}, spare={"url": spare.url}) as rouse:
            for _ in range(IN_A_ROW):
                assert rouse.chat("far")[1]["X-Rouse-Model"] == "spare"
            assert rouse.model("far")["circuit"] == "open"

            def left_alone():
                before = len(far.asked)
                assert rouse.chat("far")[1]["X-Rouse-Model"] == "spare"
                return len(far.asked) == before

            until(left_alone, "the server is left alone")


def test_when_the_pause_is_over_one_request_alone_finds_out_whether_it_is_back():
    mood = Moody()
    with Upstream(mood) as upstream, serve(far={"url": upstream.url}) as rouse, ThreadPoolExecutor(1) as pool:
        fail(rouse, "far", status=503)
        asked = len(upstream.asked)
        mood.is_well = True
        answers = []

        def one_is_let_through():
            if not answers or (answers[-1].done() and answers[-1].result()[0] == 503):
                answers.append(pool.submit(rouse.chat, "far"))
            return len(upstream.asked) > asked

        until(one_is_let_through, "one request is let through")
        assert rouse.model("far")["circuit"] == "half_open" and gauge(rouse, "far") == "1"
        for _ in range(3):
            assert rouse.chat("far")[0] == 503
        assert len(upstream.asked) == asked + 1
        with EventStream(rouse.port, "?only=model") as stream:
            mood.word.set()
            event = stream.until(lambda event: event.name == "model")[-1].data
            assert event["trigger"] == "circuit closed"
        assert answers[-1].result()[0] == 200
        assert rouse.model("far")["circuit"] == "closed" and rouse.model("far")["error"] is None
        assert rouse.chat("far")[0] == 200


def test_an_answer_in_between_begins_the_row_anew_and_so_does_what_a_client_did():
    mood = Moody()
    mood.word.set()
    with Upstream(mood) as upstream, serve(far={"url": upstream.url}) as rouse:
        for is_well in [False, True, False]:
            mood.is_well = is_well
            for _ in range(IN_A_ROW - 1):
                assert rouse.chat("far")[0] == (200 if is_well else 503)
        assert rouse.model("far")["circuit"] == "closed"


def test_the_short_deadlines_of_clients_say_nothing_of_the_server():
    with Upstream(lambda talk: talk.until_gone()) as upstream, serve(far={"url": upstream.url}) as rouse:
        for _ in range(IN_A_ROW + 1):
            assert rouse.chat("far", deadline="50ms")[0] == 504
        assert rouse.model("far")["circuit"] == "closed"


def test_a_reload_that_changes_the_server_begins_anew():
    nowhere = f"http://127.0.0.1:{closed_port()}"
    with Upstream() as upstream, serve(far={"url": nowhere}, same={"url": nowhere}) as rouse:
        fail(rouse, "far")
        fail(rouse, "same")
        rouse.reconfigure({"models": {"far": {"engine": "remote", "url": upstream.url},
                                      "same": {"engine": "remote", "url": nowhere, "aliases": ["x"]}}})
        assert rouse.post("/rouse/v1/reload")[0] == 200
        until(lambda: rouse.model("far")["circuit"] == "closed", "it is closed")
        assert rouse.chat("far")[0] == 200
        assert rouse.model("same")["circuit"] == "open"
