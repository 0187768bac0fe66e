"""Starts a real llama-server on a Unix socket and asks it things."""

import http.client
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path

START_BOUND = 60.0  # seconds: for a machine that is busy with other things
ANSWER_BOUND = 120.0
BETWEEN_PROBES = 0.01
ONE_THREAD = ["-t", "1"]  # two threads of a tiny model spend their time waiting for each other on a busy machine


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class DidNotStart(Exception):
    """It ended before it was ready; the message holds the end of its log."""


class LlamaServer:
    """`with LlamaServer(model, "--embedding") as server:` runs it for the length of the block."""

    def __init__(self, model: Path, *options: str | Path):
        self.folder = tempfile.TemporaryDirectory(prefix="rouse-test-")
        self.socket = f"{self.folder.name}/x.sock"
        self.log = Path(self.folder.name) / "log"
        self.command = ["llama-server", "--host", self.socket, "-m", model, "-c", "2048", *ONE_THREAD, *options]

    def __enter__(self) -> "LlamaServer":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(word) for word in self.command], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def wait_until_ready(self) -> None:
        bound = time.monotonic() + START_BOUND
        while True:
            try:
                if self.get("/health")[0] == 200:
                    return
            except OSError:
                pass  # it does not listen yet
            if time.monotonic() > bound:
                raise TimeoutError(f"not ready after {START_BOUND} s:\n{self.end_of_log()}")
            try:
                code = self.process.wait(BETWEEN_PROBES)
            except subprocess.TimeoutExpired:
                continue
            raise DidNotStart(f"llama-server ended with {code}:\n{self.end_of_log()}")

    def end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        connection = UnixConnection(self.socket, ANSWER_BOUND)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, dict]:
        return self.ask("GET", path)

    def post(self, path: str, body: object) -> dict:
        status, answer = self.ask("POST", path, body)
        assert status == 200, f"{path} answered {status}: {answer}"
        return answer

    def chat(self, content: object, **options: object) -> dict:
        """The first choice of an answer to one user message."""
        return self.post("/v1/chat/completions", {"messages": [{"role": "user", "content": content}], **options}
                         )["choices"][0]
