#!/usr/bin/env python3
"""A server whose load takes seconds: it reads a file into its memory, works on it for a while, and then listens.

    slow_program.py SOCKET FILE SECONDS_OF_WORK
"""

import http.server
import socketserver
import sys
import time

PIECE = 4 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        return super().get_request()[0], ("somebody", 0)


socket, path, work = sys.argv[1], sys.argv[2], float(sys.argv[3])
weights = []
with open(path, "rb", buffering=0) as file:
    while piece := file.read(PIECE):
        weights.append(piece)
done = time.process_time() + work  # of processor time: more seconds where others work, too
while time.process_time() < done:
    sum(weights[0][:1 << 16])
Server(socket, Handler).serve_forever()
