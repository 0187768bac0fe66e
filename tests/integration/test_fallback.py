"""Models that answer in another's place: when they are asked, when they are not, and what is told of it."""

import contextlib
import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import demo_models
from tests.support.event_stream import EventStream
from tests.support.gate import Gate
from tests.support.rouse_daemon import BOUND, RouseDaemon, events, held, until
from tests.support.upstream import Upstream, closed_port


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def far(upstream, **more) -> dict:
    return {"engine": "remote", "url": getattr(upstream, "url", upstream), **more}


def near(models, **more) -> dict:
    return {"engine": "llama", "source": str(models.text), "context": 1024, "parallel": 2, "threads": 1, **more}


def nowhere(**more) -> dict:
    return far(f"http://127.0.0.1:{closed_port()}", **more)


def serve(host: str = "8GiB", rest: dict | None = None, **named) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": host}}, "policy": {"settle": "10m"}, **(rest or {}), "models": named})


def says(name: str):
    return lambda talk: talk.json(200, {"choices": [{"message": {"content": name}}]})


def answers(status: int, **headers):
    return lambda talk: talk.json(status, {"error": {"message": f"it is {status}"}}, **headers)


def who(answer) -> str:
    status, headers, body = answer
    assert status == 200, body
    return headers["X-Rouse-Model"]


def counted(rouse, model: str, by: str, reason: str) -> float:
    found = re.search(rf'^rouse_fallbacks_total{{model="{model}",reason="{reason}",served_by="{by}"}} (\S+)$',
                      rouse.get("/metrics"), re.M)
    return float(found.group(1)) if found else 0


# --- who served ---------------------------------------------------------------------------------------------------


def test_every_answer_names_the_model_that_gave_it(models):
    with Upstream(answers(404, X_Rouse_Model="another rouse's")) as upstream:
        with serve(chat=near(models, aliases=["gpt"]), there=far(upstream)) as rouse:
            assert who(rouse.chat("gpt")) == "chat"
            connection, answer = rouse.stream("chat", max_tokens=4)
            assert answer.getheader("X-Rouse-Model") == "chat" and answer.read().endswith(b"data: [DONE]\n\n")
            connection.close()
            assert who(rouse.post("/v1/messages", {"model": "chat", "max_tokens": 4, "deadline": "30s",
                                                   "messages": [{"role": "user", "content": "x"}]})) == "chat"
            status, headers, _ = rouse.chat("there")
            assert (status, headers.get_all("X-Rouse-Model")) == (404, ["there"])
            for path, body in [("/v1/chat/completions", {"model": "nobody"}), ("/rouse/v1/models/chat/load", {})]:
                assert rouse.post(path, body)[1]["X-Rouse-Model"] is None


# --- when the model cannot answer ---------------------------------------------------------------------------------


