"""Clients that write what is not quite HTTP, or take our time and memory. docs/security.md says what is defended."""

import http.client
import itertools
import json

import pytest

from tests.support.guarded import ask, completion, config_of
from tests.support.guarded import models, rouse, tight  # noqa: F401 (fixtures)
from tests.support.raw_http import RawClient, exchange, statuses
from tests.support.rouse_daemon import BOUND, RouseDaemon, until


# --- smuggling ----------------------------------------------------------------------------------------------------

INNER = b"GET /health/live?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = b"%d" % len(INNER)
JSON = b"Host: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("head", [
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: " + LONG + b"\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 0\r\nContent-Length: " + LONG + b"\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 0, " + LONG + b"\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: +0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: -1\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 0x0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 18446744073709551616\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length : 0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length\t: 0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: \r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: xchunked\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: identity\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    b"POST /v1/completions HTTP/1.0\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n",
    b"GET /health/live HTTP/1.1\nHost: localhost\n\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\n b\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\r\n folded\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\n Host: localhost\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n: empty\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\n\r\n",
    b"GET http://evil.example/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET  /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health/live\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health/live HTTP/1.1 \r\nHost: localhost\r\n\r\n",
    b"GET /health/li ve HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health/live HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /health/live\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
], ids=itertools.count())
def test_an_ambiguous_head_is_refused_and_nothing_behind_it_is_a_request(tight, head):
    answered = exchange(tight.port, head + INNER)
    answers = statuses(answered)
    assert len(answers) == 1 and answers[0] in (400, 505), answers
    fields, _, body = answered.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/json\r\n" in fields and b"\r\nX-Request-Id: req-" in fields, fields
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


BODY = json.dumps(completion()).encode()


@pytest.mark.parametrize("chunks", [
    b"-1\r\n" + BODY + b"\r\n0\r\n\r\n",
    b"+%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b"0x%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b" %x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b"%x \r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b"%x\n" % len(BODY) + BODY + b"\n0\n\n",
    b"%x\r\n" % len(BODY) + BODY + b"0\r\n\r\n",
    b"%x\r\n" % (len(BODY) - 1) + BODY + b"\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n" + BODY,
    b"10000000000000000\r\n" + BODY,
    b"%x;" % len(BODY) + b"x" * 20000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    b"%x;a=\nb\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b"%x;a=\rb\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
    b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\nX: a\nb\r\n\r\n",
    b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n" + b"X: y\r\n" * 6000 + b"\r\n",
    b"\r\n",
], ids=itertools.count())
def test_chunks_that_make_no_sense_are_refused_and_end_the_connection(tight, chunks):
    head = b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    answers = statuses(exchange(tight.port, head + chunks + INNER))
    assert len(answers) == 1 and answers[0] in (400, 413), answers


def test_what_is_sound_behind_a_body_is_the_next_request(tight):
    head = b"POST /v1/completions HTTP/1.1\r\n" + JSON
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x;ext=1\r\n" % len(BODY) + BODY + b"\r\n0\r\nContent-Length: 99\r\nHost: evil\r\n\r\n"
    sized = b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with RawClient(tight.port) as client:
        client.send(head + chunked + head + sized + INNER[:-2] + b"Connection: close\r\n\r\n")
        answers = client.to_end()
    assert statuses(answers) == [200, 200, 200], answers


