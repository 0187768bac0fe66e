"""Remote models behind https: who is trusted, and what is said of who is not. The certificates are made here."""

import contextlib
import http.client
import shutil
import ssl
import subprocess

import pytest

from tests.support.rouse_daemon import BOUND, RouseDaemon, until
from tests.support.upstream import Upstream, closed_port


def openssl(*words, cwd):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True)


class Authority:
    """Signs certificates for whom it is asked."""

    def __init__(self, folder, name: str):
        self.folder = folder
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.certificate, "-days", 9, "-subj", f"/CN={name}", cwd=folder)

    def sign(self, names: str, *validity: str):
        """A context for a server that answers to `names`, like "DNS:localhost,IP:127.0.0.1"."""
        name = f"server-{len(list(self.folder.iterdir()))}"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", "/CN=somebody", cwd=self.folder)
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", self.certificate, "-CAkey", self.key, "-out", f"{name}.pem",
                "-extfile", f"{name}.ext", *(validity or ["-days", "9"]), cwd=self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


HERE = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


def far(upstream: Upstream, authority: Authority | None, **more) -> dict:
    trusted = {"ca_file": str(authority.certificate)} if authority else {}
    return {"engine": "remote", "url": upstream.url, **trusted, **more}


@contextlib.contextmanager
def daemon(entry: dict, env: dict | None = None):
    with RouseDaemon({"models": {"far": entry}}, env=env) as rouse:
        yield rouse


def answer_at_length(talk):
    talk.events(*[f"piece {i} " + "x" * 5000 for i in range(40)], "[DONE]")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_it_is_asked_by_its_name_or_address_and_connections_are_kept(authority, host):
    with Upstream(tls=authority.sign(HERE)) as upstream:
        upstream.url = upstream.url.replace("127.0.0.1", host)
        with daemon(far(upstream, authority, upstream_model="m")) as rouse:
            for _ in range(3):
                status, _, body = rouse.chat("far", text="y" * 300_000)
                assert status == 200, body
            assert upstream.asked[-1].json["model"] == "m"
            assert upstream.asked[-1].headers["Host"].startswith(host)
            assert upstream.asked[-1].json["messages"][0]["content"] == "y" * 300_000
            assert upstream.connections == 1


def test_a_stream_comes_whole(authority):
    with Upstream(answer_at_length, tls=authority.sign(HERE)) as upstream, daemon(far(upstream, authority)) as rouse:
        status, _, text = rouse.chat("far", stream=True)
        assert status == 200 and text.count("piece ") == 40 and text.endswith("data: [DONE]\n\n")


def test_a_client_that_leaves_ends_the_call(authority):
    gone = []

    def tell(talk):
        talk.events("one")
        talk.until_gone()
        gone.append(True)

    with Upstream(tell, tls=authority.sign(HERE)) as upstream, daemon(far(upstream, authority)) as rouse:
        connection, answer = rouse.stream("far")
        assert answer.readline() == b"data: one\n"
        answer.close()
        connection.close()
        until(lambda: gone, "the upstream saw it")


def test_the_machines_own_authorities_are_trusted_where_none_is_named(authority):
    with Upstream(tls=authority.sign(HERE)) as upstream:
        with daemon(far(upstream, None), env={"SSL_CERT_FILE": str(authority.certificate)}) as rouse:
            assert rouse.chat("far")[0] == 200


PAST = ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"]
FUTURE = ["-not_before", "20900101000000Z", "-not_after", "20900201000000Z"]


@pytest.mark.parametrize("names,validity,words", [
    (HERE, PAST, "has expired"),
    (HERE, FUTURE, "not valid yet"),
    ("DNS:other.example", [], "is not for 127.0.0.1"),
])
def test_a_certificate_that_does_not_hold_is_told_plainly(authority, names, validity, words):
    with Upstream(tls=authority.sign(names, *validity)) as upstream, daemon(far(upstream, authority)) as rouse:
        status, headers, body = rouse.chat("far")
        assert status == 502 and words in body["error"]["message"] and '"far"' in body["error"]["message"], body
        assert headers["x-should-retry"] == "false" and body["error"]["code"] == "upstream_untrusted"
        assert upstream.asked == []


def test_a_certificate_that_does_not_hold_leaves_the_request_to_the_fallback(authority):
    with Upstream(tls=authority.sign(HERE, *PAST)) as expired, Upstream() as spare:
        models = {"far": far(expired, authority, fallback="spare"), "spare": far(spare, None)}
        with RouseDaemon({"models": models}) as rouse:
            status, headers, body = rouse.chat("far")
            assert status == 200 and headers["X-Rouse-Model"] == "spare", body
            assert expired.asked == []


@pytest.mark.parametrize("stranger", [True, False])
def test_an_unknown_authority_is_told_plainly(authority, tmp_path, stranger):
    trusted = Authority(tmp_path, "another") if stranger else None
    with Upstream(tls=authority.sign(HERE)) as upstream, daemon(far(upstream, trusted)) as rouse:
        status, _, body = rouse.chat("far")
        assert status == 502 and "nobody whom this machine trusts" in body["error"]["message"], body
        assert "ca_file" in body["error"]["message"] and upstream.asked == []


def test_a_ca_file_that_is_not_there_or_is_none_is_told_and_one_that_is_exchanged_is_read(authority, tmp_path):
    other = Authority(tmp_path, "another")
    file = tmp_path / "trusted.pem"
    with Upstream(tls=authority.sign(HERE)) as upstream, daemon(far(upstream, None, ca_file=str(file))) as rouse:
        assert "ca_file cannot be read" in rouse.chat("far")[2]["error"]["message"]
        file.write_text("no certificate")
        assert "ca_file cannot be read" in rouse.chat("far")[2]["error"]["message"]
        shutil.copy(other.certificate, file)
        assert "nobody whom this machine trusts" in rouse.chat("far")[2]["error"]["message"]
        shutil.copy(authority.certificate, file)
        assert rouse.chat("far")[0] == 200


def test_plain_http_behind_https_is_502_and_so_is_nobody(authority):
    with Upstream() as upstream, daemon(far(upstream, authority, url=upstream.url.replace("http", "https"))) as rouse:
        assert rouse.chat("far")[0] == 502
    with Upstream() as upstream:
        with daemon(far(upstream, authority, url=f"https://127.0.0.1:{closed_port()}")) as rouse:
            assert rouse.chat("far")[0] == 502


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_that_ends_with_its_connection_is_whole_only_if_tls_says_so(authority, announced):
    def tell(talk):
        talk.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")
        talk.close_connection = True
        if announced:
            with contextlib.suppress(OSError):  # nobody has to answer
                talk.connection.unwrap()

    with Upstream(tell, tls=authority.sign(HERE)) as upstream, daemon(far(upstream, authority)) as rouse:
        if announced:
            assert rouse.chat("far")[2] == "all of it"
        else:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                rouse.chat("far")


def test_a_ca_file_is_for_https():
    rouse = RouseDaemon({"models": {"far": {"engine": "remote", "url": "http://x", "ca_file": "x.pem"}}}, check=False)
    with rouse:
        assert rouse.process.wait(BOUND) == 2
    assert "ca_file" in rouse.text() and "https" in rouse.text()
