#!/usr/bin/env python3
"""A PyTorch program that holds a known number of bytes of the GPU: behind Rouse, or beside it.

    holder.py --bytes N --port P           an engine: 200 on /health once it holds them; any other path answers too
    holder.py --bytes N --until-told       a program of somebody else: says what it has on its output, and ends with
                                           code 7 when its input does

N of 0 is a CUDA context and nothing else: what there is to be subtracted.
"""

import argparse
import http.server
import json
import sys

FAREWELL = 7


def hold(count: int) -> dict:
    import torch

    device = torch.device("cuda", 0)
    small = torch.empty(1, dtype=torch.uint8, device=device).fill_(1)  # the context, and the code for filling
    del small
    torch.cuda.empty_cache()
    held = torch.empty(count, dtype=torch.uint8, device=device).fill_(1) if count else None
    torch.cuda.synchronize()
    return {"allocated": torch.cuda.memory_reserved(device), "what": held}


def serve(port: int, about: dict) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            data = json.dumps(about).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--until-told", action="store_true")
    options = parser.parse_args()
    holding = hold(options.bytes)  # for as long as this function runs
    about = {"allocated": holding["allocated"]}
    if options.until_told:
        print(json.dumps(about), flush=True)
        sys.stdin.read()
        sys.exit(FAREWELL)
    serve(options.port, about)


if __name__ == "__main__":
    main()
