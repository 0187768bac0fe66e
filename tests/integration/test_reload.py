"""A new configuration while the old one is at work: only what changed changes, and nothing is cut."""

import contextlib
import hashlib
import os
import secrets
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon, alive, events, held, until


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def text_model(models, **more) -> dict:
    return {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 2, "threads": 1, **more}


def config(host: str = "8GiB", **named) -> dict:
    return {"budgets": {"host": {"limit": host}}, "models": named}


def changes(**more) -> dict:
    return {"added": [], "changed": [], "removed": [], "settings": [], "needs_restart": [], **more}


def reload(rouse) -> dict:
    status, _, body = rouse.post("/rouse/v1/reload")
    assert status == 200, body
    return body


def read_on(rouse, answer) -> list[str]:
    """The rest of a stream, which has to be whole."""
    lines = [line for line in events(answer) if isinstance(line, str)]
    assert lines[-1] == "[DONE]", lines[-3:]
    assert not any('"error"' in line for line in lines)
    return lines


def load(rouse, name: str) -> int:
    status, _, body = rouse.post(f"/rouse/v1/models/{name}/load")
    assert status == 200, body
    return body["pid"]


def begin_stream(rouse, stack, name: str, pid: int):
    """A stream that has begun, and does not end before the stack is left."""
    stream = rouse.stream(name, max_tokens=900)
    next(events(stream[1]))
    stack.enter_context(held(pid))
    return stream


def test_models_are_added_changed_and_removed_under_streams_and_nothing_is_cut(models):
    before = config(stays=text_model(models), changes=text_model(models), goes=text_model(models))
    with RouseDaemon(before) as rouse:
        pids = {name: load(rouse, name) for name in before["models"]}
        with contextlib.ExitStack() as stack:
            streams = {name: begin_stream(rouse, stack, name, pid) for name, pid in pids.items()}
            rouse.reconfigure(config(stays=text_model(models), changes=text_model(models, context=1024),
                                     comes=text_model(models)))
            assert reload(rouse) == changes(added=["comes"], changed=["changes"], removed=["goes"])

            assert rouse.chat("goes")[0] == 404
            listed = {m["id"]: m for m in rouse.get("/rouse/v1/models")["models"]}
            assert (listed["goes"]["removed"], listed["goes"]["pid"]) == (True, pids["goes"])
            assert {name: listed[name]["state"] for name in pids} == {
                "stays": "ready", "changes": "draining", "goes": "draining"}
            assert "goes" not in [m["id"] for m in rouse.get("/v1/models")["data"]]
            assert rouse.chat("comes")[0] == 200
        assert rouse.chat("stays")[0] == 200
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda stream: read_on(rouse, stream[1]), streams.values()))
            assert rouse.chat("changes")[0] == 200

        assert rouse.model("stays")["pid"] == pids["stays"] and rouse.model("stays")["loads"] == 1
        assert rouse.model("changes")["pid"] != pids["changes"]
        until(lambda: not alive(pids["changes"]) and not alive(pids["goes"]), "the workers of old entries have ended")
        until(lambda: "goes" not in [m["id"] for m in rouse.get("/rouse/v1/models")["models"]],
              "what is removed is forgotten")
        for connection, _ in streams.values():
            connection.close()


def test_what_a_worker_was_not_started_from_changes_without_another_worker(models):
    with RouseDaemon(config(chat=text_model(models))) as rouse:
        assert rouse.chat("chat")[0] == 200
        pid = rouse.model("chat")["pid"]
        rouse.reconfigure(config(chat=text_model(models, keep="forever", pinned=True, aliases=["gpt-4o"])))
        assert reload(rouse) == changes(changed=["chat"])
        model = rouse.model("chat")
        assert (model["pid"], model["pinned"], model["aliases"], model["expires_at"]) == (pid, True, ["gpt-4o"], None)
        assert rouse.chat("gpt-4o")[0] == 200
        assert rouse.model("chat")["loads"] == 1


def test_a_broken_file_changes_nothing_and_says_where(models):
    with RouseDaemon(config(chat=text_model(models))) as rouse:
        assert rouse.chat("chat")[0] == 200
        pid = rouse.model("chat")["pid"]
        rouse.config.write_text("models:\n  chat:\n    engine: llama\n    sorce: x.gguf\n")
        status, headers, body = rouse.post("/rouse/v1/reload")
        assert status == 422
        assert headers["x-should-retry"] == "false"
        assert body["error"]["code"] == "misconfigured"
        assert f"{rouse.config}:4:5" in body["error"]["context"]
        assert "nothing was changed" in body["error"]["message"]
        until(lambda: f"{rouse.config}:4:5" in rouse.text(), "the log says where")
        rouse.config.unlink()
        assert rouse.post("/rouse/v1/reload")[0] == 422
        assert rouse.model("chat")["pid"] == pid
        assert rouse.chat("chat")[0] == 200


