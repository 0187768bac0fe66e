"""Attacks on the real daemon: on its keys, its engines and its logs, and from other sites' pages. docs/security.md says
what is defended; each claim has its test here or in test_hostile_clients.py."""

import json
import os
import re
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.guarded import ADMIN, FEW, KEYS, SECRETS, USE, ask, completion, config_of, hash_of
from tests.support.guarded import models, rouse, tight  # noqa: F401 (fixtures)
from tests.support.llama_server import UnixConnection
from tests.support.raw_http import exchange
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, until


# --- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"Authorization": None},
    {"Authorization": "Bearer rouse_wrong"},
    {"Authorization": f"Basic {USE}"},
    {"Authorization": f"Bearer {hash_of(USE)}"},
    {"Authorization": None, "Cookie": USE},
    {"x-api-key": "rouse_wrong"},
])
def test_without_a_known_key_there_is_401_in_the_dialect_and_health(rouse, headers):
    status, answered, body = ask(rouse, headers=headers)
    assert status == 401 and body["error"]["code"] == "invalid_api_key", body
    assert answered["WWW-Authenticate"] == "Bearer"
    for method, path in [("GET", "/rouse/v1/models"), ("GET", "/"), ("GET", "/v1/models"), ("GET", "/nowhere"),
                         ("POST", "/rouse/v1/models/echo/unload"), ("DELETE", "/v1/models")]:
        assert rouse.ask(method, path, headers=headers)[0] == 401, path
    for path in ["/health/live", "/health/ready"]:
        assert rouse.ask("GET", path, headers=headers)[0] == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": None, "x-api-key": USE}, {"Authorization": None, "api-key": USE}])
def test_a_key_opens_in_each_header(rouse, headers):
    assert ask(rouse, headers=headers)[0] == 200


def test_a_user_may_see_and_ask_and_an_administrator_may_steer(rouse):
    admin = {"Authorization": f"Bearer {ADMIN}"}
    assert ask(rouse)[0] == 200
    for verb in ["load", "unload", "pin", "unpin"]:
        status, _, body = rouse.post(f"/rouse/v1/models/echo/{verb}", {})
        assert status == 403 and body["error"]["code"] == "forbidden", (verb, body)
    assert rouse.ask("GET", "/rouse/v1/models/echo/logs")[0] == 403
    assert rouse.get("/rouse/v1/models/echo")["pid"] is None
    assert {m["pid"] for m in rouse.get("/rouse/v1/models")["models"]} == {None}
    assert rouse.ask("GET", "/rouse/v1/models/echo", headers=admin)[2]["pid"] > 0
    assert rouse.post("/rouse/v1/models/echo/load", {}, headers=admin)[0] == 200
    assert "asked" in rouse.ask("GET", "/rouse/v1/models/echo/logs", headers=admin)[2]


def test_a_key_has_limits_of_its_own(models):
    with RouseDaemon(config_of(models, keys=KEYS), key=FEW) as rouse, ThreadPoolExecutor(2) as pool:
        assert rouse.ask("GET", "/v1/models")[0] == 200  # looking costs nothing
        held = [pool.submit(ask, rouse, body={"hold": True}) for _ in range(2)]
        until(lambda: rouse.ask("GET", "/rouse/v1/models/echo")[2]["leases"] == 2, "two requests are under way")
        status, headers, body = ask(rouse)
        assert status == 429 and body["error"]["code"] == "rate_limit_exceeded" and "2 requests" in body["error"]["message"]
        assert int(headers["Retry-After"]) >= 1
        assert ask(rouse, body={"release": True}, headers={"Authorization": f"Bearer {USE}"})[0] == 200  # others are free
        assert [h.result()[0] for h in held] == [200, 200]
        answers = [ask(rouse) for _ in range(4)]
        assert [a[0] for a in answers] == [200, 200, 200, 429]
        assert "5 requests a minute" in answers[3][2]["error"]["message"]
        assert 1 <= int(answers[3][1]["Retry-After"]) <= 12


