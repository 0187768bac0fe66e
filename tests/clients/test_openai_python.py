"""OpenAI's own Python client against the real daemon: what it gets, and which of its exceptions a refusal becomes."""

import asyncio
import threading

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients import world
from tests.support.rouse_daemon import BOUND, RouseDaemon, until

QUESTION = [{"role": "user", "content": "What is 7 plus 5?"}]
ANSWER = "7 plus 5 is 12."
FOR_EVER = 100_000_000  # tokens
ONLY_IF_READY = {"X-Rouse-Load": "only-if-ready"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def rouse(folder):
    with world.varied(folder) as daemon:
        yield daemon


class Wire:
    """Every request and every answer that the client really sent and got, retries too."""

    def __init__(self, on_answer=lambda answer: None):
        self.requests: list = []
        self.http = openai.DefaultHttpxClient(
            trust_env=False, event_hooks={"request": [self.requests.append], "response": [on_answer]})


def client_of(rouse: RouseDaemon, wire: Wire | None = None, retries: int = 0) -> OpenAI:
    return OpenAI(base_url=rouse.url + "/v1", api_key="none", timeout=BOUND, max_retries=retries,
                  http_client=(wire or Wire()).http)


def async_client_of(rouse: RouseDaemon) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=rouse.url + "/v1", api_key="none", timeout=BOUND, max_retries=0,
                       http_client=openai.DefaultAsyncHttpxClient(trust_env=False))


@pytest.fixture
def client(rouse):
    with client_of(rouse) as client:
        yield client


# --- answers ------------------------------------------------------------------------------------------------------


