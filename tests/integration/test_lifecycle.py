"""The life of models in the real daemon with the real llama-server."""

import asyncio
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from tests.support import demo_models
from tests.support.gate import Gate
from tests.support.rouse_daemon import BOUND, RouseDaemon, alive, events, until


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def text_model(models, **more) -> dict:
    return {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 2, "threads": 1, **more}


def serve(models, *, host: str = "8GiB", **named) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": host}}, "policy": {"settle": "10m"}, "models": named})


def test_nothing_is_loaded_until_somebody_asks(models):
    with serve(models, chat=text_model(models)) as rouse:
        assert rouse.state("chat") == "cold"
        assert rouse.loaded() == []
        status, headers, body = rouse.chat("chat")
        assert status == 200, body
        assert body["choices"][0]["message"]["role"] == "assistant"
        assert "load;dur=" in headers["Server-Timing"]
        assert headers["X-Request-Id"]
        model = rouse.model("chat")
        assert (model["state"], model["loads"]) == ("ready", 1)
        assert model["last_load_ms"] > 0
        assert alive(model["pid"])


def test_500_concurrent_first_requests_are_answered_by_one_worker(models):
    async def ask_all(url: str) -> list[int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0),
                                         timeout=aiohttp.ClientTimeout(total=600)) as session:
            async def ask():
                body = {"model": "chat", "prompt": "a", "max_tokens": 1}
                async with session.post(url + "/v1/completions", json=body) as answer:
                    await answer.read()
                    return answer.status
            return await asyncio.gather(*(ask() for _ in range(500)))

    with serve(models, chat=text_model(models, parallel=4)) as rouse:
        statuses = asyncio.run(ask_all(rouse.url))
        assert statuses.count(200) == 500
        assert rouse.model("chat")["loads"] == 1
        assert rouse.text().count("starting on") == 1


def test_three_models_in_a_budget_for_two_under_streaming_load(models):
    """For 20 s four clients stream from three models: nothing is cut, and there are never three workers."""
    size = {"footprint": {"host": "1GiB"}, "keep": "forever"}
    names = ["a", "b", "c"]

    async def stream_for(url: str, client: int, seconds: float) -> tuple[int, int]:
        whole = broken = 0
        ends = time.monotonic() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=BOUND)) as session:
            turn = client
            while time.monotonic() < ends:
                body = {"model": names[turn % 3], "messages": [{"role": "user", "content": "go on"}], "max_tokens": 16,
                        "stream": True, "ignore_eos": True}
                turn += 1
                async with session.post(url + "/v1/chat/completions", json=body) as answer:
                    text = (await answer.read()).decode()
                    if answer.status == 200 and text.rstrip().endswith("data: [DONE]") and '"error"' not in text:
                        whole += 1
                    else:
                        broken += 1
        return whole, broken

    async def watch(url: str, seconds: float) -> int:
        most = 0
        ends = time.monotonic() + seconds
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < ends:
                async with session.get(url + "/rouse/v1/models") as answer:
                    seen = (await answer.json())["models"]
                most = max(most, sum(1 for m in seen if m["pid"]))
                await asyncio.sleep(0)
        return most

    async def all_of_it(url: str):
        return await asyncio.gather(watch(url, 20), *(stream_for(url, client, 20) for client in range(4)))

    with serve(models, host="2300MiB", **{name: text_model(models, **size) for name in names}) as rouse:
        most, *counts = asyncio.run(all_of_it(rouse.url))
        assert sum(broken for _, broken in counts) == 0
        assert sum(whole for whole, _ in counts) > 10
        assert most == 2
        assert all(rouse.model(name)["loads"] >= 1 for name in names)


def test_keep_0_gives_back_right_after_the_answer(models):
    with serve(models, chat=text_model(models)) as rouse:
        status, _, _ = rouse.chat("chat", headers={"X-Rouse-Keep": "0"})
        assert status == 200
        rouse.until_state("chat", "cold")
        assert rouse.get("/rouse/v1/devices")["devices"][0]["used_by_models"] == 0


def test_keep_expires_after_its_time_and_forever_does_not(models):
    with serve(models, brief=text_model(models, keep="300ms"), stays=text_model(models, keep="forever")) as rouse:
        assert rouse.chat("brief")[0] == 200
        assert rouse.chat("stays")[0] == 200
        assert rouse.model("stays")["expires_at"] is None
        rouse.until_state("brief", "cold")
        assert rouse.state("stays") == "ready"


