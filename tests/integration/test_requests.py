"""What the daemon answers: real models of every kind, and bad input of every kind."""

import base64
import json
import struct
import zlib

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon, until


@pytest.fixture(scope="module")
def models():
    return demo_models.paths()


@pytest.fixture(scope="module")
def rouse(models):
    llama = {"engine": "llama", "context": 1024, "threads": 1}
    hostile = {f"hostile/{name}": {**llama, "source": str(path)} for name, path in models.hostile.items()}
    config = {
        "budgets": {"host": {"limit": "8GiB"}},
        "limits": {"body": "1MiB"},
        "models": {
            "demo": {**llama, "source": str(models.demo), "aliases": ["gpt-4o-mini"]},
            "plain": {**llama, "source": str(models.text)},
            "tuned": {**llama, "source": str(models.text), "lora": [{"path": str(models.lora), "scale": 1.0}]},
            "embed": {**llama, "source": str(models.embedding), "embeddings": True},
            "eyes": {**llama, "source": str(models.vision), "mmproj": str(models.mmproj)},
            "huge": {**llama, "source": str(models.text), "footprint": {"host": "9GiB"}},
            "missing": {**llama, "source": "/nowhere/model.gguf"},
            **hostile,
        },
    }
    with RouseDaemon(config) as daemon:
        yield daemon


def png(width: int = 32, height: int = 32) -> bytes:
    rows = b"".join(b"\0" + bytes((x * 8) % 256 for x in range(width) for _ in range(3)) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_the_demo_model_makes_sense(rouse):
    status, _, body = rouse.chat("demo", "What is 7 plus 5?", max_tokens=40, temperature=0)
    assert status == 200
    assert "12" in body["choices"][0]["message"]["content"]


def test_an_alias_reaches_its_model(rouse):
    assert rouse.chat("gpt-4o-mini")[0] == 200


def test_a_lora_adapter_changes_the_answer(rouse):
    answers = []
    for model in ["plain", "tuned"]:
        status, _, body = rouse.chat(model, "hello", max_tokens=16, temperature=0, ignore_eos=True)
        assert status == 200, body
        answers.append(body["choices"][0]["message"]["content"])
    assert answers[0] != answers[1]


def test_embeddings(rouse):
    status, _, body = rouse.post("/v1/embeddings", {"model": "embed", "input": ["one", "two"]})
    assert status == 200, body
    assert len(body["data"]) == 2 and len(body["data"][0]["embedding"]) > 8


def test_a_picture_is_seen(rouse):
    picture = "data:image/png;base64," + base64.b64encode(png()).decode()
    content = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    status, _, body = rouse.post("/v1/chat/completions",
                                 {"model": "eyes", "messages": [{"role": "user", "content": content}], "max_tokens": 4})
    assert status == 200, body


def test_the_list_of_models(rouse):
    body = rouse.get("/v1/models")
    assert body["object"] == "list"
    assert "demo" in [m["id"] for m in body["data"]]
    assert rouse.get("/v1/models/hostile/truncated")["id"] == "hostile/truncated"


def test_health(rouse):
    assert rouse.ask("GET", "/health/live")[0] == 200
    assert rouse.ask("GET", "/health/ready")[0] == 200


# --- bad input ----------------------------------------------------------------------------------------------------


def test_an_unknown_model_is_404_with_the_nearest_names(rouse):
    status, headers, body = rouse.chat("dmeo")
    assert status == 404
    assert '"demo"' in body["error"]["message"]
    assert headers["x-should-retry"] == "false"


def test_malformed_json_is_400_with_the_offset(rouse):
    status, _, body = rouse.ask("POST", "/v1/chat/completions", raw=b'{"model": "demo", "messages": [}')
    assert status == 400
    assert "31" in body["error"]["message"], body


def test_no_model_is_400(rouse):
    status, _, body = rouse.post("/v1/chat/completions", {"messages": []})
    assert status == 400 and "model" in body["error"]["message"]


def test_a_contradicting_header_is_400(rouse):
    assert rouse.chat("demo", headers={"X-Model": "plain"})[0] == 400


def test_a_body_over_the_limit_is_413(rouse):
    status, _, body = rouse.chat("demo", "x" * (1 << 20))
    assert status == 413, body


def test_a_footprint_over_the_budget_is_507_at_once_with_the_sizes_and_evicts_nobody(rouse):
    assert rouse.chat("plain")[0] == 200
    before = rouse.model("plain")
    status, headers, body = rouse.chat("huge")
    assert status == 507
    assert "9 GiB" in body["error"]["message"] and "8 GiB" in body["error"]["message"]
    assert headers["x-should-retry"] == "false"
    assert rouse.model("plain")["pid"] == before["pid"]


def test_a_missing_file_fails_only_its_own_load(rouse):
    assert rouse.chat("missing")[0] == 502
    assert rouse.chat("demo")[0] == 200


@pytest.mark.parametrize("name", ["truncated"])
def test_a_hostile_file_fails_its_own_load_with_502_and_disturbs_nothing(rouse, name):
    assert rouse.chat("plain")[0] == 200
    before = rouse.model("plain")
    status, _, body = rouse.chat(f"hostile/{name}")
    assert status == 502, body
    assert rouse.model("plain")["pid"] == before["pid"]
    assert rouse.chat("plain")[0] == 200


def test_every_hostile_file_is_502(rouse, models):
    for name in models.hostile:
        status, _, body = rouse.chat(f"hostile/{name}")
        assert status == 502, (name, body)
        seen = rouse.model(f"hostile/{name}")
        assert seen["state"] == "failed" and seen["error"], seen
        until(lambda name=name: f"hostile/{name}: " in rouse.text(), "the log says so")


def test_a_mutation_needs_the_json_content_type(rouse):
    status, _, _ = rouse.ask("POST", "/rouse/v1/models/demo/load", headers={"Content-Type": "text/plain"}, raw=b"{}")
    assert status == 415


def test_a_foreign_origin_and_an_unknown_host_are_403(rouse):
    assert rouse.ask("GET", "/v1/models", headers={"Origin": "http://evil.example"})[0] == 403
    assert rouse.ask("GET", "/v1/models", headers={"Host": "evil.example"})[0] == 403
