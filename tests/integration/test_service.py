"""The daemon as a service: what it tells systemd, sockets it is handed, and how it ends."""

import configparser
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import BOUND, ROOT, ROUSE, RouseDaemon, alive, events, held, until

UNITS = ROOT / "packaging" / "systemd"


@pytest.fixture(scope="session")
def models():
    return demo_models.paths()


def config(models, **more) -> dict:
    chat = {"engine": "llama", "source": str(models.text), "context": 2048, "parallel": 2, "threads": 1}
    return {"budgets": {"host": {"limit": "8GiB"}}, "models": {"chat": chat}, **more}


def load(rouse) -> int:
    status, _, body = rouse.post("/rouse/v1/models/chat/load")
    assert status == 200, body
    return body["pid"]


class Systemd:
    """The receiving end of sd_notify: every message as a dictionary, in order."""

    def __init__(self, address: str):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.settimeout(BOUND)

    def environment(self, **more) -> dict:
        return {"NOTIFY_SOCKET": self.address, **more}

    def next(self) -> dict:
        return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().split("\n"))

    def until(self, key: str) -> dict:
        while key not in (message := self.next()):
            pass
        return message


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    manager = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@rouse-test-{os.getpid()}")
    yield manager
    manager.socket.close()


def test_systemd_hears_of_readiness_reloads_and_the_end(models, systemd):
    with RouseDaemon(config(models), env=systemd.environment()) as rouse:
        ready = systemd.next()
        assert ready["READY"] == "1"
        assert ready["STATUS"] == f"serving 1 model on {rouse.url}"

        rouse.process.send_signal(signal.SIGHUP)
        reloading = systemd.next()
        assert reloading["RELOADING"] == "1"
        assert 0 < int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert systemd.next()["READY"] == "1"

        rouse.config.write_text("modells: {}\n")
        assert rouse.post("/rouse/v1/reload")[0] == 422
        assert systemd.next()["RELOADING"] == "1"
        broken = systemd.next()
        assert broken["READY"] == "1" and f"{rouse.config}:1:1" in broken["STATUS"]

        pid = load(rouse)
        connection, answer = rouse.stream("chat", max_tokens=900)
        next(events(answer))
        with held(pid):
            rouse.process.send_signal(signal.SIGTERM)
            assert systemd.next()["STOPPING"] == "1"
            waiting = systemd.next()
            assert int(waiting["EXTEND_TIMEOUT_USEC"]) > 1_000_000
            assert waiting["STATUS"].endswith("running: 1")
        assert list(events(answer))[-1] == "[DONE]"
        connection.close()
        assert rouse.process.wait(BOUND) == 0


def test_the_watchdog_is_fed(models, systemd):
    with RouseDaemon(config(models), env=systemd.environment(WATCHDOG_USEC="100000")):
        for _ in range(3):
            systemd.until("WATCHDOG")


def test_workers_hear_nothing_of_systemd(models, systemd):
    with RouseDaemon(config(models), env=systemd.environment(WATCHDOG_USEC="100000", LISTEN_FDNAMES="x")) as rouse:
        assert rouse.chat("chat")[0] == 200
        environment = Path(f"/proc/{rouse.model('chat')['pid']}/environ").read_bytes()
        assert not re.search(rb"NOTIFY_SOCKET|WATCHDOG|LISTEN_", environment)


# --- socket activation --------------------------------------------------------------------------------------------


def handed(listening: socket.socket) -> dict:
    """How systemd starts a program with a socket: as descriptor 3, and LISTEN_PID its own process."""
    number = listening.fileno()
    script = f'exec 3<&{number} {number}<&-; export LISTEN_PID=$$; exec "$@"'
    environment = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "rouse.socket"}
    return {"command": ("bash", "-c", script, "bash"), "pass_fds": (number,), "env": environment}


def listening_socket(family=socket.AF_INET, address=("127.0.0.1", 0)) -> socket.socket:
    made = socket.socket(family)
    made.bind(address)
    made.listen(128)
    os.dup2(made.fileno(), 60)  # away from 3
    return socket.socket(fileno=60)


def test_a_socket_is_taken_over_and_connections_wait_for_the_next_daemon(models):
    with listening_socket() as listening:
        port = listening.getsockname()[1]
        early = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
        early.request("GET", "/health/ready")  # nobody is there yet
        with RouseDaemon(config(models), **handed(listening)) as rouse:
            assert rouse.port == port
            assert early.getresponse().status == 200
            assert rouse.chat("chat")[0] == 200
            descriptors = Path(f"/proc/{rouse.model('chat')['pid']}/fd")
            ours = os.stat(listening.fileno()).st_ino
            assert not any(os.stat(fd).st_ino == ours for fd in descriptors.iterdir() if fd.exists())
        late = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
        late.request("GET", "/health/ready")  # nobody is there any more
        with RouseDaemon(config(models), **handed(listening)):
            assert late.getresponse().status == 200