def test_a_signal_reloads_too_and_the_log_says_what_changed(models):
    with RouseDaemon(config(chat=text_model(models))) as rouse:
        rouse.reconfigure(config(chat=text_model(models), more=text_model(models, preload=True)))
        rouse.process.send_signal(signal.SIGHUP)
        until(lambda: f"reloaded {rouse.config}: added more" in rouse.text(), "the log says it")
        rouse.until_state("more", "ready")
        assert rouse.state("chat") == "cold"


def test_budgets_limits_and_deadline_change_at_once_and_listen_does_not(models):
    with RouseDaemon(config(chat=text_model(models)), listen=False) as rouse:
        assert rouse.chat("chat")[0] == 200
        now = config("1MiB", chat=text_model(models)) | {
            "listen": "127.0.0.1:1", "limits": {"body": "1KiB"}, "defaults": {"deadline": "1ms"}}
        rouse.reconfigure(now)
        assert reload(rouse) == changes(settings=["budgets", "defaults.deadline", "limits"], needs_restart=["listen"])
        assert rouse.get("/rouse/v1/devices")["devices"][0]["limit"] == 1 << 20
        assert rouse.chat("chat", "x" * 2000)[0] == 413
        rouse.until_state("chat", "cold")  # over the new budget
        assert rouse.chat("chat")[0] == 504
        assert rouse.get("/health/ready")["status"] == "ready"


def test_a_removed_model_that_comes_back_while_it_drains_is_the_same_one(models):
    both = config(chat=text_model(models), other=text_model(models))
    with RouseDaemon(both) as rouse:
        pid = load(rouse, "chat")
        with contextlib.ExitStack() as stack:
            connection, answer = begin_stream(rouse, stack, "chat", pid)
            rouse.reconfigure(config(other=text_model(models)))
            assert reload(rouse)["removed"] == ["chat"]
            rouse.reconfigure(both)
            assert reload(rouse)["added"] == ["chat"]
            assert [m["id"] for m in rouse.get("/rouse/v1/models")["models"]] == ["chat", "other"]
        read_on(rouse, answer)
        connection.close()
        assert rouse.chat("chat")[0] == 200
        assert not alive(pid)
        assert rouse.model("chat")["loads"] == 2


def key(role: str = "admin") -> tuple[str, dict]:
    secret = "rouse_" + secrets.token_urlsafe(32)
    return secret, {"hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(), "role": role}


def test_keys_are_rotated_without_a_restart(models):
    (old, old_line), (new, new_line) = key(), key()
    with RouseDaemon(config(chat=text_model(models)) | {"keys": {"ada": old_line}}, key=old) as rouse:
        rouse.reconfigure(config(chat=text_model(models)) | {"keys": {"ada": new_line}})
        assert reload(rouse) == changes(settings=["keys"])
        assert rouse.ask("GET", "/rouse/v1/models")[0] == 401
        rouse.key = new
        assert rouse.ask("GET", "/rouse/v1/models")[0] == 200


def test_keys_are_not_taken_away_while_others_can_reach_it(models):
    secret, line = key()
    with RouseDaemon(config(chat=text_model(models)) | {"keys": {"ada": line}, "listen": "0.0.0.0:0"}, listen=False,
                     key=secret) as rouse:
        rouse.reconfigure(config(chat=text_model(models)) | {"listen": "127.0.0.1:1"})  # which needs a restart
        status, _, body = rouse.post("/rouse/v1/reload")
        assert status == 422, body
        assert rouse.process.poll() is None


def test_a_remote_model_changes_where_it_is(models):
    def remote(port):
        return {"engine": "remote", "url": f"http://127.0.0.1:{port}"}
    with RouseDaemon(config(chat=text_model(models))) as there, RouseDaemon(config(chat=remote(1))) as rouse:
        assert rouse.chat("chat")[0] >= 500
        rouse.reconfigure(config(chat=remote(there.port)))
        assert reload(rouse) == changes(changed=["chat"])
        assert rouse.chat("chat")[0] == 200
        rouse.reconfigure(config())
        assert reload(rouse) == changes(removed=["chat"])
        assert rouse.chat("chat")[0] == 404
        assert rouse.get("/rouse/v1/models")["models"] == []


def test_a_folder_of_models_is_read_again(models, tmp_path):
    os.symlink(models.text, tmp_path / "one.gguf")
    with RouseDaemon(models=tmp_path) as rouse:
        os.symlink(models.text, tmp_path / "two.gguf")
        assert reload(rouse) in (changes(added=["two"]), changes())  # it may have been noticed already
        assert rouse.chat("two")[0] == 200


def test_a_reload_is_a_mutation(models):
    with RouseDaemon(config(chat=text_model(models))) as rouse:
        assert rouse.ask("POST", "/rouse/v1/reload", headers={"Content-Type": "text/plain"}, raw=b"")[0] == 415
        assert rouse.post("/rouse/v1/reload", {"file": "/etc/passwd"})[0] == 400
        assert rouse.ask("GET", "/rouse/v1/reload")[0] == 405
