#!/usr/bin/env python3
"""An application on FastAPI behind uvicorn, with WebSocket and server-sent events.

uvicorn_app.py PORT [GATE]      GATE: a port of the test's; the application loads until it is sent a line there
"""

import asyncio
import hashlib
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"te", b"trailer", b"upgrade",
              b"x-forwarded-prefix"}

app = FastAPI()
events: "asyncio.Queue[str]" = asyncio.Queue()


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/")
async def page():
    return HTMLResponse("<!doctype html><title>Studio</title><h1>Studio</h1>", headers={"X-Pid": str(os.getpid())})


@app.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@app.api_route("/echo/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def echo(request: Request):
    body = await request.body()
    seen = {"method": request.method, "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "headers": [(name.decode(), value.decode("latin-1")) for name, value in request.scope["headers"]
                        if name not in HOP_BY_HOP],
            "body": hashlib.sha256(body).hexdigest(), "length": len(body)}
    return JSONResponse(seen, int(request.query_params.get("status", "200")), {"Server": "studio", "X-Seen": "yes"})


@app.post("/peer")
async def peer(request: Request):
    return request.client.port


@app.get("/stream")
async def stream():
    async def parts():
        for i in range(40):
            yield f"part {i}\n" * 50
    return StreamingResponse(parts(), media_type="text/plain")


@app.get("/events")
async def subscribe():
    async def all_of_them():
        while (event := await events.get()) != "end":
            yield f"data: {event}\n\n"
    return StreamingResponse(all_of_them(), media_type="text/event-stream")


@app.post("/events")
async def publish(request: Request):
    await events.put((await request.body()).decode())
    return {}


@app.websocket("/ws")
async def talk(socket: WebSocket):
    await socket.accept(subprotocol=(socket.scope["subprotocols"] or [None])[0])
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") == "leave":
                return await socket.close(4001, "asked to")
            if message.get("text") == "die":
                os._exit(9)
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


if len(sys.argv) > 2:
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as gate:
        gate.makefile().readline()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_max_size=1 << 26)