def test_the_list_holds_every_model_and_alias(client):
    ids = [model.id for model in client.models.list()]
    assert {"demo", "gpt-4o-mini", "org/plain", "embed", "huge"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_model_is_retrieved_by_a_name_with_a_slash(client):
    model = client.models.retrieve("org/plain")
    assert (model.id, model.object, model.owned_by) == ("org/plain", "model", "rouse")


def test_one_shot_chat(client):
    answer = client.chat.completions.create(model="demo", messages=QUESTION, temperature=0, max_tokens=40)
    [choice] = answer.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", ANSWER, "stop")
    assert answer.model == "demo"
    assert 0 < answer.usage.completion_tokens < answer.usage.total_tokens
    assert answer._request_id


def test_what_stood_in_the_way_of_an_answer_is_in_its_header(client):
    raw = client.chat.completions.with_raw_response.create(model="demo", messages=QUESTION, max_tokens=1)
    assert raw.parse().choices
    assert raw.headers["server-timing"].startswith("queue;dur=")


def test_an_alias_and_content_in_parts(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": "What is 7 plus 5?"}]}]
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=parts, temperature=0, max_tokens=40)
    assert answer.choices[0].message.content == ANSWER


def test_streamed_chat(client):
    stream = client.chat.completions.create(model="demo", messages=QUESTION, temperature=0, max_tokens=40, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(piece or "" for piece in pieces) == ANSWER
    assert len([piece for piece in pieces if piece]) > 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 1


def test_the_clients_own_assembly_of_a_stream(client):
    with client.chat.completions.stream(model="demo", messages=QUESTION, temperature=0, max_tokens=40) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= kinds
    assert answer.choices[0].message.content == ANSWER


def test_completions_are_the_same_at_once_and_streamed(client):
    asked = {"model": "org/plain", "prompt": "Once", "max_tokens": 12, "temperature": 0}
    answer = client.completions.create(**asked)
    assert answer.usage.completion_tokens == 12
    assert answer.choices[0].finish_reason == "length"
    chunks = list(client.completions.create(**asked, stream=True))
    assert len(chunks) > 1
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text


def test_embeddings_are_the_same_packed_and_plain(client):
    texts = ["one model", "two models", "a heap of bytes"]
    packed = client.embeddings.create(model="embed", input=texts)  # the client asks for base64 and unpacks it
    plain = client.embeddings.create(model="embed", input=texts, encoding_format="float")
    assert [row.index for row in packed.data] == [0, 1, 2]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert len(one.embedding) == 64
        assert one.embedding == pytest.approx(other.embedding, abs=1e-4)
    assert packed.data[0].embedding != pytest.approx(packed.data[2].embedding, abs=1e-2)


def tool(purpose: str) -> dict:
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    return {"type": "function", "function": {"name": "count", "description": purpose, "parameters": parameters}}


@pytest.mark.parametrize("choice", ["auto", "none", "required", {"type": "function", "function": {"name": "count"}}],
                         ids=["auto", "none", "required", "named"])
def test_tools_pass_with_every_choice(client, choice):
    answer = client.chat.completions.create(model="demo", messages=QUESTION, tools=[tool("It counts.")],
                                            tool_choice=choice, temperature=0, max_tokens=40)
    assert answer.choices[0].message.content == ANSWER


def test_the_engine_sees_the_tools(client):
    said = [{"role": "user", "content": "Count for me."}]
    answer = client.chat.completions.create(model="tools", messages=said, tools=[tool("What is 7 plus 5?")],
                                            temperature=0, max_tokens=40)
    assert answer.choices[0].message.content == ANSWER
    answer = client.chat.completions.create(model="tools", messages=said, temperature=0, max_tokens=40)
    assert answer.choices[0].message.content != ANSWER


def test_what_a_tool_said_passes(client):
    call = {"id": "call-1", "type": "function", "function": {"name": "count", "arguments": '{"a": 7}'}}
    answer = client.chat.completions.create(
        model="demo", temperature=0, max_tokens=40, tools=[tool("It counts.")],
        messages=[*QUESTION, {"role": "assistant", "content": None, "tool_calls": [call]},
                  {"role": "tool", "tool_call_id": "call-1", "content": "12"}])
    assert answer.choices[0].message.content == ANSWER


def test_a_stream_begins_while_its_model_still_loads(rouse, client, folder):
    """The comments that keep it alive until then are not for the client's user to see."""
    stream = client.chat.completions.create(model="gated", messages=QUESTION, temperature=0, max_tokens=40, stream=True)
    assert rouse.state("gated") == "loading"
    world.open_gate(folder, "gated")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == ANSWER


# --- leaving ------------------------------------------------------------------------------------------------------


def expect_idle(rouse: RouseDaemon, client: OpenAI) -> None:
    """The only slot of `endless` is free again."""
    until(lambda: rouse.model("endless")["leases"] == 0, "the lease has ended")
    answer = client.chat.completions.create(model="endless", messages=QUESTION, max_tokens=3)
    assert answer.usage.completion_tokens == 3


def test_a_stream_closed_in_the_middle_stops_the_engine(rouse, client):
    stream = client.chat.completions.create(model="endless", messages=QUESTION, stream=True, max_tokens=FOR_EVER)
    for _ in range(5):
        next(stream)
    assert rouse.model("endless")["leases"] == 1
    stream.close()
    expect_idle(rouse, client)


def test_a_cancelled_call_stops_the_engine(rouse, client):
    async def call_and_cancel():
        async with async_client_of(rouse) as impatient:
            call = asyncio.create_task(
                impatient.chat.completions.create(model="endless", messages=QUESTION, max_tokens=FOR_EVER))
            await asyncio.to_thread(until, lambda: rouse.model("endless")["leases"] == 1 or call.done(), "it is admitted")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(call_and_cancel())
    expect_idle(rouse, client)


def test_a_call_that_the_client_gives_up_stops_the_engine(rouse, client):
    expect_idle(rouse, client)  # and loaded: the second is for the answer
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="endless", messages=QUESTION, timeout=1, max_tokens=FOR_EVER)
    expect_idle(rouse, client)


# --- refusals -----------------------------------------------------------------------------------------------------


def refused(kind: type[openai.APIStatusError], status: int, call, **asked) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        call(**asked)
    error = caught.value
    assert (type(error), error.status_code) == (kind, status), error
    assert error.request_id
    return error


def test_an_unknown_model_is_not_found_with_the_nearest_names(client):
    error = refused(openai.NotFoundError, 404, client.chat.completions.create, model="dmeo", messages=QUESTION)
    assert '"demo"' in error.message
    assert (error.code, error.param, error.type) == ("model_not_found", "model", "invalid_request_error")
    refused(openai.NotFoundError, 404, client.embeddings.create, model="dmeo", input="x")
    error = refused(openai.NotFoundError, 404, client.models.retrieve, model="org/plian")
    assert '"org/plain"' in error.message


@pytest.mark.parametrize("body, word", [
    ({"messages": QUESTION}, "model"),
    ({"model": 7, "messages": QUESTION}, '"model" must be a string'),
    ({"model": "demo", "messages": QUESTION, "stream": "yes"}, '"stream" must be'),
    ({"model": "demo"}, "messages"),  # the engine's own refusal
    ({"model": "demo", "messages": QUESTION, "temperature": "hot"}, "temperature"),  # likewise
    (["demo"], "object"),
], ids=["no model", "model is a number", "stream is a word", "no messages", "temperature is a word", "no object"])
def test_a_malformed_request_is_a_bad_request(client, body, word):
    error = refused(openai.BadRequestError, 400, client.post, path="/chat/completions", cast_to=object, body=body)
    assert word in error.message
    assert error.type == "invalid_request_error"


def test_broken_json_is_a_bad_request(client):
    error = refused(openai.BadRequestError, 400, client.post, path="/chat/completions", cast_to=object,
                    content=b'{"model": "demo", "messages": [}',
                    options={"headers": {"Content-Type": "application/json"}})
    assert error.code == "invalid_request"


def test_a_header_that_makes_no_sense_is_a_bad_request(client):
    error = refused(openai.BadRequestError, 400, client.chat.completions.create, model="demo", messages=QUESTION,
                    extra_headers={"X-Rouse-Keep": "a while"})
    assert "X-Rouse-Keep" in error.message


@pytest.mark.parametrize("size", [world.BODY_LIMIT, 8 * world.BODY_LIMIT], ids=["just", "by far"])
def test_a_body_over_the_limit_is_413(client, size):
    error = refused(openai.APIStatusError, 413, client.chat.completions.create, model="demo",
                    messages=[{"role": "user", "content": "x" * size}])
    assert error.code == "request_too_large"


def test_another_sites_page_is_denied(client):
    refused(openai.PermissionDeniedError, 403, client.chat.completions.create, model="demo", messages=QUESTION,
            extra_headers={"Origin": "http://elsewhere.example"})


def test_a_stranger_is_not_authenticated_and_who_asks_too_often_is_limited():
    asked = {"model": "plain", "prompt": "x", "max_tokens": 1}
    with world.keyed() as rouse, client_of(rouse) as stranger:
        known = stranger.with_options(api_key=world.LIMITED[0])
        assert refused(openai.AuthenticationError, 401, stranger.completions.create, **asked).code == "invalid_api_key"
        assert known.completions.create(**asked).usage.completion_tokens == 1
        error = refused(openai.RateLimitError, 429, known.completions.create, **asked)
        assert error.code == "rate_limit_exceeded"
        assert int(error.response.headers["retry-after"]) >= 1


def test_a_model_that_cannot_be_loaded_is_502(client):
    error = refused(openai.InternalServerError, 502, client.chat.completions.create, model="broken", messages=QUESTION)
    assert error.code == "model_load_failed"


def test_a_cold_model_stays_cold_for_who_wants_it_only_if_ready(rouse, client):
    error = refused(openai.InternalServerError, 503, client.chat.completions.create, model="untouched",
                    messages=QUESTION, extra_headers=ONLY_IF_READY)
    assert int(error.response.headers["retry-after"]) >= 1
    assert (rouse.state("untouched"), rouse.model("untouched")["loads"]) == ("cold", 0)


def test_a_deadline_that_passes_is_504(rouse, client):
    error = refused(openai.InternalServerError, 504, client.chat.completions.create, model="stuck", messages=QUESTION,
                    extra_headers={"X-Rouse-Deadline": "300ms"})
    assert error.code == "deadline_exceeded"
    assert error.response.headers["x-should-retry"] == "false"  # whoever has waited that long does not want it thrice
    assert rouse.model("stuck")["waiting"] == 0


def test_a_failure_after_a_stream_has_begun_is_an_error_in_it(client, folder):
    stream = client.chat.completions.create(model="spoilt", messages=QUESTION, stream=True)
    world.open_gate(folder, "spoilt")
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "model_load_failed"


# --- trying again -------------------------------------------------------------------------------------------------


def test_what_can_never_fit_is_507_and_not_tried_again(rouse):
    wire = Wire()
    with client_of(rouse, wire, retries=2) as client:
        error = refused(openai.InternalServerError, 507, client.chat.completions.create, model="huge",
                        messages=QUESTION)
    assert error.code == "model_too_large"
    assert "9 GiB" in error.message and "8 GiB" in error.message
    assert len(wire.requests) == 1


def test_what_is_not_ready_is_tried_again_and_answered_once_it_is(rouse):
    def load(answer):
        if answer.status_code == 503:
            assert rouse.post("/rouse/v1/models/later/load", {"wait": True})[0] == 200

    wire = Wire(load)
    with client_of(rouse, wire, retries=2) as client:
        answer = client.chat.completions.create(model="later", messages=QUESTION, max_tokens=3,
                                                extra_headers=ONLY_IF_READY)
    assert answer.usage.completion_tokens == 3
    assert len(wire.requests) == 2


# --- many at once -------------------------------------------------------------------------------------------------


def test_50_calls_over_four_models_in_a_budget_for_two_are_all_answered_whole():
    async def ask(client: AsyncOpenAI, turn: int) -> str:
        a, b = world.SUMS[turn]
        asked = {"model": world.CROWD[turn % len(world.CROWD)], "temperature": 0, "max_tokens": 40,
                 "messages": [{"role": "user", "content": f"What is {a} plus {b}?"}]}
        streamed = turn % 8 >= 4  # half of each model's
        if not streamed:
            answer = await client.chat.completions.create(**asked)
            assert answer.choices[0].finish_reason == "stop"
            return answer.choices[0].message.content
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked, stream=True)]
        assert chunks[-1].choices[0].finish_reason == "stop"
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    async def ask_all() -> list[str]:
        async with async_client_of(rouse) as client:
            return await asyncio.gather(*(ask(client, turn) for turn in range(world.CALLS)))

    with world.crowded() as rouse:
        done = threading.Event()
        seen = []

        def watch():
            while not done.is_set():
                seen.append(len(rouse.loaded()))
                done.wait(0.05)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            answers = asyncio.run(ask_all())
        finally:
            done.set()
            watcher.join(BOUND)
        assert answers == [f"{a} plus {b} is {a + b}." for a, b in world.SUMS]
        assert max(seen) == 2
        assert all(rouse.model(name)["loads"] >= 1 for name in world.CROWD)
