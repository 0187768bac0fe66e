#!/usr/bin/env python3
"""An application as their authors write them: Flask behind its own server, everything loaded at the start.

flask_app.py PORT
"""

import gzip
import hashlib
import json
import sys

from flask import Flask, Response, redirect, request, send_file

HOP_BY_HOP = {"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Te", "Trailer", "Upgrade",
              "X-Forwarded-Prefix"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"]

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/")
def page():
    return "<!doctype html><title>Studio</title><h1>Studio</h1>"


@app.route("/echo", methods=METHODS, provide_automatic_options=False)
@app.route("/echo/<path:_>", methods=METHODS, provide_automatic_options=False)
def echo(_=""):
    """What was asked, as it arrived."""
    body = request.get_data()
    seen = {"method": request.method, "target": request.environ["REQUEST_URI"],
            "headers": [pair for pair in request.headers.items() if pair[0] not in HOP_BY_HOP],
            "body": hashlib.sha256(body).hexdigest(), "length": len(body)}
    status = int(request.args.get("status", "200"))
    answer = Response(json.dumps(seen) if status not in (204, 304) else b"", status, mimetype="application/json")
    answer.headers.add("Set-Cookie", "a=1; Path=/")
    answer.headers.add("Set-Cookie", "b=2; HttpOnly")
    answer.headers["Access-Control-Allow-Origin"] = "https://elsewhere.example"
    answer.headers["X-Request-Id"] = "the application's own"
    return answer


@app.get("/stream")
def stream():
    return Response((f"part {i}\n" * 50 for i in range(40)), mimetype="text/plain")


@app.get("/gzip")
def packed():
    return Response(gzip.compress(b"x" * 5000, mtime=0), headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


@app.get("/file")
def file():
    return send_file(__file__, conditional=True)  # ETag, ranges, 304


@app.get("/elsewhere")
def elsewhere():
    return redirect("/echo?from=elsewhere", 302)


@app.get("/large")
def large():
    return Response(bytes(range(256)) * 4096, mimetype="application/octet-stream")


@app.get("/broken")
def broken():
    raise RuntimeError("on purpose")


app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
