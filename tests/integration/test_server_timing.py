"""Where a request's time went is on every answer to it, refusals included, as far as it is known by then."""

import json
import re
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon

ECHO = Path(__file__).resolve().parents[1] / "support" / "echo_engine.py"
CHAT = "/v1/chat/completions"
NOBODY = b'{"model": "nobody", "messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}'


def program(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="module")
def rouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    model = {"engine": "llama", "source": str(demo_models.paths().text), "footprint": {"host": "64MiB"}}
    with RouseDaemon({
        "budgets": {"host": {"limit": "1GiB"}},
        "engines": {"llama": {"binary": str(ECHO)}},
        "models": {
            "chat": model,
            "asleep": model,
            "huge": {**model, "footprint": {"host": "2GiB"}},
            "missing": {**model, "source": "/nowhere/model.gguf"},
            "crashing": {**model, "binary": program(folder, "crashing", "exit 7")},
            "hanging": {**model, "binary": program(folder, "hanging", "exec tail -f /dev/null")},
        },
    }) as daemon:
        yield daemon


def timing_of(headers) -> dict[str, float]:
    """In milliseconds."""
    assert headers["X-Request-Id"], headers
    text = headers["Server-Timing"]
    assert text and re.fullmatch(r"\w+;dur=\d+\.\d{3}(, \w+;dur=\d+\.\d{3})*", text), headers
    return {name: float(duration) for name, duration in re.findall(r"(\w+);dur=([\d.]+)", text)}


def test_an_answer_says_how_long_it_queued_and_loaded_and_how_long_the_engine_took(rouse):
    status, headers, _ = rouse.chat("chat")
    cold = timing_of(headers)
    assert status == 200 and list(cold) == ["queue", "load", "first"] and cold["load"] > 0 and cold["first"] > 0, cold
    warm = timing_of(rouse.chat("chat")[1])
    assert warm["load"] == 0, warm


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/embeddings", "/v1/messages"])
@pytest.mark.parametrize("raw, status", [(NOBODY, 404), (b'{"model": "chat"', 400), (b"{}", 400),
                                         (b'{"model": "chat", "deadline": "soon"}', 400)])
def test_what_is_refused_before_it_could_wait_has_waited_for_nothing(rouse, path, raw, status):
    answered, headers, _ = rouse.ask("POST", path, raw=raw)
    assert answered == status and timing_of(headers) == {"queue": 0}


@pytest.mark.parametrize("model, status, more", [("huge", 507, {}), ("asleep", 503, {"X-Rouse-Load": "only-if-ready"})])
def test_what_is_refused_without_a_load_has_waited_for_none(rouse, model, status, more):
    answered, headers, _ = rouse.chat(model, headers=more)
    timing = timing_of(headers)
    assert answered == status and list(timing) == ["queue", "load"] and timing["load"] == 0, timing


def test_the_time_it_takes_to_see_that_a_file_is_missing_is_queueing(rouse):
    status, headers, _ = rouse.chat("missing")
    timing = timing_of(headers)
    assert status == 502 and timing["queue"] > 0 and timing["load"] == 0, timing


def test_a_load_that_fails_is_load_and_not_queueing(rouse):
    status, headers, _ = rouse.chat("crashing")
    timing = timing_of(headers)
    assert status == 502 and timing["load"] > 0 and "first" not in timing, timing


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_deadline_that_passes_in_a_load_says_that_it_went_there(rouse, path):
    body = {"model": "hanging", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "deadline": 0.3}
    status, headers, _ = rouse.post(path, body)
    timing = timing_of(headers)
    assert status == 504 and timing["load"] > timing["queue"] and timing["queue"] + timing["load"] > 299, timing


def test_a_stream_that_begins_while_its_model_loads_says_how_long_it_has_waited_by_then(rouse):
    connection, answer = rouse.stream("hanging", deadline=2.5)
    timing = timing_of(answer.headers)
    assert answer.status == 200 and timing["load"] >= 1500 and "first" not in timing, timing
    assert "deadline" in json.dumps(answer.read().decode())
    connection.close()


def test_an_operator_who_waits_for_a_load_is_told_too(rouse):
    assert rouse.post("/rouse/v1/models/chat/unload", {})[0] == 200
    status, headers, _ = rouse.post("/rouse/v1/models/chat/load", {"wait": True})
    assert status == 200 and timing_of(headers)["load"] > 0
    status, headers, _ = rouse.post("/rouse/v1/models/crashing/load", {"wait": True})
    assert status == 502 and timing_of(headers)["load"] > 0
