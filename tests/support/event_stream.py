"""GET /rouse/v1/events, read as it comes."""

import http.client
import json
from dataclasses import dataclass


@dataclass
class Event:
    id: int
    name: str
    data: dict


class EventStream:
    def __init__(self, port: int, query: str = "", last_id: int | None = None, bound: float = 120):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=bound)
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        self.connection.request("GET", "/rouse/v1/events" + query, headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.getheader("Content-Type") == "text/event-stream"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.connection.close()

    def __iter__(self):
        fields = {}
        for line in self.answer:
            line = line.decode().rstrip("\n")
            if not line and "event" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                fields = {}
            elif line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value

    def next(self) -> Event:
        return next(iter(self))

    def until(self, wanted) -> list[Event]:
        """Every event up to the first that `wanted` accepts, that one included."""
        seen = []
        for event in self:
            seen.append(event)
            if wanted(event):
                return seen
        raise AssertionError(f"the stream ended after {seen}")
