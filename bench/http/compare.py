#!/usr/bin/env python3
"""Compares the bare relay with HAProxy (one thread each) before the same upstream, in alternating rounds.

    ./box python3 bench/http/compare.py PATH/TO/http_peer [--rounds N] [--seconds S] [--only NAME]

Prints medians and ratios. Throughput and latency depend on what else runs on the machine; the processor time a
request takes in the proxy depends on it much less, so it is printed too.
"""
import argparse
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

UPSTREAM, RELAY, HAPROXY = 18100, 18101, 18102
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = f"""
global
  nbthread 1
  maxconn 4000
  tune.bufsize {{bufsize}}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:{HAPROXY} backlog 4096
  default_backend back
backend back
  server static 127.0.0.1:{UPSTREAM}
"""

SCRIPT = """
wrk.method = "POST"
wrk.body = '{"model":"chat","prompt":"' .. string.rep("x", %d - 28) .. '"}'
wrk.headers["Content-Type"] = "application/json"
"""

# name: upstream's mode and number, request body, connections
CASES = {
    "200B-1": ("upstream", 200, 200, 1),
    "2KB-1": ("upstream", 2048, 2048, 1),
    "200B-16": ("upstream", 200, 200, 16),
    "200B-64": ("upstream", 200, 200, 64),
    "2KB-16": ("upstream", 2048, 2048, 16),
    "2KB-64": ("upstream", 2048, 2048, 64),
    "256KB-16": ("upstream", 262144, 262144, 16),
    "events-64": ("events", 50, 200, 64),
}


def wait_for(port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def load(port, connections, script, duration):
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--latency", "-s", script, f"http://127.0.0.1:{port}/v1/x"],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        print(out)
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "count": int(re.search(r"(\d+) requests in", out)[1]),
        "p50": seconds(re.search(r"^ +50% +(\S+)", out, re.M)[1]),
        "p99": seconds(re.search(r"^ +99% +(\S+)", out, re.M)[1]),
    }


def run_case(name, peer, rounds, duration):
    mode, number, body, connections = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        script, config = f"{folder}/post.lua", f"{folder}/haproxy.cfg"
        open(script, "w").write(SCRIPT % body)
        open(config, "w").write(CONFIG.format(bufsize=16384 if body <= 16384 else 524288))
        quiet = {"stdout": subprocess.DEVNULL}
        processes = {
            "upstream": subprocess.Popen([peer, mode, f"127.0.0.1:{UPSTREAM}", str(number)], **quiet),
            "relay": subprocess.Popen([peer, "relay", f"127.0.0.1:{RELAY}", f"127.0.0.1:{UPSTREAM}"], **quiet),
            "haproxy": subprocess.Popen(["haproxy", "-f", config], **quiet),
        }
        try:
            ports = {"upstream": UPSTREAM, "relay": RELAY, "haproxy": HAPROXY}
            for port in ports.values():
                wait_for(port)
            seen = {who: [] for who in ports}
            for _ in range(rounds):
                for who, port in ports.items():
                    before = cpu_seconds(processes[who].pid)
                    result = load(port, connections, script, duration)
                    result["cpu"] = (cpu_seconds(processes[who].pid) - before) / max(1, result["count"])
                    seen[who].append(result)
        finally:
            for process in processes.values():
                process.terminate()
                process.wait()
    median = {who: {key: statistics.median(r[key] for r in results) for key in results[0]} for who, results in seen.items()}
    relay, other, direct = median["relay"], median["haproxy"], median["upstream"]
    print(f"{name:10} requests/s {relay['rate']:8.0f} : {other['rate']:8.0f} = {relay['rate'] / other['rate']:5.2f}   "
          f"p50 added {1e6 * (relay['p50'] - direct['p50']):5.0f} : {1e6 * (other['p50'] - direct['p50']):5.0f} µs   "
          f"p99 {1e6 * relay['p99']:6.0f} : {1e6 * other['p99']:6.0f} µs   "
          f"cpu/request {1e6 * relay['cpu']:6.1f} : {1e6 * other['cpu']:6.1f} µs = {relay['cpu'] / max(1e-9, other['cpu']):.2f}",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    options = parser.parse_args()
    print("relay : haproxy")
    for name in options.only:
        run_case(name, options.peer, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
