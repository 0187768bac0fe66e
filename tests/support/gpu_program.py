#!/usr/bin/env python3
"""A server that "holds" memory of a fake GPU: gpu_program.py SOCKET FOLDER BYTES tells the fake driver so, in FOLDER."""

import http.server
import json
import os
import socketserver
import sys
from pathlib import Path

WHERE, FOLDER, BYTES = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


Path(FOLDER, str(os.getpid())).write_text(BYTES)
socketserver.ThreadingUnixStreamServer(WHERE, Handler).serve_forever()