def test_a_refused_request_does_not_turn_its_body_into_a_request(rouse, tight):
    """The body of a request that was refused unread must not be read as the next one."""
    for daemon, head in [(rouse, b"POST /v1/completions HTTP/1.1\r\n" + JSON),  # 401
                         (tight, b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"),  # 415
                         (tight, b"POST /v1/completions HTTP/1.1\r\nHost: evil.example\r\n"),  # 403
                         (tight, b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n")]:  # 404
        for framing in [b"Content-Length: " + LONG + b"\r\n\r\n" + INNER,
                        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n"]:
            answers = exchange(daemon.port, head + framing)
            assert b"live" not in answers and len(statuses(answers)) == 1, answers


# --- clients that take our time and memory ------------------------------------------------------------------------


def test_heads_and_bodies_have_limits(tight):
    get = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    assert statuses(exchange(tight.port, get + b"X: " + b"x" * 9000 + b"\r\n\r\n")) == [431]
    assert statuses(exchange(tight.port, get + b"X: y\r\n" * 200 + b"\r\n")) == [431]
    assert statuses(exchange(tight.port, b"GET /" + b"x" * 100000)) == [431]
    assert statuses(exchange(tight.port, b"x" * 100000)) == [431]
    head = b"POST /v1/completions HTTP/1.1\r\n" + JSON
    assert statuses(exchange(tight.port, head + b"Content-Length: 1048577\r\n\r\n")) == [413]
    assert statuses(exchange(tight.port, head + b"Content-Length: 999999999999999999\r\n\r\n")) == [413]
    assert statuses(exchange(tight.port, head + b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * 0x200000)) == [413]


def test_json_may_be_deep_but_not_deeper_than_we_are(tight):
    for nest in [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000]:
        raw = b'{"model":"echo","x":' + nest + b"}"
        assert tight.ask("POST", "/v1/completions", raw=raw)[0] == 400


@pytest.mark.parametrize("beginning", [b"G", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n",
                                       b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 100\r\n\r\n",
                                       b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 100\r\n\r\n{",
                                       b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
def test_who_does_not_go_on_is_told_408(tight, beginning):
    with RawClient(tight.port) as client:
        client.send(beginning)
        answered = client.to_end()
    assert statuses(answered) == [408]
    head, _, body = answered.partition(b"\r\n\r\n")
    for line in [b"Connection: close", b"Content-Type: application/json", b"X-Request-Id: req-"]:
        assert b"\r\n" + line in head, head
    error = json.loads(body)["error"]
    assert "did not arrive in time" in error["message"] and error["code"] == "request_timeout", error


@pytest.mark.parametrize("path, expected", [
    (b"/v1/messages", lambda body: body["type"] == "error" and body["error"]["type"] == "invalid_request_error"),
    (b"/rouse/v1/models/echo/load", lambda body: set(body["error"]) == {"code", "message", "context"}),
])
def test_who_stops_in_a_body_is_told_so_in_the_dialect_of_the_path(tight, path, expected):
    with RawClient(tight.port) as client:
        client.send(b"POST " + path + b" HTTP/1.1\r\nX-Request-Id: mine\r\n" + JSON + b"Content-Length: 100\r\n\r\n{")
        answered = client.to_end()
    head, _, body = answered.partition(b"\r\n\r\n")
    assert statuses(answered) == [408] and b"\r\nX-Request-Id: mine\r\n" in head, answered
    assert expected(json.loads(body)), body


@pytest.mark.parametrize("beginning", [b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: ",
                                       b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 1000000\r\n\r\n"])
def test_who_drips_is_told_so_too(tight, beginning):
    """A byte now and then keeps no connection for ever."""
    with RawClient(tight.port) as client:
        client.send(beginning)
        client.socket.settimeout(0.2)
        received = b""
        for _ in range(int(BOUND / 0.2)):
            if not client.send(b"x"):
                break
            try:
                received += client.socket.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:
                pass
            break
        else:
            pytest.fail("dripped for ever")
        assert statuses(received) in ([408], []), received


def test_who_does_not_read_is_cut_and_gives_back_the_place(tight):
    with RawClient(tight.port, receive_buffer=4096) as client:
        body = json.dumps(completion(size=32 << 20)).encode()
        client.send(b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        until(lambda: tight.model("echo")["leases"] == 1, "the answer is under way")
        assert ask(tight)[0] == 200  # meanwhile others are served
        until(lambda: tight.model("echo")["leases"] == 0, "the slow reader was cut")
        assert len(client.to_end()) < 32 << 20


def test_all_bodies_together_have_a_limit_and_give_it_back(tight):
    until(lambda: ask(tight, body={"pad": "x" * 900_000})[0] == 200, "what was held before is given back")
    head = b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Content-Length: 900000\r\n\r\n"
    hoarders = [RawClient(tight.port) for _ in range(8)]
    for hoarder in hoarders:
        hoarder.send(head + b" " * 899_999)
    answers = [statuses(hoarder.to_end())[0] for hoarder in hoarders]
    for hoarder in hoarders:
        hoarder.socket.close()
    # What is announced takes nothing, what has come does: as many as fit are waited for, or none if all came at once.
    assert set(answers) <= {408, 503} and answers.count(408) <= 3, answers
    assert ask(tight, body={"pad": "x" * 900_000})[0] == 200


def test_one_address_cannot_take_every_connection(models):
    with RouseDaemon(config_of(models, limits={"connections": 8, "receive": "600s"})) as rouse:
        head = b"POST /v1/completions HTTP/1.1\r\n" + JSON + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"
        busy = [RawClient(rouse.port) for _ in range(6)]  # three quarters
        for client in busy:
            client.send(head)
            assert b"100 Continue" in client.socket.recv(1000)
        with RawClient(rouse.port) as client:
            assert statuses(client.to_end()) == [503]
        other = http.client.HTTPConnection("127.0.0.1", rouse.port, timeout=BOUND, source_address=("127.0.0.2", 0))
        other.request("GET", "/health/live")
        assert other.getresponse().status == 200
        other.close()
        for client in busy:
            client.socket.close()
        until(lambda: statuses(exchange(rouse.port, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")) == [200],
              "what is given back can be had again")


def test_connections_that_say_nothing_or_half_a_head_keep_nobody_out(tight):
    crowd = [RawClient(tight.port) for _ in range(200)]
    for i, client in enumerate(crowd):
        client.send(b"GET / HT" if i % 2 else b"")
        if i % 20 == 0:
            assert tight.ask("GET", "/health/live")[0] == 200
    assert ask(tight)[0] == 200
    for client in crowd:
        client.socket.close()
