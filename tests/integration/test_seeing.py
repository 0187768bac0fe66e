"""What is to be seen of a running daemon, and what ends a request: /rouse/v1/requests, /metrics, /openapi.json, health."""

import http.client
import json
import socket
import subprocess
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import demo_models, schema
from tests.support.gate import Gate
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, events, until


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def text_model(models, **more) -> dict:
    return {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 1, "threads": 1, **more}


def serve(models, *, host: str = "8GiB", config: dict | None = None, **named) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": host}}, "policy": {"settle": "10m"}, "models": named, **(config or {})})


def request_of(rouse, id: str) -> dict | None:
    return next((r for r in rouse.get("/rouse/v1/requests")["requests"] if r["id"] == id), None)


def cancel(rouse, id: str):
    return rouse.ask("DELETE", "/rouse/v1/requests/" + urllib.parse.quote(id))


def until_answered(lines):
    """Reads up to the first event of an answer, over the comments of those that wait."""
    next(line for line in lines if not isinstance(line, tuple))


def slots(pid: int) -> list[dict]:
    """The slots of a llama-server, asked on its own socket."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    path = arguments[arguments.index("--host") + 1]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"GET /slots HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


# --- requests -----------------------------------------------------------------------------------------------------


def test_waiting_requests_are_listed_and_a_cancelled_one_is_refused_in_its_dialect(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse, ThreadPoolExecutor() as pool:
        first = pool.submit(rouse.chat, "chat", headers={"X-Request-Id": "first"})
        until(lambda: request_of(rouse, "first"), "the first waits")
        second = pool.submit(rouse.chat, "chat", headers={"X-Request-Id": "second"})
        seen = until(lambda: request_of(rouse, "second"), "the second waits")
        assert (seen["model"], seen["client"], seen["origin"]) == ("chat", "127.0.0.1", "client")
        assert (seen["phase"], seen["position"], seen["bytes"]) == ("loading", 2, 0)
        assert request_of(rouse, "first")["position"] == 1
        assert request_of(rouse, "first")["waited"] > 0

        status, _, cancelled = cancel(rouse, "second")
        assert (status, cancelled["id"], cancelled["phase"]) == (200, "second", "loading")
        status, headers, body = second.result(BOUND)
        assert status == 409
        assert headers["x-should-retry"] == "false"
        assert body["error"]["code"] == "cancelled" and "operator" in body["error"]["message"]
        gate.open()
        assert first.result(BOUND)[0] == 200
        until(lambda: not rouse.get("/rouse/v1/requests")["requests"], "nobody is left")


def test_cancelling_a_running_stream_ends_it_with_the_error_event_and_stops_the_engine(models):
    with serve(models, chat=text_model(models)) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=1800)
        lines = events(answer)
        until_answered(lines)
        id = answer.getheader("X-Request-Id")
        seen = request_of(rouse, id)
        assert seen["phase"] == "streaming" and seen["bytes"] > 0 and seen["position"] is None
        assert cancel(rouse, id)[0] == 200
        last = list(lines)[-1]
        assert json.loads(last)["error"]["code"] == "cancelled", last
        connection.close()
        pid = rouse.model("chat")["pid"]
        until(lambda: not any(slot["is_processing"] for slot in slots(pid)), "the engine is idle")
        assert rouse.model("chat")["leases"] == 0
        assert rouse.chat("chat")[0] == 200
        assert rouse.model("chat")["loads"] == 1


def test_a_waiting_stream_that_heard_comments_is_cancelled_by_an_event(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse:
        connection, answer = rouse.stream("chat")
        lines = events(answer)
        assert next(lines)[0] == ":"
        assert cancel(rouse, answer.getheader("X-Request-Id"))[0] == 200
        rest = [line for line in lines if not isinstance(line, tuple)]
        assert json.loads(rest[-1])["error"]["code"] == "cancelled"
        connection.close()
        gate.open()


def test_an_id_that_several_requests_carry_never_cancels_the_wrong_one(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse, ThreadPoolExecutor() as pool:
        answers = [pool.submit(rouse.chat, "chat", headers={"X-Request-Id": "same"}) for _ in range(2)]
        listed = until(lambda: len(rouse.get("/rouse/v1/requests")["requests"]) == 2 and
                       rouse.get("/rouse/v1/requests")["requests"], "both wait")
        ids = [r["id"] for r in listed]
        assert len(set(ids)) == 2 and all(id.startswith("same~") for id in ids)
        status, _, body = cancel(rouse, "same")
        assert status == 409 and "2 requests" in body["error"]["message"]
        assert cancel(rouse, ids[0])[0] == 200
        assert cancel(rouse, ids[0])[0] == 404
        gate.open()
        assert sorted(a.result(BOUND)[0] for a in answers) == [200, 409]


def test_an_operators_load_is_listed_and_can_be_cancelled(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse:
        assert rouse.post("/rouse/v1/models/chat/load", {"wait": False})[0] == 202
        (load,) = rouse.get("/rouse/v1/requests")["requests"]
        assert (load["origin"], load["phase"]) == ("operator", "loading")
        assert cancel(rouse, load["id"])[0] == 200
        assert rouse.get("/rouse/v1/requests")["requests"] == []
        gate.open()


def test_cancelling_what_is_not_there_is_404(models):
    with serve(models, chat=text_model(models)) as rouse:
        for id in ["nobody", "nobody~1", "~", "a~b"]:
            status, _, body = cancel(rouse, id)
            assert (status, body["error"]["code"]) == (404, "not_found")


# --- metrics ------------------------------------------------------------------------------------------------------


def samples(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()
            if line and not line.startswith("#")}


def metrics(rouse) -> dict[str, float]:
    status, headers, text = rouse.ask("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return samples(text)


def test_metrics_tell_of_loads_requests_refusals_and_evictions(models):
    size = {"footprint": {"host": "1GiB"}}
    with serve(models, host="1500MiB", chat=text_model(models, aliases=["gpt-4o"], **size),
               other=text_model(models, **size), broken={"engine": "llama", "source": "/nowhere.gguf", **size}) as rouse:
        before = metrics(rouse)
        assert before['rouse_request_seconds_count{model="chat"}'] == 0
        assert before['rouse_model_state{model="chat",state="cold"}'] == 1
        assert rouse.chat("gpt-4o")[0] == 200
        assert rouse.chat("other")[0] == 200  # there is room for one
        assert rouse.chat("nobody")[0] == 404
        assert rouse.chat("broken")[0] == 502
        assert rouse.chat("chat", headers={"X-Rouse-Load": "only-if-ready"})[0] == 503
        assert rouse.post("/rouse/v1/models/other/unload")[0] == 200
        seen = metrics(rouse)
        for model in ["chat", "other"]:
            assert seen[f'rouse_requests_total{{model="{model}",outcome="ok"}}'] == 1
            assert seen[f'rouse_model_loads_total{{model="{model}",outcome="ready"}}'] == 1
            for histogram in ["request_queue", "request_first_byte", "request", "model_load"]:
                assert seen[f'rouse_{histogram}_seconds_count{{model="{model}"}}'] == 1, histogram
            assert seen[f'rouse_request_seconds_sum{{model="{model}"}}'] > 0
            assert seen[f'rouse_response_bytes_total{{model="{model}"}}'] > 100
        assert seen['rouse_requests_total{model="chat",outcome="refused"}'] == 1
        assert seen['rouse_requests_total{model="broken",outcome="failed"}'] == 1
        assert seen['rouse_refusals_total{model="chat",reason="not_ready"}'] == 1
        assert seen['rouse_evictions_total{model="chat",reason="evicted"}'] == 1
        assert seen['rouse_evictions_total{model="other",reason="unloaded"}'] == 1
        assert seen['rouse_device_limit_bytes{device="host"}'] == 1500 << 20
        assert seen["rouse_http_requests_total"] > 5
        assert not any("nobody" in name or 'model="gpt-4o"' in name for name in seen)


def test_the_gauges_of_routers_show_load_and_resident_models(models):
    with serve(models, chat=text_model(models, aliases=["gpt-4o"], footprint={"host": "1GiB"}, parallel=1),
               cold=text_model(models)) as rouse:
        connection, answer = rouse.stream("chat", max_tokens=1500)
        until_answered(events(answer))
        seen = metrics(rouse)
        assert seen["vllm:num_requests_running"] == 1
        assert seen["vllm:num_requests_waiting"] == 0
        assert 0 < seen["vllm:kv_cache_usage_perc"] <= 1
        (info,) = [name for name in seen if name.startswith("vllm:lora_requests_info")]
        assert 'running_lora_adapters="chat,gpt-4o"' in info and 'max_lora="2"' in info
        answer.close()
        connection.close()


def test_promtool_has_nothing_to_say_but_for_the_colons_that_routers_ask_for(models):
    with serve(models, chat=text_model(models)) as rouse:
        assert rouse.chat("chat")[0] == 200
        _, _, text = rouse.ask("GET", "/metrics")
        ours = "\n".join(line for line in text.splitlines() if "vllm:" not in line) + "\n"
        assert ours.count("rouse_") > 50
        checked = subprocess.run(["promtool", "check", "metrics"], input=ours, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        complaints = checked.stdout.splitlines() + checked.stderr.splitlines()
        assert len(complaints) == 4 and all("should not contain ':'" in line for line in complaints), complaints


def test_a_real_prometheus_scrapes(models, tmp_path):
    with serve(models, chat=text_model(models)) as rouse:
        assert rouse.chat("chat")[0] == 200
        (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [
            {"job_name": "rouse", "scrape_interval": "200ms", "scrape_timeout": "200ms",
             "static_configs": [{"targets": [f"127.0.0.1:{rouse.port}"]}]}]}))
        with open(tmp_path / "log", "w") as log:
            prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                 "--web.listen-address=127.0.0.1:0", "--log.format=json"], stderr=log, stdout=log)
        try:
            def address():
                for line in (tmp_path / "log").read_text().splitlines():
                    fields = json.loads(line) if line.startswith("{") else {}
                    if fields.get("msg") == "Listening on":
                        return fields["address"]
                assert prometheus.poll() is None, (tmp_path / "log").read_text()

            host = until(address, "Prometheus listens")

            def query(what: str) -> list[dict]:
                connection = http.client.HTTPConnection(host, timeout=BOUND)
                connection.request("GET", "/api/v1/query?query=" + urllib.parse.quote(what))
                answer = connection.getresponse()
                body = json.loads(answer.read()) if answer.status == 200 else {}
                connection.close()
                return body.get("data", {}).get("result", [])

            (found,) = until(lambda: query('rouse_requests_total{model="chat",outcome="ok"}'), "it has scraped us")
            assert found["value"][1] == "1"
            (up,) = query("up")
            assert up["value"][1] == "1"
            (quantile,) = query("histogram_quantile(0.5, rouse_request_seconds_bucket)")
            assert float(quantile["value"][1]) > 0
            assert query("vllm:lora_requests_info")[0]["metric"]["running_lora_adapters"] == "chat"
        finally:
            prometheus.terminate()
            prometheus.wait(BOUND)


# --- the document -------------------------------------------------------------------------------------------------


def test_every_answer_is_as_the_document_says(models):
    with serve(models, chat=text_model(models), broken={"engine": "llama", "source": "/nowhere.gguf"}) as rouse:
        document = rouse.get("/openapi.json")
        asked = set()

        def holds(method: str, path: str, body=None, **place):
            asked.add((method, path))
            url = path
            for name, value in place.items():
                url = url.replace("{" + name + "}", value)
            status, headers, answer = rouse.ask(method.upper(), url, body)
            operation = document["paths"][path][method]
            response = operation["responses"].get(str(status), operation["responses"]["default"])
            if reference := response.get("$ref"):
                response = document["components"]["responses"][reference.rpartition("/")[2]]
            kind = headers["Content-Type"].partition(";")[0]
            assert kind in response["content"], (url, status, kind)
            assert schema.faults(answer, response["content"][kind]["schema"], document) == [], (url, answer)
            return status

        assert rouse.chat("chat")[0] == 200
        assert rouse.chat("broken")[0] == 502
        connection, answer = rouse.stream("chat", max_tokens=1800)
        until_answered(events(answer))
        id = answer.getheader("X-Request-Id")
        for path in ["/rouse/v1/models", "/rouse/v1/devices", "/rouse/v1/requests", "/metrics", "/openapi.json",
                     "/health/live", "/health/ready", "/health/load"]:
            assert holds("get", path) == 200
        assert holds("delete", "/rouse/v1/requests/{id}", id=id) == 200
        assert holds("delete", "/rouse/v1/requests/{id}", id=id) == 404
        connection.close()
        for model in ["chat", "broken"]:
            assert holds("get", "/rouse/v1/models/{id}", id=model) == 200
            assert holds("get", "/rouse/v1/models/{id}/logs", id=model) == 200
            assert holds("post", "/rouse/v1/models/{id}/pin", id=model) == 200
            assert holds("post", "/rouse/v1/models/{id}/unpin", id=model) == 200
        assert holds("post", "/rouse/v1/models/{id}/trim", id="chat") == 409
        assert holds("get", "/rouse/v1/models/{id}", id="nobody") == 404
        assert holds("delete", "/rouse/v1/models/{id}/learnt", id="chat") == 200
        assert holds("post", "/rouse/v1/models/{id}/unload", {"force": True}, id="chat") == 200
        assert holds("post", "/rouse/v1/models/{id}/load", {"wait": True}, id="chat") == 200
        assert holds("post", "/rouse/v1/models/{id}/load", {"wait": True}, id="broken") == 502
        assert holds("post", "/rouse/v1/reload") == 200
        wish = {"device": "host", "bytes": "1MiB", "seconds": 600}
        assert holds("post", "/rouse/v1/reservations", wish) == 200
        assert holds("post", "/rouse/v1/reservations", {**wish, "wait": False}) == 200
        assert holds("post", "/rouse/v1/reservations", {**wish, "bytes": 0}) == 400
        assert holds("get", "/rouse/v1/reservations") == 200
        first = str(rouse.get("/rouse/v1/reservations")["reservations"][0]["id"])
        assert holds("delete", "/rouse/v1/reservations/{id}", id=first) == 200
        assert holds("delete", "/rouse/v1/reservations/{id}", id=first) == 404
        assert holds("post", "/rouse/v1/models/{id}/load", {"wiat": True}, id="chat") == 400
        described = {(method, path) for path, item in document["paths"].items() for method in item if method != "parameters"}
        assert described - asked == {("get", "/rouse/v1/events")}, "what nobody asks, nobody holds to the document"


def test_the_check_of_the_document_can_fail(models):
    with serve(models, chat=text_model(models)) as rouse:
        document = rouse.get("/openapi.json")
        wanted = {"$ref": "#/components/schemas/Models"}
        answer = rouse.get("/rouse/v1/models")
        assert schema.faults(answer, wanted, document) == []
        (model,) = answer["models"]
        for name, value in [("state", "dozing"), ("pid", "7"), ("aliases", [1]), ("new", 1), ("last_used", "noon")]:
            assert schema.faults({"models": [{**model, name: value}]}, wanted, document), name
        assert schema.faults({"models": [{k: v for k, v in model.items() if k != "loads"}]}, wanted, document)


# --- health -------------------------------------------------------------------------------------------------------


def test_a_slow_load_and_those_who_wait_for_it_are_healthy(models, tmp_path):
    gate = Gate(tmp_path)
    with serve(models, chat=text_model(models, binary=str(gate.program))) as rouse, ThreadPoolExecutor() as pool:
        waiting = pool.submit(rouse.chat, "chat", headers={"X-Request-Id": "waits"})
        until(lambda: request_of(rouse, "waits"), "it waits")
        assert rouse.get("/health/load") == {"status": "ok", "stuck": []}
        gate.open()
        assert waiting.result(BOUND)[0] == 200
        assert rouse.get("/health/load") == {"status": "ok", "stuck": []}


# --- what workers write -------------------------------------------------------------------------------------------


def test_the_log_of_a_worker_can_be_read_and_followed(models):
    with serve(models, chat=text_model(models)) as rouse:
        follower = subprocess.Popen([ROUSE, "logs", "-f", "chat", "--host", f"127.0.0.1:{rouse.port}"],
                                    stdout=subprocess.PIPE, text=True)
        assert rouse.chat("chat")[0] == 200
        assert any("started, pid" in line for line in follower.stdout)
        assert len(rouse.get("/rouse/v1/models/chat/logs?lines=3").splitlines()) == 3
        follower.terminate()
        follower.wait(BOUND)
        follower.stdout.close()


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_the_size_of_a_cold_model_is_seen_without_loading_it(models):
    """What is configured is known from the start; whoever asks for one model has its file's header read, once."""
    with serve(models, told=text_model(models, footprint={"host": "1GiB"}), guessed=text_model(models),
               broken=text_model(models, source=str(models.hostile["truncated"]))) as rouse:
        listed = {m["id"]: m for m in rouse.get("/rouse/v1/models")["models"]}
        assert listed["told"]["footprint"] == {"host": 1 << 30} and listed["told"]["footprint_source"] == "configured"
        assert listed["guessed"]["footprint"] == {} and listed["guessed"]["footprint_source"] is None  # not read for a list

        seen = rouse.model("guessed")
        assert seen["state"] == "cold" and seen["footprint_source"] == "estimated", seen
        assert seen["footprint"]["host"] > models.text.stat().st_size, seen
        assert seen in rouse.get("/rouse/v1/models")["models"]

        for _ in range(3):
            seen = rouse.model("broken")
            assert seen["state"] == "failed" and seen["error"] and seen["footprint"] == {}, seen

        assert rouse.chat("guessed")[0] == 200
        until(lambda: "guessed: loading → ready" in rouse.text(), "the log tells")
        assert rouse.text().count("broken: ") == 1  # looked at once, not whenever somebody asks
        assert rouse.loaded()[0]["id"] == "guessed" and len(rouse.loaded()) == 1
