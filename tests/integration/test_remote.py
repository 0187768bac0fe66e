"""Models that another server runs, and what of a request reaches it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.rouse_daemon import BOUND, RouseDaemon, until
from tests.support.upstream import Upstream, closed_port

KEY = "ROUSE_TEST_UPSTREAM_KEY"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setitem(os.environ, KEY, "sk-upstream")


def serve(**models) -> RouseDaemon:
    return RouseDaemon({"models": {name: {"engine": "remote", **entry} for name, entry in models.items()}})


def form(boundary: str, *parts: tuple[str, bytes]) -> bytes:
    body = b"".join(b"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
                    % (boundary.encode(), name.encode(), value) for name, value in parts)
    return body + b"--%s--\r\n" % boundary.encode()


def test_it_is_ready_from_the_start_and_loads_nothing():
    with Upstream() as upstream, serve(far={"url": upstream.url}) as rouse:
        assert rouse.state("far") == "ready"
        assert rouse.chat("far", headers={"X-Rouse-Load": "only-if-ready"})[0] == 200
        assert rouse.loaded() == []


def test_neither_keep_nor_unload_nor_unpin_makes_it_less_ready():
    with Upstream() as upstream, serve(far={"url": upstream.url}) as rouse:
        assert rouse.chat("far", keep_alive=0)[0] == 200
        status, _, receipt = rouse.post("/rouse/v1/models/far/unload", {"force": True})
        assert status == 200, receipt
        assert rouse.post("/rouse/v1/models/far/pin")[0] == 200
        assert rouse.post("/rouse/v1/models/far/unpin")[0] == 200
        assert rouse.chat("far", headers={"X-Rouse-Load": "only-if-ready"})[0] == 200
        assert rouse.state("far") == "ready"


def test_the_body_goes_on_untouched_but_for_our_fields_and_the_name():
    with Upstream() as upstream, serve(plain={"url": upstream.url},
                                       renamed={"url": upstream.url, "upstream_model": "Org/Big \"7B\""}) as rouse:
        raw = b'{ "messages" : [1.50, "\\u00e9"],\t"keep_alive":"5m", "model":  "%s","priority":3 ,"deadline" : 30}'
        assert rouse.ask("POST", "/v1/embeddings", raw=raw % b"plain")[0] == 200
        assert upstream.asked[-1].body == b'{ "messages" : [1.50, "\\u00e9"],\t "model":  "plain","priority":3 }'
        assert rouse.ask("POST", "/v1/embeddings", raw=raw % b"renamed")[0] == 200
        assert upstream.asked[-1].json["model"] == 'Org/Big "7B"'
        assert rouse.ask("POST", "/v1/embeddings", raw=b'{"input":[]}', headers={"X-Model": "renamed"})[0] == 200
        assert upstream.asked[-1].json == {"model": 'Org/Big "7B"', "input": []}
        assert upstream.asked[-1].headers["X-Model"] is None


@pytest.mark.parametrize("path", [
    "/v1/responses", "/v1/responses/input_tokens", "/v1/rerank", "/v1/reranking", "/v1/moderations", "/v1/audio/speech",
    "/v1/images/generations", "/v1/messages", "/v1/messages/count_tokens"])
def test_every_route_is_relayed_to_its_own_path(path):
    with Upstream() as upstream, serve(far={"url": upstream.url}) as rouse:
        assert rouse.post(path + "?a=b", {"model": "far", "messages": []})[0] == 200
        assert upstream.asked[-1].path == path + "?a=b"
        assert rouse.ask("GET", path)[0] == 405


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits",
                                  "/v1/images/variations"])
def test_forms_name_their_model_too(path):
    sound = bytes(range(256)) * 16 + b"\r\n--other\r\n"
    with Upstream() as upstream, serve(far={"url": upstream.url, "upstream_model": "whisper-1"}) as rouse:
        raw = form("b d", ("file", sound), ("keep_alive", b"5m"), ("model", b"far"), ("language", b"en"))
        kind = {"Content-Type": 'multipart/form-data; boundary="b d"'}
        status, _, body = rouse.ask("POST", path, raw=raw, headers=kind)
        assert status == 200, body
        assert upstream.asked[-1].headers["Content-Type"] == kind["Content-Type"]
        assert upstream.asked[-1].body == form("b d", ("file", sound), ("model", b"whisper-1"), ("language", b"en"))
        assert rouse.ask("POST", path, raw=raw[:-9], headers=kind)[0] == 400
        assert rouse.ask("POST", path, raw=raw, headers={**kind, "X-Model": "nobody"})[0] == 400
        assert rouse.ask("POST", path, raw=b"{}", headers={"Content-Type": "text/plain"})[0] == 415
        assert rouse.ask("POST", "/v1/chat/completions", raw=raw, headers=kind)[0] == 415


def test_its_key_is_shown_and_the_clients_own_is_not_passed_on():
    with Upstream() as upstream, serve(far={"url": upstream.url, "key_env": KEY}, open={"url": upstream.url}) as rouse:
        mine = {"Authorization": "Bearer mine", "X-Api-Key": "mine", "Cookie": "a=b"}
        assert rouse.chat("far", headers=mine)[0] == 200
        assert upstream.asked[-1].headers.get_all("Authorization") == ["Bearer sk-upstream"]
        assert rouse.chat("open", headers=mine)[0] == 200
        for name in ["Authorization", "X-Api-Key", "Cookie"]:
            assert upstream.asked[-1].headers[name] is None
        assert "sk-upstream" not in rouse.text()


def test_a_redirect_is_not_followed_and_not_passed_on():
    with Upstream() as elsewhere:
        def redirect(talk):
            talk.raw(307, b"", Location=elsewhere.url + talk.path)
        with Upstream(redirect) as upstream, serve(far={"url": upstream.url, "key_env": KEY}) as rouse:
            status, headers, body = rouse.chat("far")
            assert status == 502 and "redirect" in body["error"]["message"]
            assert headers["Location"] is None
        assert elsewhere.asked == []


@pytest.mark.parametrize("tail,path", [("", ""), ("/", ""), ("/v1", ""), ("/v1/", ""), ("/api", "/api"), ("/api/v1", "/api")])
def test_the_path_of_the_url_comes_first(tail, path):
    with Upstream() as upstream, serve(far={"url": upstream.url + tail}) as rouse:
        assert rouse.chat("far")[0] == 200
        assert upstream.asked[-1].path == path + "/v1/chat/completions"


def test_it_may_be_behind_a_unix_socket(tmp_path):
    with Upstream(path=tmp_path / "x.sock") as upstream, serve(far={"url": upstream.url}) as rouse:
        assert rouse.chat("far")[0] == 200


def test_nobody_there_is_502_and_the_next_one_is_answered():
    with serve(far={"url": f"http://127.0.0.1:{closed_port()}"}) as rouse:
        status, _, body = rouse.chat("far")
        assert status == 502 and "far" in body["error"]["message"]
        assert str(rouse.port) not in body["error"]["message"]
        assert rouse.state("far") == "ready"


def test_its_concurrency_holds():
    release = threading.Event()

    def wait(talk):
        assert release.wait(BOUND)
        talk.json(200, {})

    with Upstream(wait) as upstream, serve(far={"url": upstream.url, "concurrency": 2}) as rouse:
        with ThreadPoolExecutor(5) as pool:
            answers = [pool.submit(rouse.chat, "far") for _ in range(5)]
            until(lambda: rouse.model("far")["waiting"] == 3, "three wait")
            until(lambda: len(upstream.asked) >= 2, "two are asked")
            assert len(upstream.asked) == 2
            release.set()
            assert [answer.result()[0] for answer in answers] == [200] * 5


@pytest.mark.parametrize("entry,words", [
    ({"url": "ftp://x"}, "http://HOST:PORT"),
    ({"url": "http://user:pw@x"}, "http://HOST:PORT"),
    ({"url": "unix:x.sock"}, "absolute path"),
    ({}, "has no url"),
    ({"url": "http://x", "key_env": "ROUSE_TEST_NO_SUCH_KEY"}, "ROUSE_TEST_NO_SUCH_KEY"),
    ({"url": "http://x", "keep": "5m"}, "unknown key \"keep\""),
])
def test_what_cannot_be_is_a_mistake_in_the_configuration(entry, words):
    rouse = RouseDaemon({"models": {"far": {"engine": "remote", **entry}}}, check=False)
    with rouse:
        assert rouse.process.wait(BOUND) == 2
    assert words in rouse.text()


# --- refusals of the moment ---------------------------------------------------------------------------------------


def test_a_full_queue_says_when_it_will_have_been_served():
    release = threading.Event()

    def tell(talk):
        if b"slow" in talk.asked.body:  # until its deadline
            talk.events({"choices": [{"index": 0, "delta": {"content": "a"}}]})
            return talk.until_gone()
        assert release.wait(BOUND)
        talk.json(200, {})

    with Upstream(tell) as upstream, serve(far={"url": upstream.url, "concurrency": 1, "queue_limit": 3}) as rouse:
        status, _, body = rouse.chat("far", "slow", deadline="2s")
        assert status == 200 and body["rouse"]["deadline_passed"]
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(rouse.chat, "far") for _ in range(4)]
            try:
                until(lambda: rouse.model("far")["waiting"] == 3, "three wait")
                status, headers, body = rouse.chat("far")
                assert status == 503, body
                assert 4 <= int(headers["Retry-After"]) <= 60  # three times what the one took
            finally:
                release.set()
            assert [answer.result()[0] for answer in waiting] == [200] * 4
