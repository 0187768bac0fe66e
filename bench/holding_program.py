#!/usr/bin/env python3
"""A server that holds so many bytes beside what its interpreter takes: holding_program.py SOCKET KIND BYTES

KIND says where they are: "own" memory, "shared" memory, a "child" process that alone has them, or shared memory that
"both" it and a child have.
"""

import http.server
import mmap
import os
import signal
import socketserver
import sys

WHERE, KIND, BYTES = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def mapped(flags: int) -> mmap.mmap | None:
    if BYTES == 0:
        return None
    memory = mmap.mmap(-1, BYTES, flags=flags)
    memory.madvise(mmap.MADV_NOHUGEPAGE)  # whose edges would hold more than was asked for
    return memory


def touch(memory: mmap.mmap | None):
    for at in range(0, BYTES, mmap.PAGESIZE):
        memory[at] = 1


def in_child(hold):
    done, tell = os.pipe()
    if not os.fork():
        held = hold()
        os.write(tell, b"x")
        while True:
            signal.pause()
    os.read(done, 1)


match KIND:
    case "own":
        touch(memory := mapped(mmap.MAP_PRIVATE))
    case "shared":
        touch(memory := mapped(mmap.MAP_SHARED))
    case "child":
        in_child(lambda: (memory := mapped(mmap.MAP_PRIVATE), touch(memory)))
    case "both":
        touch(memory := mapped(mmap.MAP_SHARED))
        in_child(lambda: touch(memory))
    case _:
        sys.exit(__doc__)
Server(WHERE, Handler).serve_forever()
