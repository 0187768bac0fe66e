"""Answers in one piece, which Rouse has llama-server stream: the same as without, but for who leaves."""

import contextlib
import http.client
import json
import threading
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.llama_server import UnixConnection
from tests.support.rouse_daemon import BOUND, RouseDaemon, events, until

FOR_EVER = 60_000
CACHED = "cache_read_input_tokens"


@pytest.fixture(scope="module")
def rouse():
    model = {"engine": "llama", "source": str(demo_models.paths().demo), "context": 131072, "parallel": 2, "threads": 1}
    with RouseDaemon({"budgets": {"host": {"limit": "8GiB"}}, "models": {"chat": model}}) as daemon:
        assert daemon.chat("chat")[0] == 200
        yield daemon


def engine(rouse, method: str, path: str, body=None):
    """Asked without Rouse."""
    words = Path(f"/proc/{rouse.model('chat')['pid']}/cmdline").read_text().split("\0")
    connection = UnixConnection(words[words.index("--host") + 1], BOUND)
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def busy(rouse) -> int:
    return sum(slot["is_processing"] for slot in engine(rouse, "GET", "/slots")[1])


def test_one_that_nobody_waits_for_stops_although_another_slot_goes_on(rouse):
    connection, answer = rouse.stream("chat", max_tokens=FOR_EVER)
    lines = events(answer)
    next(lines)

    def read_on():
        with contextlib.suppress(http.client.HTTPException, OSError, AttributeError):  # its connection ends below
            for _ in lines:
                pass

    reader = threading.Thread(target=read_on)
    reader.start()
    leaving = http.client.HTTPConnection("127.0.0.1", rouse.port, timeout=BOUND)
    body = {"model": "chat", "messages": [{"role": "user", "content": "x"}], "ignore_eos": True, "max_tokens": FOR_EVER}
    leaving.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    until(lambda: busy(rouse) == 2, "both are under way")
    leaving.close()
    until(lambda: busy(rouse) == 1, "one has stopped")
    assert reader.is_alive() and rouse.model("chat")["leases"] == 1, "and it is the one that began later"
    connection.sock.shutdown(2)
    reader.join(BOUND)
    connection.close()


QUESTION = {"messages": [{"role": "user", "content": "What is 7 plus 5?"}], "max_tokens": 12}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}},
                                                                       "required": ["a"]}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                                                                         "required": ["n"]}}}


@pytest.mark.parametrize("path,body", [
    ("/v1/chat/completions", QUESTION),
    ("/v1/chat/completions", {**QUESTION, "stream": False, "stream_options": None}),
    ("/v1/chat/completions", {**QUESTION, "logprobs": True, "top_logprobs": 2}),
    ("/v1/chat/completions", {**QUESTION, "tools": [TOOL], "tool_choice": "required", "max_tokens": 60}),
    ("/v1/chat/completions", {**QUESTION, "response_format": SCHEMA}),
    ("/v1/chat/completions", {**QUESTION, "stop": ["1"]}),
    ("/v1/chat/completions", {**QUESTION, "max_tokens": 0}),
    ("/v1/completions", {"prompt": "What is 7 plus 5?", "max_tokens": 12}),
    ("/v1/completions", {"prompt": "What is 7 plus 5?", "max_tokens": 12, "logprobs": 2}),
    ("/v1/completions", {"prompt": ["What is", "Who is"], "max_tokens": 6}),
    ("/v1/messages", QUESTION),
    ("/v1/messages", {**QUESTION, "system": "Be brief.", "stop_sequences": ["1"]}),
    ("/v1/responses", {"input": "What is 7 plus 5?", "max_output_tokens": 12}),
    ("/v1/chat/completions", {**QUESTION, "temperature": "hot"}),
    ("/v1/completions", {"max_tokens": 1}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a b c " * 70_000}]}),
])
def test_it_is_what_the_engine_says_in_one_piece(rouse, path, body):
    asked = {"model": "chat", "temperature": 0, "cache_prompt": False, **body}

    def plain(answer):
        """Without what is never twice the same."""
        of_the_moment = {"id", "created", "created_at", "completed_at", "timings"}
        if isinstance(answer, list):
            return [plain(element) for element in answer]
        if isinstance(answer, dict):
            if CACHED in answer:  # how much of a message's prompt was known from the one before
                answer["input_tokens"] += answer.pop(CACHED)
            return {key: plain(value) for key, value in answer.items() if key not in of_the_moment}
        return answer

    status, direct = engine(rouse, "POST", path, asked)
    if body.get("logprobs") is True:
        tokens = direct["choices"][0]["logprobs"]["content"]
        assert tokens.pop()["token"] == "", "the end of the answer, which a stream of llama-server's does not count as a token"
    got, _, relayed = rouse.post(path, asked)
    assert (got, plain(relayed)) == (status, plain(direct))
    assert ("timings" in relayed) == ("timings" in direct) or path == "/v1/responses"
