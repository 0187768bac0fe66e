"""A deadline that passes in mid-answer ends it with what there is."""

import json

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon, until
from tests.support.upstream import Upstream

CHAT = {"messages": [{"role": "user", "content": "go on"}]}
PATHS = {"/v1/chat/completions": CHAT, "/v1/completions": {"prompt": "go on"}, "/v1/messages": {**CHAT, "max_tokens": 60000},
         "/v1/responses": {"input": "go on", "max_output_tokens": 60000}}
CACHED = ["cache_read_input_tokens", "input_tokens"]  # llama-server keeps a message's prompt for the next
SPLIT = ["queue_ms", "load_ms", "prompt_ms", "generation_ms"]


def events(text: str) -> list[dict]:
    """The data of each event; the stream ends with a whole one."""
    assert text.endswith("\n\n")
    data = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(event) for event in data if event != "[DONE]"]


def says_why(answer: dict) -> bool:
    return answer["rouse"]["deadline_passed"] is True and all(answer["rouse"][key] >= 0 for key in SPLIT)


# --- the real engine ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rouse():
    model = {"engine": "llama", "source": str(demo_models.paths().text), "context": 65536, "parallel": 1, "threads": 1}
    with RouseDaemon({"budgets": {"host": {"limit": "8GiB"}}, "models": {"chat": model}}) as daemon:
        assert daemon.chat("chat")[0] == 200
        yield daemon


def endless(path: str, **more) -> dict:
    return {"model": "chat", "ignore_eos": True, "max_tokens": 60000, "deadline": "2s", **PATHS[path], **more}


def test_a_whole_chat(rouse):
    status, _, body = rouse.post("/v1/chat/completions", endless("/v1/chat/completions"))
    assert status == 200, body
    choice = body["choices"][0]
    assert choice["finish_reason"] == "length" and choice["message"]["role"] == "assistant" and choice["message"]["content"]
    assert body["object"] == "chat.completion" and says_why(body)
    usage = body["usage"]
    assert usage["completion_tokens"] > 1 and usage["prompt_tokens"] > 1
    assert usage["total_tokens"] == usage["completion_tokens"] + usage["prompt_tokens"]
    until(lambda: "was ended by its deadline" in rouse.text(), "the log says so")
    line = next(line for line in rouse.log if "was ended by its deadline" in line)
    assert all(part in line for part in ["queue ", "load ", "prompt ", "generation "])


def test_a_whole_completion(rouse):
    status, _, body = rouse.post("/v1/completions", endless("/v1/completions"))
    assert status == 200, body
    assert body["choices"][0]["finish_reason"] == "length" and body["choices"][0]["text"]
    assert body["object"] == "text_completion" and says_why(body)


def test_a_whole_message(rouse):
    status, _, body = rouse.post("/v1/messages", endless("/v1/messages"))
    assert status == 200, body
    assert body["type"] == "message" and body["stop_reason"] == "max_tokens" and body["content"][0]["text"]
    assert body["usage"]["input_tokens"] + body["usage"]["cache_read_input_tokens"] > 1
    assert body["usage"]["output_tokens"] > 1 and says_why(body)


def test_a_whole_response(rouse):
    status, _, body = rouse.post("/v1/responses", endless("/v1/responses"))
    assert status == 200, body
    assert body["object"] == "response" and body["status"] == "incomplete" and says_why(body)
    assert body["incomplete_details"]["reason"] == "max_output_tokens"
    [message] = body["output"]
    assert (message["type"], message["status"]) == ("message", "incomplete") and message["content"][0]["text"]


