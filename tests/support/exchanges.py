"""Requests as clients send them, recorded to be asked again elsewhere, and answers held side by side.

    for request in recorded(seed=1, count=200):
        assert answer(direct, request) == answer(elsewhere, request)
"""

import http.client
import random
import socket
from dataclasses import dataclass, replace

BOUND = 60.0
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "trailer", "upgrade"}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    chunked: bool = False

    def below(self, prefix: str) -> "Request":
        return replace(self, target=prefix + self.target)

    def raw(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        body = self.body
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
            cuts = [body[i:i + 1000] for i in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(cut), cut) for cut in cuts) + b"0\r\n\r\n"
        elif body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answer(port: int, request: Request, bound: float = BOUND) -> dict:
    """Status line, fields in their order but for those of the connection, and the body. Of Date only that it is there;
    where among the others the length stands is of no matter."""
    with socket.create_connection(("127.0.0.1", port), timeout=bound) as connection:
        connection.sendall(request.raw())
        response = http.client.HTTPResponse(connection, method=request.method)
        response.begin()
        body = response.read()
        fields = [(name, "…" if name.lower() == "date" else value) for name, value in response.headers.items()
                  if name.lower() not in HOP_BY_HOP]
        lengths = [value for name, value in fields if name.lower() == "content-length"]
        fields = [field for field in fields if field[0].lower() != "content-length"]
        return {"status": response.status, "reason": response.reason, "fields": fields, "lengths": lengths, "body": body}


TARGETS = ["/", "/echo", "/echo?", "/echo?a=b&&c&a=%20+%2B", "/echo/a%2Fb//c/;d=e", "/echo/%E2%82%AC?x=%E2%82%AC",
           "/echo/.hidden/x?status=201", "/echo?status=204", "/echo?status=404", "/echo?status=418", "/echo?status=500",
           "/stream", "/nothing/here", "/echo/app/v1/models/load?x=/app/"]
HEADERS = [("Accept", "*/*"), ("Accept", "application/json;q=0.5, text/plain"), ("Accept-Encoding", "gzip, br"),
           ("User-Agent", "recorded/1.0 (test)"), ("Cookie", "session=abc; theme=dark"), ("X-Many", "one"),
           ("X-Many", "two"), ("X-Model", "somebody"), ("X-Api-Key", "the application's"), ("Authorization", "Basic YTpi"),
           ("Referer", "http://localhost/page"), ("X-Request-Id", "mine"), ("X-Rouse-Unknown", "yes"),
           ("If-None-Match", '"x"'), ("Accept-Language", "de, en;q=0.7"), ("X-Empty", ""), ("Origin", "http://localhost")]
BODIES = [(b"", ""), (b'{"a": 1}', "application/json"), (b"a=b&c=d%20e", "application/x-www-form-urlencoded"),
          (bytes(range(256)) * 3, "application/octet-stream"), (b"word " * 60_000, "text/plain; charset=utf-8"),
          (b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\x00\x01\r\n--x--\r\n',
           "multipart/form-data; boundary=x")]


def recorded(seed: int, count: int, targets: list[str], methods: list[str]) -> list[Request]:
    dice = random.Random(seed)
    requests = []
    while len(requests) < count:
        target = dice.choice(TARGETS + targets)
        method = dice.choice(methods) if target.startswith("/echo") else dice.choice(["GET", "GET", "HEAD"])
        headers = [("Host", "localhost"), *dice.sample(HEADERS, dice.randrange(7))]
        body, kind, chunked = b"", "", False
        if method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
            body, kind = dice.choice(BODIES)
            chunked = bool(body) and dice.random() < 0.3
        if not body and method in ("GET", "DELETE") and dice.random() < 0.2:
            headers.append(("Content-Length", "0"))
        if kind:
            headers.append(("Content-Type", kind))
        if target == "/file" and dice.random() < 0.5:
            headers.append(("Range", dice.choice(["bytes=0-99", "bytes=100-", "bytes=-50", "bytes=9999999-"])))
        requests.append(Request(method, target, tuple(headers), body, chunked))
    return requests
