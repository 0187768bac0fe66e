"""1,000 answers streamed at once, a token each 100 ms: whether all arrive whole, and what that takes of the daemon."""

import json
import multiprocessing
import os
import resource
import select
import socket
import statistics
import time

from front import KEY, KEYS
from measuring import ROUSE, CannotMeasure, Figure, built, number
from tests.support.rouse_daemon import RouseDaemon
from wrk import processor_seconds

STREAMS = 1000
TOKENS = 50
EVERY = 0.1  # seconds
ROUNDS = 3  # of six seconds each

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def event(number: int) -> bytes:
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": f" token {number}"}}]}).encode()


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


CHUNKS = [chunk(event(i)) for i in range(TOKENS)]
WHOLE = b"".join(map(event, range(TOKENS)))


def upstream(listener: socket.socket) -> None:
    """Answers each connection's one request, each stream at a pace of its own."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    streams: dict[int, socket.socket] = {}
    due: list[tuple[float, int, int]] = []  # ascending: all wait equally long
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else -1
        for descriptor, _ in poll.poll(wait):
            if descriptor == listener.fileno():
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                streams[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
            elif b"\r\n\r\n" in streams[descriptor].recv(65536):
                streams[descriptor].sendall(HEAD)
                due.append((time.monotonic() + EVERY, descriptor, 0))
            else:
                poll.unregister(descriptor)
                streams.pop(descriptor).close()
        now = time.monotonic()
        passed = 0
        while passed < len(due) and due[passed][0] <= now:
            at, descriptor, token = due[passed]
            passed += 1
            last = token + 1 == TOKENS
            streams[descriptor].sendall(CHUNKS[token] + (LAST if last else b""))
            if not last:
                due.append((at + EVERY, descriptor, token + 1))
        if passed:
            del due[:passed]
            due.sort()


def dechunked(answer: bytes) -> bytes:
    _, _, rest = answer.partition(b"\r\n\r\n")
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if size in (b"", b"0"):
            return body
        body += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def read_all(port: int, rouse: int) -> tuple[int, float, float]:
    """(how many were whole, the daemon's memory in MiB while all were open, its share of a core meanwhile)."""
    body = json.dumps({"model": "slow", "prompt": "x", "stream": True}).encode()
    request = (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Authorization: Bearer %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
               % (KEY.encode(), len(body), body))
    poll = select.epoll()
    streams: dict[int, tuple[socket.socket, list[bytes]]] = {}
    ran, began, memory = 0.0, 0.0, 0.0
    for started in range(STREAMS):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(request)
        stream.setblocking(False)
        streams[stream.fileno()] = (stream, [])
        poll.register(stream, select.EPOLLIN)
    ran, began = processor_seconds(rouse), time.monotonic()
    left = STREAMS
    share = 0.0
    while left:
        ready = poll.poll(30)
        if not ready:
            raise CannotMeasure(f"{left} streams stand still")
        for descriptor, _ in ready:
            stream, received = streams[descriptor]
            if block := stream.recv(65536):
                received.append(block)
                continue
            if left == STREAMS:  # the first that ends: until now, all were open
                memory = resident_mib(rouse)
                share = (processor_seconds(rouse) - ran) / (time.monotonic() - began)
            left -= 1
            poll.unregister(descriptor)
            stream.close()
    return sum(dechunked(b"".join(received)) == WHOLE for _, received in streams.values()), memory, share


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server = multiprocessing.get_context("fork").Process(target=upstream, args=(listener,), daemon=True)
    server.start()
    try:
        model = {"engine": "remote", "url": f"http://127.0.0.1:{listener.getsockname()[1]}", "concurrency": STREAMS}
        with RouseDaemon({"keys": KEYS, "models": {"slow": model}}, key=KEY) as rouse:
            seen = [read_all(rouse.port, rouse.process.pid) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        server.join()
    whole, memory, share = ([float(value) for value in column] for column in zip(*seen))
    about = f"streams: 1,000 open, a token each {EVERY * 1000:.0f} ms"
    return [Figure(f"{about}: whole", "", whole, ">=", STREAMS, judged=min(whole)),
            Figure(f"{about}: resident", "MiB", memory, "<=", 60, judged=max(memory)),
            Figure(f"{about}: share of a core", "%", [100 * value for value in share], "<=", 60)]