def test_a_unix_socket_can_be_handed_over(models, tmp_path):
    path = str(tmp_path / "rouse.sock")
    with listening_socket(socket.AF_UNIX, path) as listening, \
            RouseDaemon(config(models), **handed(listening)) as rouse:
        assert rouse.where == f"unix:{path}"
        done = subprocess.run([ROUSE, "list", "--host", f"unix:{path}"], capture_output=True, text=True, timeout=BOUND)
        assert done.returncode == 0 and "chat" in done.stdout
    assert os.path.exists(path)  # not ours to remove


def test_a_passed_socket_of_the_name_admin_is_the_owners(models, tmp_path):
    secret = {"hash": "sha256:" + "0" * 64}
    path = str(tmp_path / "admin.sock")
    with listening_socket(socket.AF_UNIX, path) as listening:
        given = handed(listening)
        given["env"]["LISTEN_FDNAMES"] = "admin"
        with RouseDaemon(config(models, keys={"ada": secret}), **given):
            done = subprocess.run([ROUSE, "reload", "--host", f"unix:{path}"], capture_output=True, text=True,
                                  timeout=BOUND)
            assert (done.returncode, done.stdout) == (0, "nothing has changed\n")


def test_a_socket_beyond_loopback_is_refused(models):
    with listening_socket(address=("0.0.0.0", 0)) as listening, \
            RouseDaemon(config(models), check=False, **handed(listening)) as rouse:
        assert rouse.process.wait(BOUND) == 2
        rouse.reader.join(BOUND)
        assert "keys" in rouse.text()


# --- the end ------------------------------------------------------------------------------------------------------


def test_while_it_drains_nobody_new_gets_in_and_the_stream_ends_whole(models):
    with RouseDaemon(config(models)) as rouse:
        balancer, idle = (http.client.HTTPConnection("127.0.0.1", rouse.port, timeout=BOUND) for _ in range(2))
        for one in (balancer, idle):
            one.request("GET", "/health/ready")
            assert one.getresponse().read()
        pid = load(rouse)
        connection, answer = rouse.stream("chat", max_tokens=900)
        lines = events(answer)
        next(lines)
        with held(pid):
            rouse.process.send_signal(signal.SIGTERM)
            until(lambda: "draining" in rouse.text(), "it drains")
            balancer.request("GET", "/health/ready")
            told = balancer.getresponse()
            assert told.status == 503 and told.getheader("Connection") == "close", told.headers
            with pytest.raises(ConnectionRefusedError):
                rouse.ask("GET", "/health/ready")
            assert alive(pid) and rouse.process.poll() is None
        assert list(lines)[-1] == "[DONE]"
        connection.close()
        assert idle.sock.recv(1) == b""  # closed, not left to hang
        assert rouse.process.wait(BOUND) == 0
        assert not alive(pid)


def test_a_request_on_a_connection_that_is_busy_is_told_to_go_elsewhere(models):
    """The second of two requests that a client has sent at once is read after draining began."""
    with RouseDaemon(config(models)) as rouse:
        with socket.create_connection(("127.0.0.1", rouse.port), timeout=BOUND) as client:
            pid = load(rouse)
            body = b'{"model":"chat","prompt":"a","max_tokens":900,"ignore_eos":true,"stream":true}'
            head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
                   f"Content-Length: {len(body)}\r\n\r\n"
            ready = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client.sendall(head.encode() + body + ready)
            seen = client.recv(1)
            with held(pid):
                assert rouse.model("chat")["leases"] == 1
                rouse.process.send_signal(signal.SIGTERM)
                until(lambda: "draining" in rouse.text(), "it drains")
            while piece := client.recv(65536):
                seen += piece
        assert b"[DONE]" in seen
        assert b"HTTP/1.1 503" not in seen.partition(b"[DONE]")[0]
        after = seen.partition(b"[DONE]")[2]
        assert after.count(b"HTTP/1.1 ") == 0 or b"HTTP/1.1 503" in after
        assert rouse.process.wait(BOUND) == 0


def test_answers_that_last_too_long_are_cut_with_a_reason(models):
    with RouseDaemon(config(models, limits={"drain": "0s"})) as rouse:
        pid = load(rouse)
        connection, answer = rouse.stream("chat", max_tokens=900)
        lines = events(answer)
        next(lines)
        with held(pid):
            rouse.process.send_signal(signal.SIGTERM)
            assert "shut down" in list(lines)[-1]
        connection.close()
        assert rouse.process.wait(BOUND) == 0


# --- the units ----------------------------------------------------------------------------------------------------


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str
    parser.read_string((UNITS / name).read_text())
    return parser


def test_the_units_say_what_the_daemon_relies_on():
    service = unit("rouse.service")["Service"]
    assert service["Type"] == "notify-reload"
    assert service["KillMode"] == "mixed"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["ExecStart"].split()[1] == "serve"
    assert unit("rouse.socket")["Socket"]["ListenStream"] == "127.0.0.1:11450"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for path in UNITS.iterdir():
        text = path.read_text().replace("/usr/bin/rouse", "/bin/true").replace("man:rouse(1)", "https://rouse.test")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", *map(str, tmp_path.iterdir())],
                          capture_output=True, text=True, timeout=BOUND,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
    complaints = [line for line in done.stderr.splitlines() if "rouse" in line]
    assert done.returncode == 0 and not complaints, done.stderr