def test_a_new_key_works_and_is_written_nowhere(models, tmp_path):
    made = subprocess.run([ROUSE, "key", "new", "ada", "--role", "admin"], capture_output=True, text=True, check=True).stdout
    key = re.search(r"rouse_\S+", made).group()
    line = re.search(r"^  ada: (\{.*\})$", made, re.M).group(1)
    assert hash_of(key) in line and key not in line
    config = tmp_path / "rouse.yaml"
    config.write_text(json.dumps(config_of(models))[:-1] + f', "keys": {{"ada": {line}}}}}')
    assert subprocess.run([ROUSE, "check", config], capture_output=True).returncode == 0
    with RouseDaemon({**config_of(models), "keys": {"ada": {"hash": hash_of(key), "role": "admin"}}}) as rouse:
        environment = {**os.environ, "ROUSE_HOST": rouse.url}
        refused = subprocess.run([ROUSE, "ps"], env=environment, capture_output=True, text=True)
        assert refused.returncode == 8 and "ROUSE_API_KEY" in refused.stderr, refused
        environment["ROUSE_API_KEY"] = key
        assert subprocess.run([ROUSE, "load", "echo"], env=environment, capture_output=True).returncode == 0
        assert key not in rouse.text()


def test_nobody_listens_beyond_loopback_without_keys(models, tmp_path):
    def serve(config: dict, *options: str):
        file = tmp_path / "rouse.yaml"
        file.write_text(json.dumps(config))
        return subprocess.run([ROUSE, "serve", "--config", file, *options], capture_output=True, text=True, timeout=BOUND)

    for ended in [serve({"listen": "0.0.0.0:0"}), serve({}, "--listen", "0.0.0.0:0"), serve({"keys": {}}, "--listen", "[::]:0")]:
        assert ended.returncode == 2 and "rouse key new" in ended.stderr, ended


