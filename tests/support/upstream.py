"""Another server, as one stands behind a remote model: remembers what it was asked, and answers as it is told.

    with Upstream() as upstream:                                     # answers {} to everything
        RouseDaemon({"models": {"far": {"engine": "remote", "url": upstream.url}}})
        upstream.asked[0].path, .headers, .body

    def tell(talk):                                                  # in a thread of its own for each request
        talk.events("one", "two")                                    # a stream, or: talk.json(200, {...})
        talk.until_gone()
    with Upstream(tell) as upstream: ...
"""

import json
import socket
import socketserver
import ssl
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

BOUND = 60.0


@dataclass
class Asked:
    method: str
    path: str
    headers: object
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):  # a Unix socket has none
        return "somebody"

    def log_message(self, *_):
        pass

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.asked = Asked(self.command, self.path, self.headers, self.rfile.read(length))
        self.server.asked.append(self.asked)
        self.streaming = False
        self.server.tell(self)
        if self.streaming:
            self.wfile.write(b"0\r\n\r\n")

    do_POST = do_GET

    # --- ways to answer -------------------------------------------------------------------------------------------

    def json(self, status: int, body: object, **headers: str):
        self.raw(status, json.dumps(body).encode(), **{"Content-Type": "application/json", **headers})

    def raw(self, status: int, body: bytes, **headers: str):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def bytes(self, data: bytes):
        """Of a stream of events, however they are cut."""
        if not self.streaming:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.streaming = True
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def events(self, *data: object, name: str = ""):
        for event in data:
            text = event if isinstance(event, str) else json.dumps(event)
            self.bytes((f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode())

    def until_gone(self):
        """Returns when the other side has closed the connection."""
        self.connection.settimeout(BOUND)
        try:
            assert self.connection.recv(1) == b""
        except ConnectionError:
            pass
        self.streaming = False
        self.close_connection = True


class _Quiet:
    """A client that does not trust us is no news."""

    connections = 0

    def process_request(self, *request):
        self.connections += 1
        super().process_request(*request)

    def handle_error(self, *who):
        if not isinstance(sys.exc_info()[1], ssl.SSLError):
            super().handle_error(*who)


class _Tcp(_Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Upstream:
    def __init__(self, tell=lambda talk: talk.json(200, {}), path: Path | None = None, tls: ssl.SSLContext | None = None):
        self.server = _Unix(str(path), Talk) if path else _Tcp(("127.0.0.1", 0), Talk)
        self.server.tell = tell
        self.server.asked = []
        self.url = f"unix:{path}" if path else f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def connections(self) -> int:
        return self.server.connections

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    def __enter__(self) -> "Upstream":
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(BOUND)


def closed_port() -> int:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
