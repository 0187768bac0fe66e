"""How soon /health/ready answers among 5,000 idle connections, 200 slow writers and 200 slow readers; and the memory
that these take.

Writers send a byte of a long body each 100 ms, readers take as little of a long answer; whom the daemon cuts off for
that comes again.
"""

import multiprocessing
import resource
import select
import socket
import statistics
import time
from contextlib import suppress

from front import KEY, KEYS
from measuring import ROUSE, CannotMeasure, Figure, built, number
from streams import resident_mib
from tests.support.rouse_daemon import RouseDaemon

IDLE, WRITERS, READERS = 5000, 200, 200
ANSWER = 4 << 20  # bytes: more than the sockets between them hold
EVERY = 0.1  # seconds
ASKED = 2000  # times
PAUSE = 0.002  # seconds between two of them
ROUNDS = 5


def upstream(listener: socket.socket) -> None:
    """Answers every request with a long answer."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % ANSWER
    clients: dict[int, tuple[socket.socket, list[memoryview]]] = {}
    while True:
        for descriptor, what in poll.poll():
            if descriptor == listener.fileno():
                client, _ = listener.accept()
                client.setblocking(False)
                clients[client.fileno()] = (client, [])
                poll.register(client, select.EPOLLIN)
                continue
            client, left = clients[descriptor]
            try:
                if what & select.EPOLLIN:
                    if not client.recv(65536):
                        raise ConnectionError
                    left[:] = [memoryview(head + b"x" * ANSWER)]
                if left:
                    left[0] = left[0][client.send(left[0]):]
            except BlockingIOError:
                pass
            except OSError:
                poll.unregister(descriptor)
                clients.pop(descriptor)[0].close()
                continue
            poll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if left and len(left[0]) else 0))


def crowd(port: int, ready) -> None:
    """Opens all of them, says so, and keeps them at it until it is ended."""
    here = ("127.0.0.1", port)
    body = b'{"model": "long", "prompt": "x"}'
    head = (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %%d\r\n\r\n" % KEY.encode())

    def writer() -> socket.socket:
        client = socket.create_connection(here)
        client.sendall(head % (1 << 20) + body[:-1])
        return client

    def reader() -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(here)
        client.sendall(head % len(body) + body)
        return client

    idle = [socket.create_connection(here) for _ in range(IDLE)]
    writers = [writer() for _ in range(WRITERS)]
    readers = [reader() for _ in range(READERS)]
    ready.set()
    while idle:
        began = time.monotonic()
        for at, client in enumerate(writers):
            try:
                client.send(b"x")
            except OSError:
                client.close()
                writers[at] = writer()
        for at, client in enumerate(readers):
            with suppress(OSError):
                if client.recv(1):
                    continue
            client.close()
            readers[at] = reader()
        time.sleep(max(0.0, EVERY - (time.monotonic() - began)))


def ask(port: int) -> float:
    """Milliseconds from the question to its whole answer, on a connection that stays."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ASKED):
            began = time.perf_counter()
            client.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE)
    return statistics.quantiles(took, n=100)[98]


def gauges(rouse: RouseDaemon) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in rouse.get("/metrics").splitlines() if line.startswith("rouse_http_"))
    return {name: float(value) for name, _, value in lines}


def measure(rounds: int) -> list[Figure]:
    built(ROUSE)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    fork = multiprocessing.get_context("fork")
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    model = {"engine": "remote", "url": f"http://127.0.0.1:{listener.getsockname()[1]}", "concurrency": READERS + 50}
    processes = [fork.Process(target=upstream, args=(listener,), daemon=True)]
    processes[0].start()
    try:
        with RouseDaemon({"keys": KEYS, "models": {"long": model}}, key=KEY) as rouse:
            alone, memory = ask(rouse.port), resident_mib(rouse.process.pid)
            ready = fork.Event()
            processes.append(fork.Process(target=crowd, args=(rouse.port, ready), daemon=True))
            processes[1].start()
            ready.wait(60)
            seen = [(ask(rouse.port), resident_mib(rouse.process.pid)) for _ in range(ROUNDS)]
            there = gauges(rouse)
            processes[1].terminate()  # before whom it talks to
            processes[1].join()
    finally:
        for process in processes:
            process.terminate()
            process.join()
    slowest, resident = ([value for value in column] for column in zip(*seen))
    crowd_size = IDLE + WRITERS + READERS
    if there["rouse_http_connections"] < crowd_size:
        raise CannotMeasure(f"of {crowd_size} connections, {there['rouse_http_connections']:.0f} were open")
    a_connection = (max(resident) - memory) * 1024 / crowd_size
    return [Figure("crowd: /health/ready, p99, among 5,000 idle and 400 slow connections", "ms", slowest, "<=", 5,
                   notes=[
        f"alone {number(alone)} ms; {there['rouse_http_connections']:.0f} connections were open, "
        f"{there['rouse_http_timed_out_total']:.0f} had been cut off for being slow",
        f"the daemon's memory {number(memory)} MiB alone, at most {number(max(resident))} MiB among them: "
        f"{number(a_connection)} KiB a connection, {there['rouse_http_buffered_bytes'] / 2**20:.1f} MiB of it bodies"])]