def test_the_owner_needs_no_key_on_a_socket_that_nobody_else_can_open(rouse):
    path = Path(rouse.folder.name) / "admin.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    connection = UnixConnection(str(path), BOUND)
    connection.request("POST", "/rouse/v1/models/echo/load", "{}", {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()
    environment = {**os.environ, "ROUSE_HOST": f"unix:{path}"}
    environment.pop("ROUSE_API_KEY", None)
    listed = subprocess.run([ROUSE, "ps"], env=environment, capture_output=True, text=True)
    assert listed.returncode == 0 and "echo" in listed.stdout, listed


def test_the_owners_socket_goes_with_the_daemon_and_one_that_was_killed_leaves_no_obstacle(models, tmp_path):
    path = tmp_path / "s.sock"
    config = config_of(models, admin_socket=str(path))
    with RouseDaemon(config) as rouse:
        with RouseDaemon(config, check=False) as second:  # one that lives keeps its place
            assert second.process.wait(BOUND) == 1 and str(path) in second.text()
        assert rouse.ask("GET", "/health/live")[0] == 200
        rouse.process.kill()
        rouse.process.wait(BOUND)
        assert path.exists()
    with RouseDaemon(config):
        assert path.exists()
    assert not path.exists()


# --- what an engine gets to see -----------------------------------------------------------------------------------


def test_an_engine_sees_no_credentials(rouse):
    sent = {"x-api-key": USE, "api-key": USE, "Cookie": "session=1", "Proxy-Authorization": "Basic x", "X-Rouse-Keep": "1m",
            "X-Custom": "yes", "X-Hop": "no", "Connection": "x-hop"}
    status, _, body = ask(rouse, headers=sent)
    assert status == 200
    seen = {name.lower(): value for name, value in body["echo"]["headers"]}
    assert seen["x-custom"] == "yes"
    assert not {"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization", "x-rouse-keep", "x-hop"} & seen.keys()
    assert USE not in json.dumps(body)


def test_an_engine_gets_none_of_our_environment(rouse):
    environment = ask(rouse)[2]["echo"]["environment"]
    assert "PATH" in environment
    assert not SECRETS.keys() & environment.keys()
    assert not [name for name in environment if name.startswith("ROUSE")]


# --- media by URL -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def canary():
    """A server that nobody should ask: (its URL, the paths that were asked for)."""
    asked = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def chat_with(url: str, model: str = "echo") -> bytes:
    """`url` as it shall stand in the JSON."""
    return (b'{"model":"%s","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"%s"}}]}]}'
            % (model.encode(), url.encode()))


FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


def form(name: str, value: str, model: str = "echo") -> bytes:
    fields = {"model": model, "prompt": "http://in/a/prompt", name: value}
    return b"".join(b'--XX\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (k.encode(), v.encode())
                    for k, v in fields.items()) + b"--XX--\r\n"


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text)


@pytest.mark.parametrize("spelt", [
    lambda url: url, lambda url: escaped(url), lambda url: url.replace("/", "\\/"), lambda url: url.upper(),
    lambda url: "\\n " + url, lambda url: "\\u0068ttp" + url[4:], lambda url: url.replace("//", ""),
    lambda url: "file:///etc/passwd", lambda url: "f\\u0069le:///etc/passwd",
])
def test_media_by_url_never_reach_an_engine(rouse, spelt, canary):
    status, _, body = rouse.ask("POST", "/v1/chat/completions", raw=chat_with(spelt(canary[0])))
    assert status == 400 and "data:" in body["error"]["message"], body


@pytest.mark.parametrize("name", ["image", "image[]", "mask", "file", "url", "image_url"])
def test_media_by_url_in_a_form_never_reach_an_engine(rouse, name):
    for url in ["http://169.254.169.254/latest", "file:///etc/passwd", " HTTP://x", "ftp://x/y"]:
        status, _, body = rouse.ask("POST", "/v1/images/edits", raw=form(name, url), headers=FORM)
        assert status == 400 and "data:" in body["error"]["message"], body
    seen = rouse.ask("POST", "/v1/images/edits", raw=form(name, url, "curious"), headers=FORM)
    assert seen[0] == 200 and seen[2]["echo"]["text"].count("ftp://x/y") == 1  # allowed: the echo is what engines get


def test_media_that_come_along_do_and_so_do_urls_where_they_are_allowed(rouse, canary):
    for raw in [chat_with("data:image/png;base64,AAAA"), chat_with(canary[0], "curious")]:
        status, _, body = rouse.ask("POST", "/v1/chat/completions", raw=raw)
        assert status == 200 and body["echo"]["path"] == "/v1/chat/completions"


def test_a_real_llama_server_would_have_fetched_it(models, canary):
    """The attack is one: with media_urls: allow, the engine asks the canary; without, nobody does."""
    url, asked = canary
    eyes = {"engine": "llama", "source": str(models.vision), "mmproj": str(models.mmproj), "context": 1024, "threads": 1}
    with RouseDaemon({"models": {"shut": eyes, "open": {**eyes, "media_urls": "allow"}}}) as rouse:
        assert rouse.ask("POST", "/v1/chat/completions", raw=chat_with(url + "/shut", "shut"))[0] == 400
        assert rouse.ask("POST", "/v1/chat/completions", raw=chat_with(url + "/open", "open"))[0] >= 400  # no picture there
        assert set(asked) == {"/open"}


# --- pages of other sites -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "localhost.evil.example"}, {"Host": "127.0.0.1.nip.io"}, {"Host": "10.0.0.1"},
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost.evil.example"},
])
def test_a_page_of_another_site_may_not_even_look(tight, headers):
    for method, path in [("GET", "/v1/models"), ("GET", "/rouse/v1/models"), ("POST", "/v1/completions"), ("GET", "/nowhere")]:
        status, answered, _ = tight.ask(method, path, completion() if method == "POST" else None, headers=headers)
        assert status == 403
        assert not [name for name in answered if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                          "application/jsonx", "text/plain; application/json", None])
