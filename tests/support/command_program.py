#!/usr/bin/env python3
"""A small server in the ways that programs go wrong, or right: command_program.py WHAT WHERE [MORE…]

WHERE is the path of a Unix socket or the number of a port of 127.0.0.1.
"""

import http.server
import json
import os
import select
import signal
import socket
import socketserver
import sys
import threading

WHAT, WHERE, MORE = sys.argv[1], sys.argv[2], sys.argv[3:]
SLEEP, WAKE = "/sleep?level=1", "/wake_up"


def say(*words):
    print(*words, flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tell_others = staticmethod(lambda: None)

    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: object):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def rest(self, body: str):
        if WHAT == "sleeps-for-ever":
            signal.pause()
        if WHAT == ("will-not-sleep" if self.path == SLEEP else "will-not-wake"):
            return self.answer(503, {"error": "not now"})
        self.server.asleep = self.path == SLEEP
        self.server.told.append([self.command, self.path, body])
        self.answer(200, {})

    def do_GET(self):
        if WHAT == "dies-when-asked":
            say("asked, and leaving")
            os._exit(3)
        if WHAT == "well-while-its-child-lives" and os.waitpid(CHILD, os.WNOHANG) != (0, 0):
            return self.answer(500, {"error": "its child is gone"})
        if WHAT == "never-well":
            return self.answer(500, {"error": "no weights"})
        if WHAT == "says" and self.path == "/memory":
            return self.answer(int(MORE[0]), json.loads(MORE[1]))
        self.answer(200, {"pid": os.getpid(), "argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ),
                          "told": self.server.told})
        if WHAT == "well-and-dies":
            say("well, and leaving")
            os._exit(6)

    def do_POST(self):
        if WHAT == "reads-no-body":
            return self.answer(401, {"error": "who are you?"})
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path in (SLEEP, WAKE):
            return self.rest(body)
        if self.path == "/trim":
            if WHAT == "trims-at-a-gate":
                open(MORE[0]).close()
            self.server.cache = None
            return self.answer(200, {})
        if self.server.asleep:
            return self.answer(500, {"error": "asleep"})
        self.posts = getattr(self, "posts", 0) + 1  # on this connection
        if WHAT == "hangs-up" and self.posts == 2:
            self.close_connection = True
            return None
        if WHAT == "breaks-off":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.wfile.flush()
            say("breaking off")
            os._exit(4)
        if WHAT == "falls-silent-as-it-fails":
            self.send_response(500)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            threading.Event().wait()
        if WHAT == "shows-a-traceback":
            return self.send_error(500, explain="Traceback: token=secret")  # an HTML page
        if WHAT == "is-overloaded":
            self.send_response(503)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "12")
            self.end_headers()
            return self.wfile.write(b"token=secret")
        if WHAT == "dies-in-an-answer":
            say("the weights are gone")
            os._exit(8)
        if WHAT in ("stops-listening", "drains"):
            self.close_connection = True
            threading.Thread(target=self.server.shutdown).start()
        if WHAT == "drains":
            open(MORE[0]).close()
        self.tell_others()
        self.do_GET()
        if WHAT == "drains":
            os._exit(0)


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512


class Tcp(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


class UnixOneAtATime(socketserver.UnixStreamServer):
    request_queue_size = 512


class TcpOneAtATime(http.server.HTTPServer):
    request_queue_size = 512


def serve():
    say("serving on", WHERE)
    tcp, unix = (TcpOneAtATime, UnixOneAtATime) if WHAT == "one-at-a-time" else (Tcp, Unix)
    server = tcp(("127.0.0.1", int(WHERE)), Handler) if WHERE.isdigit() else unix(WHERE, Handler)
    server.asleep, server.told = False, []
    server.cache = b"\1" * (64 << 20) if WHAT == "caches" else None
    server.serve_forever()
    server.server_close()
    say("listening no more")
    signal.pause()


def hold_weights(then=lambda: None):
    weights = bytearray(os.urandom(1 << 20)) * 80
    then()
    while weights:
        signal.pause()


def ask_thief():
    """Has the test take our port, if it wants to, before we listen."""
    with socket.create_connection(("127.0.0.1", int(MORE[0]))) as thief:
        thief.sendall(WHERE.encode() + b"\n")
        thief.makefile().readline()


match WHAT:
    case "exits":
        say("first line")
        say("cannot find the weights")
        sys.exit(7)
    case "runs-out":  # until it has been tried so often
        with open(MORE[0], "a") as tries:
            tries.write("x")
        if os.path.getsize(MORE[0]) <= int(MORE[1]):
            raise MemoryError
        serve()
    case "never-listens":
        say("thinking")
        signal.pause()
    case "listens-and-dies":
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(WHERE)
        listening.listen()
        say("listening, but not for long")
        sys.exit(5)
    case "ignores-sigterm":
        signal.signal(signal.SIGTERM, lambda *_: say("not now"))
        serve()
    case "goes-to-the-background":
        first = os.getpid()
        if os.fork():
            sys.exit(0)
        os.setsid()
        if os.fork():
            sys.exit(0)
        say("in the background:", os.getpid(), "end")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while os.path.exists(f"/proc/{first}"):  # it is not well before somebody has seen its end
            select.select([], [], [], 0.01)
        serve()
    case "chatters":
        for _ in range(int(MORE[0]) // 1000):
            sys.stdout.write("x" * 999 + "\n")
        sys.stdout.flush()
        serve()
    case "preforks":  # three processes, each with weights of its own
        loaded, tell = os.pipe()
        for _ in range(3):
            if not os.fork():
                hold_weights(lambda: os.write(tell, b"x"))
        for _ in range(3):
            os.read(loaded, 1)
        serve()
    case "preforks-and-ends-step-by-step":  # its processes first; it leaves once somebody has opened a gate
        loaded, tell = os.pipe()
        children = []
        for _ in range(3):
            child = os.fork()
            if not child:
                hold_weights(lambda: os.write(tell, b"x"))
            children.append(child)
        for _ in range(3):
            os.read(loaded, 1)

        def end(*_):
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            open(MORE[0]).close()
            os._exit(0)

        signal.signal(signal.SIGTERM, end)
        serve()
    case "preforks-and-shares":  # three processes with the weights of the first
        weights = bytearray(os.urandom(1 << 20)) * 80
        for _ in range(3):
            if not os.fork():
                while True:
                    signal.pause()
        serve()
    case "well-while-its-child-lives":  # which takes all memory there is, once asked
        reader, writer = os.pipe()
        CHILD = os.fork()
        if not CHILD:
            os.read(reader, 1)
            taken = []
            while True:
                taken.append(b"x" * (8 << 20))
        Handler.tell_others = staticmethod(lambda: os.write(writer, b"x"))
        serve()
    case "loads-when-asked":  # each of its processes
        writers = []
        for _ in range(2):
            reader, writer = os.pipe()
            writers.append(writer)
            if not os.fork():
                os.read(reader, 1)
                hold_weights()
        Handler.tell_others = staticmethod(lambda: [os.write(writer, b"x") for writer in writers])
        serve()
    case "asks-the-thief":
        ask_thief()
        serve()
    case "asks-the-thief-and-waits":
        ask_thief()
        try:
            serve()
        except OSError as why:
            say("waiting for the port:", why)
            signal.pause()
    case _:
        serve()