def test_a_stream_of_a_response(rouse):
    status, _, text = rouse.post("/v1/responses", endless("/v1/responses", stream=True))
    assert status == 200
    found = events(text)
    assert text.count("event: ") == len(found)
    assert [event["type"] for event in found[-2:]] == ["response.output_item.done", "response.incomplete"]
    last = found[-1]["response"]
    assert last["id"] == found[0]["response"]["id"] and last["status"] == "incomplete" and says_why(last)
    said = "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
    assert last["output"][0]["content"][0]["text"] == said and len(said) > 1


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize("usage", [True, False])
def test_a_stream_of_chunks(rouse, path, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    status, _, text = rouse.post(path, endless(path, stream=True, **options))
    assert status == 200 and text.endswith("data: [DONE]\n\n")
    chunks = events(text)
    last = chunks[-2] if usage else chunks[-1]
    assert last["choices"][0]["finish_reason"] == "length" and says_why(last)
    assert last["id"] == chunks[0]["id"] and last["object"] == chunks[0]["object"]
    if usage:
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["prompt_tokens"] > 1
    else:
        assert not any("usage" in chunk or "timings" in chunk for chunk in chunks)


def test_a_stream_of_a_message(rouse):
    status, _, text = rouse.post("/v1/messages", endless("/v1/messages", stream=True))
    assert status == 200
    found = events(text)
    assert [event["type"] for event in found[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert found[-2]["delta"]["stop_reason"] == "max_tokens" and says_why(found[-2])


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_in_time_is_as_without_a_deadline(rouse, path):
    most = "max_output_tokens" if path == "/v1/responses" else "max_tokens"
    body = {"model": "chat", "temperature": 0, "cache_prompt": False, **PATHS[path], most: 12}

    def plain(answer):
        for key in ["id", "created", "created_at", "completed_at", "timings"]:  # llama-server streams no completed_at
            answer.pop(key, None)
        for item in answer.get("output", []):
            item.pop("id")
        answer["usage"]["input_tokens"] = sum(answer["usage"].get(key, 0) for key in CACHED)
        answer["usage"].pop(CACHED[0], None)
        return answer
    answers = [rouse.post(path, {**body, **deadline})[2] for deadline in [{}, {"deadline": "100s"}]]
    assert plain(answers[0]) == plain(answers[1])


def test_the_slot_is_free_again(rouse):
    assert rouse.post("/v1/chat/completions", endless("/v1/chat/completions"))[0] == 200
    assert rouse.chat("chat")[0] == 200
    until(lambda: rouse.model("chat")["leases"] == 0, "no lease is left")


# --- an engine that stops when it is told -------------------------------------------------------------------------


def chunk(text: str, **more) -> dict:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more}


def serve(upstream: Upstream) -> RouseDaemon:
    return RouseDaemon({"models": {"far": {"engine": "remote", "url": upstream.url}}})


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path,kind", [("/v1/chat/completions", "server_error"), ("/v1/messages", "timeout_error")])
def test_before_any_token_it_is_504(path, kind, stream):
    def tell(talk):
        talk.events({"id": "c1", "object": "chat.completion.chunk",
                     "choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]})
        talk.until_gone()

    with Upstream(tell) as upstream, serve(upstream) as rouse:
        status, _, body = rouse.post(path, {"model": "far", "deadline": 0.3, "stream": stream, **PATHS[path]})
        assert status == 504 and body["error"]["type"] == kind


def test_half_an_event_is_not_passed_on():
    def tell(talk):
        talk.events(chunk("whole"))
        talk.bytes(b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"ha')
        talk.until_gone()

    with Upstream(tell) as upstream, serve(upstream) as rouse:
        status, _, text = rouse.post("/v1/chat/completions", {"model": "far", "deadline": 0.3, "stream": True, **CHAT})
        assert status == 200
        found = events(text)
        assert [c["choices"][0]["delta"].get("content") for c in found] == ["whole", None]


def test_the_engine_is_asked_to_stream_and_nothing_else_changes():
    def tell(talk):
        talk.events(chunk("a"), "[DONE]")

    with Upstream(tell) as upstream, serve(upstream) as rouse:
        raw = b'{"model":"far", "messages" : [1.50],"stream": false,"deadline":"9s"}'
        status, _, body = rouse.ask("POST", "/v1/chat/completions", raw=raw)
        assert status == 200 and body["choices"][0]["message"]["content"] == "a"
        assert upstream.asked[-1].body == (
            b'{"stream_options":{"include_usage":true},"model":"far", "messages" : [1.50],"stream": true}')


def test_without_a_deadline_nothing_is_streamed_underneath():
    with Upstream() as upstream, serve(upstream) as rouse:
        assert rouse.chat("far")[0] == 200
        assert "stream" not in upstream.asked[-1].json


def test_an_engine_that_will_not_stream_is_relayed():
    with Upstream(lambda talk: talk.json(422, {"error": {"message": "no streams here"}})) as upstream, serve(upstream) as rouse:
        status, _, body = rouse.chat("far", deadline=9)
        assert (status, body["error"]["message"]) == (422, "no streams here")


@pytest.mark.parametrize("stream", [True, False])
def test_an_engine_that_breaks_off_is_an_error_and_no_partial_answer(stream):
    def tell(talk):
        talk.events(chunk("a"))
        talk.streaming = False
        talk.close_connection = True

    with Upstream(tell) as upstream, serve(upstream) as rouse:
        status, _, body = rouse.chat("far", deadline=60, stream=stream)
        if not stream:
            assert status == 502 and body["error"]["code"] == "engine_failed"
            return
        assert status == 200 and "[DONE]" not in body
        assert "error" in events(body)[-1]


def test_an_error_in_the_stream_is_the_answer_to_a_client_without_one():
    def tell(talk):
        talk.events(chunk("a"), {"error": {"message": "context is full", "code": 500}})

    with Upstream(tell) as upstream, serve(upstream) as rouse:
        status, _, body = rouse.chat("far", deadline=60)
        assert status == 502 and body["error"]["message"] == "context is full"