def test_a_form_of_another_site_may_not_act(tight, content_type):
    headers = {"Content-Type": content_type}
    assert tight.ask("POST", "/v1/completions", raw=json.dumps(completion()).encode(), headers=headers)[0] == 415
    assert tight.ask("POST", "/rouse/v1/models/echo/unload", raw=b"{}", headers=headers)[0] == 415


@pytest.mark.parametrize("browser", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_of_another_site_may_not_act_where_forms_are_taken(tight, browser):
    raw = form("image", "data:,")
    assert tight.ask("POST", "/v1/images/edits", raw=raw, headers={**FORM, **browser})[0] == 403
    assert tight.ask("POST", "/v1/images/edits", raw=raw, headers=FORM)[0] == 200


# --- logs and errors ----------------------------------------------------------------------------------------------

FORGED = "2026-01-01T00:00:00.000+00:00 error forged"


def test_nobody_forges_a_line_of_the_log(tight):
    evil = ["\n" + FORGED, "\r\n" + FORGED, "\x1b[2J" + FORGED, "\u009b2J" + FORGED, "\u2028" + FORGED, "\x00" + FORGED, "\x7f" + FORGED]
    for text in evil:
        tight.post("/v1/completions", {"model": "echo" + text})
        tight.post("/v1/completions", completion(), headers={"X-Model": "echo" + text.replace("\n", "").replace("\r", "")
                                                             .encode("ascii", "ignore").decode()})
        path = "".join(f"%{byte:02x}" for byte in text.encode())
        tight.ask("GET", f"/v1/models/{path}")
        tight.ask("POST", f"/rouse/v1/models/{path}/load", {})
        raw = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a" + text.encode() + b"\r\n\r\n"
        exchange(tight.port, raw)
        for name in ["broken", "missing", "crashing"]:
            tight.post("/v1/completions", {"model": name, "prompt": text},
                       headers={"X-Request-Id": "a " + FORGED, "X-Rouse-Deadline": "20s"})
    log = tight.text()
    assert "crashing: " in log
    for line in log.split("\n")[:-1]:
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d (debug|info|warning|error) ", line), repr(line)
        assert not re.search(r" (error|info|warning) forged", line), repr(line)
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", line), repr(line)


def test_a_request_id_that_is_not_plain_is_not_sent_back(tight):
    for given in ["a b", "a\tb", "<script>", "x" * 1000, "\u00e9"]:
        answered = tight.ask("GET", "/v1/models", headers={"X-Request-Id": given.encode()})[1]["X-Request-Id"]
        assert re.fullmatch(r"req-[\w-]{11}", answered)
    assert tight.ask("GET", "/v1/models", headers={"X-Request-Id": "mine-1"})[1]["X-Request-Id"] == "mine-1"


@pytest.mark.parametrize("name", ["broken", "missing", "crashing", "not_there"])
def test_errors_tell_users_no_internals(rouse, models, name):
    admin = {"Authorization": f"Bearer {ADMIN}"}
    status, headers, body = rouse.post("/v1/completions", {"model": name, "prompt": "x"})
    assert status == 502 and headers["X-Request-Id"]
    for text in [json.dumps(body), json.dumps(rouse.get(f"/rouse/v1/models/{name}")), json.dumps(rouse.get("/rouse/v1/models"))]:
        for internal in [str(models.folder), "/secret", "/bin/ls", "/nowhere", "cannot access", "--host", ".sock", rouse.folder.name]:
            assert internal not in text, (internal, text)
    error = rouse.post(f"/rouse/v1/models/{name}/load", {}, headers=admin)[2]["error"]
    assert error["context"], error  # who may see it, does
    assert "/" in error["context"]
    assert ".;" not in error["message"] and "started, pid" not in error["context"]


def test_a_device_that_is_not_there_is_named_with_those_that_are(rouse):
    status, _, body = rouse.post("/v1/completions", {"model": "elsewhere", "prompt": "x"})
    assert status == 507
    assert "gpu9, which this machine does not have; it has host" in body["error"]["message"]