@pytest.fixture
def silent_port():
    """Where a connection is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):  # more than may wait to be accepted
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(silent.getsockname())
        yield silent.getsockname()[1]


def test_a_server_that_cannot_be_reached_passes_its_requests_on(silent_port):
    with Upstream(says("b")) as b, Upstream(says("plain")) as plain:
        with serve(refuses=nowhere(fallback="b"), b=far(b),
                   hangs=far(f"http://127.0.0.1:{silent_port}", connect_timeout="100ms", fallback="b"),
                   no_tls=far(plain.url.replace("http", "https"), fallback=["b"]),
                   no_name=far("http://nowhere.invalid", fallback="b")) as rouse:
            for model in ["refuses", "hangs", "no_tls", "no_name"]:
                assert who(rouse.chat(model)) == "b", model
                until(lambda: counted(rouse, model, "b", "failed") == 1, "it is counted")
            assert plain.asked == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_has_no_answer_passes_its_requests_on(status):
    with Upstream(answers(status)) as a, Upstream(says("b")) as b:
        with serve(a=far(a, fallback="b"), b=far(b)) as rouse:
            assert who(rouse.chat("a")) == "b"
            assert who(rouse.post("/v1/messages", {"model": "a", "max_tokens": 4, "messages": []})) == "b"
            assert len(a.asked) == 2


def test_a_model_that_cannot_be_loaded_passes_its_requests_on(models):
    with Upstream(says("b")) as b:
        with serve(b=far(b), missing=near(models, fallback="b") | {"source": "/nowhere.gguf"},
                   broken=near(models, binary="false", fallback="b"),
                   huge=near(models, footprint={"host": "9GiB"}, fallback="b"),
                   crowded=near(models, footprint={"host": "6GiB"}, fallback="b"),
                   pinned=near(models, footprint={"host": "4GiB"}, pinned=True)) as rouse:
            assert rouse.chat("pinned")[0] == 200
            for model in ["missing", "broken", "broken", "huge", "crowded"]:  # broken: the second waits for its next try
                assert who(rouse.chat(model)) == "b", model
            assert rouse.loaded()[0]["id"] == "pinned" and len(rouse.loaded()) == 1


def test_a_full_queue_passes_requests_on():
    release = threading.Event()

    def wait(talk):
        assert release.wait(BOUND)
        talk.json(200, {})

    with Upstream(wait) as a, Upstream(says("b")) as b, ThreadPoolExecutor(1) as pool:
        with serve(a=far(a, concurrency=1, queue_limit=0, fallback="b"), b=far(b)) as rouse:
            first = pool.submit(rouse.chat, "a")
            until(lambda: a.asked, "the first is being answered")
            assert who(rouse.chat("a")) == "b"
            release.set()
            assert who(first.result()) == "a"


def test_a_model_that_is_being_unloaded_passes_its_requests_on(models):
    with Upstream(says("b")) as b, serve(a=near(models, fallback="b"), b=far(b)) as rouse, ThreadPoolExecutor(1) as pool:
        connection, answer = rouse.stream("a", max_tokens=900)
        answer.readline()
        with held(rouse.model("a")["pid"]):
            unload = pool.submit(rouse.post, "/rouse/v1/models/a/unload")
            until(lambda: rouse.state("a") == "draining", "it drains")
            assert who(rouse.chat("a")) == "b"
        answer.close()
        connection.close()
        assert unload.result()[0] == 200


def test_the_chain_is_followed_in_order_each_one_once():
    with Upstream(answers(503)) as no, Upstream(says("last")) as last:
        with serve(a=far(no, upstream_model="a", fallback=["b", "c"]), b=far(no, upstream_model="b", fallback=["d", "c"]),
                   c=far(no, upstream_model="c", fallback=["d", "e"]), d=far(no, upstream_model="d", aliases=["dd"]),
                   e=far(last)) as rouse:
            assert who(rouse.chat("a")) == "e"
            assert [asked.json["model"] for asked in no.asked] == ["a", "b", "d", "c"]


def test_when_nobody_answers_the_first_ones_error_is_told_and_what_became_of_the_others(models):
    with Upstream(answers(503, Retry_After="7")) as a, Upstream(answers(502)) as b:
        with serve(a=far(a, fallback=["b", "c", "d"]), b=far(b), c=nowhere(),
                   d=near(models, footprint={"host": "9GiB"})) as rouse:
            status, headers, body = rouse.chat("a")
            assert status == 503 and headers["Retry-After"] == "7" and headers["X-Rouse-Model"] is None
            message = body["error"]["message"]
            assert message.startswith('the server behind model "a" answered 503: it is 503'), message
            assert re.search(r"b: .*it is 502; c: .*cannot be reached.*; d: .*needs 9 GiB", message), message
            assert "127.0.0.1" not in message
            connection, answer = rouse.stream("a")
            assert answer.status == 503 and b"it is 502" in answer.read()
            connection.close()


def test_only_if_ready_passes_over_who_would_have_to_be_loaded(models):
    with Upstream(says("c")) as c, serve(a=near(models, fallback=["b", "c"]), b=near(models), c=far(c)) as rouse:
        assert who(rouse.chat("a", headers={"X-Rouse-Load": "only-if-ready"})) == "c"
        assert rouse.loaded() == []
        assert who(rouse.chat("b")) == "b"
        assert who(rouse.chat("a", headers={"X-Rouse-Load": "only-if-ready"})) == "b"


# --- when another one is not asked --------------------------------------------------------------------------------


def test_what_the_client_has_to_put_right_is_not_passed_on():
    with Upstream() as b:
        for status in [400, 401, 403, 404, 413, 429, 500]:
            with Upstream(answers(status)) as a, serve(a=far(a, fallback="b"), b=far(b)) as rouse:
                got, headers, body = rouse.chat("a")
                assert got == status and body["error"]["message"] == f"it is {status}"
                assert headers["X-Rouse-Model"] == "a"
        with serve(a=nowhere(fallback="b"), b=far(b)) as rouse:
            assert rouse.ask("POST", "/v1/chat/completions", raw=b'{"model": "a", "messages": 1}')[0] == 400
            assert rouse.chat("nobody")[0] == 404
        assert b.asked == []


def close(talk):
    talk.close_connection = True


def hang(talk):
    talk.until_gone()


def half_an_answer(talk):
    talk.events({"choices": [{"index": 0, "delta": {"content": "half"}}]})
    talk.streaming = False
    talk.close_connection = True


@pytest.mark.parametrize("tell,status", [(close, 502), (hang, 504), (half_an_answer, 200)])
def test_what_has_been_worked_on_is_not_passed_on(tell, status):
    with Upstream(tell) as a, Upstream() as b, serve(a=far(a, fallback="b"), b=far(b)) as rouse:
        connection, answer = rouse.stream("a", deadline="500ms")
        text = answer.read().decode()
        connection.close()
        assert answer.status == status, text
        assert "error" in text
        assert b.asked == []


def test_nobody_is_asked_when_the_deadline_has_passed_before_the_first_could_be(models):
    with Upstream() as b:
        with serve(a=near(models, fallback="b"), b=far(b), c=near(models, fallback_while_loading="b", fallback="b")) as rouse:
            for model in ["a", "c"]:
                status, _, body = rouse.chat(model, deadline="1us")
                assert status == 504, body
        assert b.asked == []


def test_a_server_that_hangs_in_the_middle_of_its_answer_does_not_hold_its_client_for_ever():
    def tell(talk):
        talk.events("one")
        talk.until_gone()

    with Upstream(tell) as a, serve(a=far(a), rest={"defaults": {"deadline": "500ms"}}) as rouse:
        connection, answer = rouse.stream("a")
        lines = list(events(answer))
        connection.close()
        assert lines[0] == "one" and "deadline" in lines[1]
        until(lambda: rouse.model("a")["leases"] == 0, "nobody is left")


# --- what the other one hears -------------------------------------------------------------------------------------


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(b"--xx\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (name.encode(), value)
                    for name, value in parts)
    return body + b"--xx--\r\n"


def test_the_body_goes_on_as_if_the_other_one_had_been_named():
    with Upstream() as upstream:
        with serve(a=nowhere(upstream_model="a1", fallback="b"), b=far(upstream, upstream_model="b1"),
                   x=nowhere(upstream_model="x1", fallback="y"), y=far(upstream)) as rouse:
            raw = b'{ "keep_alive": 0, "input" : [1.50],"model": "a" }'
            assert who(rouse.ask("POST", "/v1/embeddings", raw=raw)) == "b"
            assert upstream.asked[-1].body == b'{  "input" : [1.50],"model": "b1" }'
            raw = b'{"input":[]}'
            assert who(rouse.ask("POST", "/v1/embeddings", raw=raw, headers={"X-Model": "x"})) == "y"
            assert upstream.asked[-1].json == {"model": "y", "input": []}
            sound = bytes(range(256))
            kind = {"Content-Type": "multipart/form-data; boundary=xx"}
            raw = form(("file", sound), ("model", b"a"), ("keep_alive", b"5m"))
            assert who(rouse.ask("POST", "/v1/audio/transcriptions", raw=raw, headers=kind)) == "b"
            assert upstream.asked[-1].body == form(("file", sound), ("model", b"b1"))


def test_each_one_is_streamed_from_or_not_as_it_has_to_be(models):
    """A llama answer in one piece is put together from a stream here; a remote one is not asked for a stream."""
    with Upstream(says("far")) as upstream:
        with serve(a=near(models, binary="false", fallback="b"), b=far(upstream), c=nowhere(fallback="d"),
                   d=near(models)) as rouse:
            assert who(rouse.chat("a")) == "b" and "stream" not in upstream.asked[-1].json
            status, headers, body = rouse.chat("c", stream=False)
            assert who((status, headers, body)) == "d" and body["object"] == "chat.completion"


def test_how_long_to_keep_a_model_is_not_asked_of_another(models):
    with serve(a=nowhere(fallback="b"), b=near(models)) as rouse:
        assert who(rouse.chat("a", keep_alive=0)) == "b"
        assert rouse.state("b") == "ready"
        assert who(rouse.chat("b", keep_alive=0)) == "b"
        until(lambda: rouse.state("b") == "cold", "it is given back")


def test_a_stream_that_has_waited_hears_who_answers(models, tmp_path):
    gate = Gate(tmp_path, then="exit 1")
    with serve(a=near(models, binary=str(gate.program), fallback="b"), b=near(models)) as rouse:
        connection, answer = rouse.stream("a", max_tokens=4)
        lines = events(answer)
        assert next(lines)[1].startswith("loading")
        gate.open()
        rest = list(lines)
        connection.close()
        assert answer.getheader("X-Rouse-Model") is None
        assert (":", "answered by b") in rest and rest[-1] == "[DONE]"
        assert not any("error" in line for line in rest if isinstance(line, str))


# --- while it loads -----------------------------------------------------------------------------------------------


def test_another_one_answers_while_the_model_loads_and_then_it_answers_itself(models, tmp_path):
    gate = Gate(tmp_path)
    with Upstream(says("b")) as b:
        with serve(a=near(models, binary=str(gate.program), fallback_while_loading=["cold", "b"]), cold=near(models),
                   b=far(b)) as rouse:
            for _ in range(2):
                assert who(rouse.chat("a")) == "b"
            until(lambda: rouse.state("a") == "loading", "it is loaded meanwhile")
            gate.open()
            rouse.until_state("a", "ready")
            assert who(rouse.chat("a")) == "a"
            assert rouse.state("cold") == "cold"
            assert rouse.model("a")["loads"] == 1
            until(lambda: counted(rouse, "a", "b", "loading") == 2, "both are counted")


def test_the_first_of_several_that_is_ready_answers(models, tmp_path):
    gate = Gate(tmp_path)
    with Upstream(says("c")) as c:
        with serve(a=near(models, binary=str(gate.program), fallback_while_loading=["b", "c"]), b=near(models),
                   c=far(c)) as rouse:
            assert who(rouse.chat("b")) == "b"
            assert who(rouse.chat("a")) == "b"
            assert c.asked == []
            gate.open()


def test_a_stand_in_that_is_busy_keeps_nobody_waiting(models, tmp_path):
    gate = Gate(tmp_path)
    release = threading.Event()

    def wait(talk):
        assert release.wait(BOUND)
        talk.json(200, {})

    with Upstream(wait) as b, Upstream(says("c")) as c, ThreadPoolExecutor(1) as pool:
        with serve(a=near(models, binary=str(gate.program), fallback_while_loading=["b", "c"]),
                   b=far(b, concurrency=1), c=far(c)) as rouse:
            busy = pool.submit(rouse.chat, "b")
            until(lambda: b.asked, "b is busy")
            assert who(rouse.chat("a")) == "c"
            release.set()
            gate.open()
            assert who(busy.result()) == "b"


@pytest.mark.parametrize("tell", [answers(429), answers(503), close])
def test_a_stand_in_that_does_not_answer_leaves_it_to_the_model_that_loads(models, tell):
    with Upstream(tell) as upstream, serve(chat=near(models, fallback_while_loading="there"), there=far(upstream)) as rouse:
        assert who(rouse.chat("chat")) == "chat"
        assert rouse.model("chat")["loads"] == 1


def test_when_no_stand_in_can_the_request_waits_for_the_model_and_then_for_its_fallback(models):
    with Upstream(says("c")) as c:
        with serve(a=near(models, fallback_while_loading=["b", "cold"]), b=nowhere(), cold=near(models),
                   broken=near(models, binary="false", fallback_while_loading="b", fallback=["b", "c"]), c=far(c)) as rouse:
            assert who(rouse.chat("a")) == "a"
            assert rouse.state("cold") == "cold"
            assert who(rouse.chat("broken")) == "c"


def test_only_if_ready_is_answered_by_another_and_loads_nothing(models):
    with Upstream(says("b")) as b, serve(a=near(models, fallback_while_loading="b"), b=far(b)) as rouse:
        assert who(rouse.chat("a", headers={"X-Rouse-Load": "only-if-ready"})) == "b"
        assert rouse.state("a") == "cold"
        assert who(rouse.chat("a")) == "b"
        rouse.until_state("a", "ready")


# --- what is seen of it -------------------------------------------------------------------------------------------


def test_requests_events_and_the_access_log_say_who_stands_in_for_whom():
    release = threading.Event()

    def wait(talk):
        assert release.wait(BOUND)
        talk.json(200, {})

    with Upstream(wait) as b, ThreadPoolExecutor(1) as pool:
        with serve(a=nowhere(fallback="b"), b=far(b), rest={"log": {"format": "json", "access": True}}) as rouse:
            with EventStream(rouse.port, "?only=request") as stream:
                answer = pool.submit(rouse.chat, "a")
                until(lambda: b.asked, "b is asked")
                [request] = rouse.get("/rouse/v1/requests")["requests"]
                assert (request["model"], request["asked"]) == ("b", "a")
                release.set()
                assert who(answer.result()) == "b"
                ended = stream.until(lambda event: event.data.get("outcome") == "ok")[-1]
                assert (ended.data["model"], ended.data["asked"]) == ("b", "a")
            line = until(lambda: next((json.loads(each) for each in rouse.log
                                       if '"event":"access"' in each and "/v1/chat" in each), None), "it is logged")
            assert (line["model"], line["served_by"]) == ("a", "b")


def test_fallbacks_change_with_a_reload_and_the_worker_stays(models):
    with Upstream(says("b")) as b, Upstream(says("c")) as c:
        def config(**a):
            return {"models": {"a": nowhere(**a), "b": far(b), "c": far(c), "near": near(models, **a)}}

        with RouseDaemon(config(fallback="b")) as rouse:
            assert who(rouse.chat("near")) == "near"
            pid = rouse.model("near")["pid"]
            assert who(rouse.chat("a")) == "b"
            rouse.reconfigure(config(fallback="c"))
            status, _, body = rouse.post("/rouse/v1/reload")
            assert status == 200 and body["changed"] == ["a", "near"], body
            assert who(rouse.chat("a")) == "c"
            assert who(rouse.chat("near")) == "near" and rouse.model("near")["pid"] == pid
            rouse.reconfigure(config(fallback="nobody"))
            status, _, body = rouse.post("/rouse/v1/reload")
            assert status == 422 and "nobody" in json.dumps(body)
            assert who(rouse.chat("a")) == "c"
