"""Every way to ask: dialects, forms, fields, aliases."""

from urllib.parse import quote

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon


@pytest.fixture(scope="module")
def models():
    return demo_models.paths()


@pytest.fixture(scope="module")
def rouse(models):
    llama = {"engine": "llama", "context": 1024, "threads": 1}
    config = {
        "budgets": {"host": {"limit": "8GiB"}},
        "models": {
            "org/demo": {**llama, "source": str(models.demo), "aliases": ["gpt-4o-mini", "other/name"]},
            "plain": {**llama, "source": str(models.text)},
            "rerank": {**llama, "source": str(models.reranker), "reranking": True},
            "untouched": {**llama, "source": str(models.text)},
            "missing": {**llama, "source": "/nowhere/model.gguf"},
        },
    }
    with RouseDaemon(config) as daemon:
        yield daemon


# --- names and fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["org/demo", "gpt-4o-mini", "other/name"])
def test_a_model_answers_to_its_id_and_to_each_alias(rouse, name):
    assert rouse.chat(name)[0] == 200
    assert rouse.chat(name, headers={"X-Model": "org/demo"})[0] == 200


def test_what_is_llama_servers_own_goes_to_the_model_that_the_body_names(rouse):
    status, _, told = rouse.post("/tokenize", {"model": "org/demo", "content": "What is Rouse?"})
    assert status == 200 and told["tokens"]
    status, _, back = rouse.post("/detokenize", {"model": "gpt-4o-mini", "tokens": told["tokens"]})
    assert status == 200 and back["content"] == "What is Rouse?"
    status, _, prompt = rouse.post("/apply-template",
                                   {"model": "org/demo", "messages": [{"role": "user", "content": "hello"}]})
    assert status == 200 and "hello" in prompt["prompt"]
    status, _, answer = rouse.post("/completion", {"model": "org/demo", "prompt": "a", "n_predict": 2})
    assert status == 200 and answer["tokens_predicted"] == 2
    status, _, refused = rouse.post("/infill", {"model": "nobody", "input_prefix": "a", "input_suffix": "b"})
    assert status == 404 and refused["error"]["param"] == "model"


def test_the_header_alone_names_the_model(rouse):
    status, _, _ = rouse.post("/v1/completions", {"prompt": "a", "max_tokens": 1}, headers={"X-Model": "other/name"})
    assert status == 200


def test_a_header_that_names_another_model_is_400(rouse):
    status, _, body = rouse.chat("org/demo", headers={"X-Model": "plain"})
    assert status == 400
    assert body["error"]["param"] == "model"


def test_keep_alive_in_the_body_gives_the_model_back(rouse):
    assert rouse.chat("plain", keep_alive="forever")[0] == 200
    assert rouse.model("plain")["expires_at"] is None
    assert rouse.chat("plain", keep_alive=0)[0] == 200
    rouse.until_state("plain", "cold")


def test_a_deadline_in_the_body_is_obeyed(rouse):
    status, _, body = rouse.chat("plain", deadline=1e-6)
    assert status == 504, body


def test_fields_that_contradict_headers_are_400(rouse):
    status, _, body = rouse.chat("plain", keep_alive="5m", headers={"X-Rouse-Keep": "6m"})
    assert status == 400
    assert "keep_alive" in body["error"]["message"]
    assert rouse.chat("plain", priority="urgent")[0] == 400


# --- OpenAI's -----------------------------------------------------------------------------------------------------


def test_a_response(rouse):
    status, _, body = rouse.post("/v1/responses", {"model": "org/demo", "input": "What is 7 plus 5?", "temperature": 0,
                                                   "max_output_tokens": 40})
    assert status == 200, body
    assert "12" in body["output"][0]["content"][0]["text"]


@pytest.mark.parametrize("path", ["/v1/rerank", "/v1/reranking"])
def test_a_ranking(rouse, path):
    status, _, body = rouse.post(path, {"model": "rerank", "query": "a", "documents": ["b", "c"]})
    assert status == 200, body
    assert len(body["results"]) == 2


# --- Anthropic's --------------------------------------------------------------------------------------------------

ANTHROPIC = {"anthropic-version": "2023-06-01", "x-api-key": "none"}
QUESTION = {"model": "org/demo", "max_tokens": 40, "temperature": 0,
            "messages": [{"role": "user", "content": "What is 7 plus 5?"}]}


def is_error(body: dict, kind: str) -> bool:
    return body["type"] == "error" and body["error"]["type"] == kind and bool(body["error"]["message"])


def test_a_message(rouse):
    status, headers, body = rouse.post("/v1/messages", QUESTION, headers=ANTHROPIC)
    assert status == 200, body
    assert body["type"] == "message" and "12" in body["content"][0]["text"]
    assert headers["request-id"] == headers["X-Request-Id"]


def test_a_streamed_message(rouse):
    status, _, text = rouse.post("/v1/messages", {**QUESTION, "stream": True}, headers=ANTHROPIC)
    assert status == 200
    assert text.startswith("event: message_start\n") and "event: message_stop" in text


