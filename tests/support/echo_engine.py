#!/usr/bin/env python3
"""Stands in for llama-server: answers what it was asked and how, so that tests see what an engine gets to see.

    {"echo": {"path", "headers", "body", "environment"}}

Of a form the body is "text". A request whose body has "hold": true is answered when one with "release": true has come;
one with "eat": N makes it take N bytes of memory, one with "exit": N ends it with that code.
"""

import json
import os
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

RELEASED = threading.Event()
EATEN: list[bytes] = []


class Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "rouse"

    def log_message(self, *_):
        pass

    def answer(self, body: dict):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer({"status": "ok"})

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"].startswith("multipart/"):
            return self.answer({"echo": {"path": self.path, "text": text.decode()}})
        body = json.loads(text)
        print("asked", self.path, flush=True)
        if "exit" in body:
            os._exit(body["exit"])
        if size := body.get("eat"):
            EATEN.append(b"x" * size)
        if body.get("hold"):
            RELEASED.wait(60)
        if body.get("release"):
            RELEASED.set()
        if size := body.get("size"):
            return self.answer({"filler": "x" * size})
        self.answer({"echo": {"path": self.path, "headers": self.headers.items(), "body": body,
                              "environment": dict(os.environ)}})


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256


Server(sys.argv[sys.argv.index("--host") + 1], Engine).serve_forever()
