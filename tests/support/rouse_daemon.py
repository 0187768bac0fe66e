"""Starts the real daemon as a new user would, on a free port, and asks it things.

    with RouseDaemon({"models": {"chat": {"engine": "llama", "source": str(path)}}}) as rouse:
        rouse.get("/rouse/v1/models")

Nothing here waits for a fixed time: `until` looks again and again, with a bound.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUSE = os.environ.get("ROUSE", str(ROOT / "build" / "release" / "rouse"))
BOUND = 120.0  # seconds: for a machine that is busy with other things
BETWEEN_LOOKS = 0.01


def until(condition, what: str, bound: float = BOUND):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + bound
    while time.monotonic() < deadline:
        if value := condition():
            return value
        threading.Event().wait(BETWEEN_LOOKS)
    raise AssertionError(f"not within {bound} s: {what}")


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stands_still(pid: int) -> bool:
    """Whether every thread of it is stopped, or gone."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[0] not in "TtZX":
                return False
    return True


@contextlib.contextmanager
def held(*pids: int):
    """These processes stand still for the length of the block, so that no answer of theirs can end meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:  # the thread that is told stops the others, once it gets to run
        until(lambda: stands_still(pid), f"process {pid} stands still")
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class RouseDaemon:
    """`models`: a folder instead of a configuration. `listen`: on the command line; otherwise in the file. `key` is shown
    by `ask`; `env` is added to the daemon's environment. `arguments`: more of them; `command`: what comes before the program;
    `started`: Popen's."""

    def __init__(self, config: dict | None = None, *, models: Path | None = None, listen: bool = True, check: bool = True,
                 key: str = "", env: dict | None = None, arguments: tuple[str, ...] = (), command: tuple = (),
                 **started):
        self.key = key
        self.folder = tempfile.TemporaryDirectory(prefix="rouse-test-")
        self.config = Path(self.folder.name) / "rouse.yaml"
        config = config if listen else {"listen": "127.0.0.1:0", **(config or {})}
        self.reconfigure(config)
        self.log: list[str] = []
        self.process = subprocess.Popen(
            [*command, ROUSE, "serve", *(["--models", str(models)] if models else ["--config", str(self.config)]),
             *(["--listen", "127.0.0.1:0"] if listen else []), *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            env={**os.environ, "XDG_STATE_HOME": self.folder.name, **(env or {})}, **started)
        self.port = 0
        self.where = ""  # the addresses, once it listens
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        until(lambda: self.where or self.process.poll() is not None, "the daemon listens")
        if check:
            assert self.where, self.text()

    def reconfigure(self, config: dict | None):
        self.config.write_text(json.dumps(config))  # JSON is YAML

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)
            if match := re.search(r"rouse serves \d+ models? on (.*)", line):
                if port := re.search(r"http://[^ ]*:(\d+)", match.group(1)):
                    self.port = int(port.group(1))
                self.where = match.group(1)

    def text(self) -> str:
        return "".join(self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(BOUND)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        self.reader.join(BOUND)
        self.folder.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- asking ---------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body=None, headers: dict | None = None, raw: bytes | None = None):
        """(status, headers, body as JSON or text). A header that is None is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND)
        sent = {"Content-Type": "application/json"} if body is not None or raw is not None or method == "POST" else {}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, {k: v for k, v in {**sent, **(headers or {})}.items() if v is not None})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if "json" in (answer.getheader("Content-Type") or ""):
            return answer.status, answer.headers, json.loads(text)
        return answer.status, answer.headers, text

    def get(self, path: str):
        status, _, body = self.ask("GET", path)
        assert status == 200, (status, body)
        return body

    def post(self, path: str, body=None, **more):
        return self.ask("POST", path, body if body is not None else {}, **more)

    def chat(self, model: str, text: str = "hello", **more):
        headers = more.pop("headers", None)
        return self.post("/v1/chat/completions",
                         {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 8, **more},
                         headers=headers)

    def stream(self, model: str, max_tokens: int = 64, **more):
        """The open connection and its answer; read lines from the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND)
        body = {"model": model, "messages": [{"role": "user", "content": "go on"}], "max_tokens": max_tokens,
                "stream": True, "ignore_eos": True, **more}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        return connection, connection.getresponse()

    # --- seeing ---------------------------------------------------------------------------------------------------

    def model(self, name: str) -> dict:
        return self.get(f"/rouse/v1/models/{name}")

    def state(self, name: str) -> str:
        return self.model(name)["state"]

    def until_state(self, name: str, state: str):
        until(lambda: self.state(name) == state, f"{name} is {state} ({self.state(name)})")

    def loaded(self) -> list[dict]:
        return [m for m in self.get("/rouse/v1/models")["models"] if m["pid"]]


def events(answer):
    """The data of the server-sent events of an open answer, as they come; comments as (":", text)."""
    for line in answer:
        line = line.decode().rstrip("\r\n")
        if line.startswith("data: "):
            yield line[6:]
        elif line.startswith(":"):
            yield (":", line[1:].strip())