def test_the_tokens_of_a_message_are_counted(rouse):
    status, _, body = rouse.post("/v1/messages/count_tokens", QUESTION, headers=ANTHROPIC)
    assert status == 200 and body["input_tokens"] > 3


@pytest.mark.parametrize("body,status,kind", [
    ({**QUESTION, "model": "nobody"}, 404, "not_found_error"),
    ({**QUESTION, "model": 7}, 400, "invalid_request_error"),
    ({**QUESTION, "model": "missing"}, 502, "api_error"),
    ({**QUESTION, "deadline": 1e-6}, 504, "timeout_error"),
    ({"model": "org/demo"}, 400, "invalid_request_error"),
    ({**QUESTION, "messages": "hi"}, 400, "invalid_request_error"),
    ({**QUESTION, "tools": 1}, 400, "invalid_request_error"),
    ({**QUESTION, "messages": [{"role": "user", "content": "a b c " * 1000}]}, 400, "invalid_request_error"),
])
def test_every_refusal_of_a_message_has_anthropics_shape(rouse, body, status, kind):
    got, headers, error = rouse.post("/v1/messages", body, headers=ANTHROPIC)
    assert got == status, error
    assert is_error(error, kind)
    assert error["request_id"] == headers["request-id"]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions"])
def test_nothing_is_loaded_for_a_request_that_no_engine_can_answer(rouse, path):
    for body in [{}, {"messages": None}, {"messages": "hi"}, {"messages": [], "tools": {}}]:
        status, headers, error = rouse.post(path, {"model": "untouched", "max_tokens": 1, **body})
        assert status == 400 and "must be an array" in error["error"]["message"], (body, error)
        assert headers["x-should-retry"] == "false"
    assert rouse.model("untouched")["loads"] == 0


@pytest.mark.parametrize("path,wrong", [
    ("/v1/chat/completions", {"messages": [{"content": "x"}]}), ("/v1/messages", {"messages": [{"content": "x"}]}),
    ("/v1/chat/completions", {**QUESTION, "model": "plain", "tools": [{"function": {}}]}),
])
@pytest.mark.parametrize("stream", [True, False])
def test_what_breaks_an_engine_is_the_clients_fault_where_it_is(rouse, path, wrong, stream):
    status, headers, error = rouse.post(path, {"model": "plain", "max_tokens": 1, "stream": stream, **wrong})
    assert status == 400 and "has no" in error["error"]["message"], error
    assert headers["x-should-retry"] == "false" and error["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank"])
def test_what_engines_themselves_miss_is_the_clients_fault_too(rouse, path):
    status, _, error = rouse.post(path, {"model": "rerank" if path == "/v1/rerank" else "org/demo"})
    assert 400 <= status < 500 or status == 501, error
    assert error["error"]["message"]


def test_errors_before_the_route_have_anthropics_shape_too(rouse):
    assert is_error(rouse.ask("POST", "/v1/messages", raw=b"{}", headers={"Content-Type": "text/plain"})[2],
                    "invalid_request_error")
    assert is_error(rouse.ask("GET", "/v1/messages")[2], "invalid_request_error")
    assert is_error(rouse.post("/v1/messages/batches")[2], "not_found_error")
    assert is_error(rouse.ask("GET", "/v1/models", headers={**ANTHROPIC, "Origin": "http://evil.example"})[2],
                    "permission_error")


def test_the_list_of_models_is_anthropics_for_its_clients(rouse):
    _, _, body = rouse.ask("GET", "/v1/models", headers=ANTHROPIC)
    assert {"org/demo", "gpt-4o-mini"} <= {model["id"] for model in body["data"]}
    assert body["has_more"] is False and body["data"][0]["type"] == "model"
    names, page = [], {"has_more": True, "last_id": ""}
    while page["has_more"]:
        after = f"&after_id={quote(page['last_id'])}" if page["last_id"] else ""
        _, _, page = rouse.ask("GET", f"/v1/models?limit=2{after}", headers=ANTHROPIC)
        assert page["first_id"] == page["data"][0]["id"] and page["last_id"] == page["data"][-1]["id"]
        names += [model["id"] for model in page["data"]]
    assert names == [model["id"] for model in body["data"]] and len(names) > 4
    _, _, page = rouse.ask("GET", f"/v1/models?limit=1&before_id={quote(names[-1])}", headers=ANTHROPIC)
    assert [model["id"] for model in page["data"]] == [names[-2]] and page["has_more"]
    for query in ["limit=0", "limit=1001", "limit=x", "after_id=nobody", "after_id=plain&before_id=plain"]:
        assert is_error(rouse.ask("GET", f"/v1/models?{query}", headers=ANTHROPIC)[2], "invalid_request_error"), query
    _, _, card = rouse.ask("GET", "/v1/models/org/demo", headers=ANTHROPIC)
    assert card["type"] == "model" and card["id"] == "org/demo"
    assert is_error(rouse.ask("GET", "/v1/models/nobody", headers=ANTHROPIC)[2], "not_found_error")
    assert rouse.get("/v1/models")["object"] == "list"