def test_a_pinned_model_is_not_evicted_and_unloads_only_with_force(models):
    size = {"footprint": {"host": "1GiB"}}
    with serve(models, host="1500MiB", pinned=text_model(models, pinned=True, **size), other=text_model(models, **size)) as rouse:
        assert rouse.chat("pinned")[0] == 200
        status, headers, body = rouse.chat("other")
        assert status == 503, body
        assert "pinned" in body["error"]["message"]
        assert rouse.post("/rouse/v1/models/pinned/unload")[0] == 409
        status, _, receipt = rouse.post("/rouse/v1/models/pinned/unload", {"force": True})
        assert status == 200, receipt
        assert receipt["confirmed"] and 0 < receipt["freed"]["host"] < 1 << 30  # what it held, not what it was given
        assert rouse.chat("other")[0] == 200
        assert rouse.post("/rouse/v1/models/other/pin")[0] == 200
        assert rouse.model("other")["pinned"]
        assert rouse.post("/rouse/v1/models/other/unpin")[0] == 200
        assert not rouse.model("other")["pinned"]


def test_a_gentle_unload_waits_for_the_stream_and_a_forced_one_refuses_newcomers(models):
    with serve(models, chat=text_model(models)) as rouse, ThreadPoolExecutor() as pool:
        connection, answer = rouse.stream("chat", max_tokens=400)
        lines = events(answer)
        next(lines)
        unload = pool.submit(rouse.post, "/rouse/v1/models/chat/unload", {"force": False})
        rouse.until_state("chat", "draining")
        status, headers, body = rouse.chat("chat")
        assert status == 503, body
        assert headers["Retry-After"]
        assert list(lines)[-1] == "[DONE]"
        connection.close()
        status, _, receipt = unload.result(BOUND)
        assert status == 200 and receipt["confirmed"]
        assert rouse.state("chat") == "cold"
        assert rouse.chat("chat")[0] == 200


def test_a_worker_killed_in_mid_stream_ends_the_stream_with_an_error_and_the_next_request_reloads(models):
    with serve(models, chat=text_model(models)) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=1500)
        lines = events(answer)
        next(lines)
        os.kill(rouse.model("chat")["pid"], signal.SIGKILL)
        rest = [json.loads(line) for line in lines if line != "[DONE]" and not isinstance(line, tuple)]
        assert "error" in rest[-1], rest[-1]
        connection.close()
        status, _, body = rouse.chat("chat")
        assert status == 200, body
        assert rouse.model("chat")["loads"] == 2


def test_kill_9_of_the_daemon_leaves_no_worker(models):
    with serve(models, chat=text_model(models)) as rouse:
        assert rouse.chat("chat")[0] == 200
        pid = rouse.model("chat")["pid"]
        assert alive(pid)
        rouse.process.kill()
        rouse.process.wait(BOUND)
        until(lambda: not alive(pid), "the worker is gone")


def test_sigterm_lets_a_running_stream_end_and_stops_the_workers(models):
    with serve(models, chat=text_model(models)) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=300)
        lines = events(answer)
        next(lines)
        pid = rouse.model("chat")["pid"]
        rouse.process.send_signal(signal.SIGTERM)
        assert list(lines)[-1] == "[DONE]"
        connection.close()
        assert rouse.process.wait(BOUND) == 0
        assert not alive(pid)


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait(models, again):
    endless = text_model(models, context=512, parallel=1, args=["--context-shift"])
    with serve(models, chat=endless) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=10**8)
        next(events(answer))
        pid = rouse.model("chat")["pid"]
        rouse.process.send_signal(signal.SIGTERM)
        until(lambda: "draining" in rouse.text(), "it drains")
        rouse.process.send_signal(again)
        assert rouse.process.wait(BOUND) == 128 + again
        until(lambda: not alive(pid), "the worker is gone")
        connection.close()


def test_a_stream_that_waits_hears_comments_while_the_model_loads(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=4)
        lines = events(answer)
        first = next(lines)
        assert first[0] == ":" and "loading" in first[1], first
        gate.open()
        assert list(lines)[-1] == "[DONE]"
        connection.close()


def test_a_client_that_leaves_stops_the_engine(models):
    endless = text_model(models, context=512, parallel=1, args=["--context-shift"])
    with serve(models, chat=endless) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=10**8)
        next(events(answer))
        assert rouse.model("chat")["leases"] == 1
        answer.close()
        connection.close()
        until(lambda: rouse.model("chat")["leases"] == 0, "the lease has ended")
        assert rouse.chat("chat")[0] == 200  # the engine's only slot is free


def test_a_model_is_preloaded_without_anybody_asking(models):
    with serve(models, chat=text_model(models, preload=True)) as rouse:
        rouse.until_state("chat", "ready")
        assert rouse.model("chat")["loads"] == 1
