#!/usr/bin/env python3
"""What this machine's GPU takes to be filled, for docs/measurements: one line of JSON. Needs PyTorch."""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 5
GIB = 1 << 30


def seconds(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def run(*code: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", *code], check=True))


def median(action) -> float:
    return statistics.median(action() for _ in range(ROUNDS))


def rate(host, device) -> float:
    import torch

    def copy():
        device.copy_(host)
        torch.cuda.synchronize()

    copy()
    return host.numel() / median(lambda: seconds(copy)) / 1e9


def allocation() -> float:
    import torch

    torch.cuda.empty_cache()

    def allocate():
        torch.empty(GIB, dtype=torch.uint8, device="cuda")
        torch.cuda.synchronize()

    return seconds(allocate)


def main() -> None:
    start = median(lambda: run("pass"))
    importing = median(lambda: run("import torch"))
    context = median(lambda: run("import torch; torch.zeros(1, device='cuda'); torch.cuda.synchronize()"))
    import torch

    device = torch.empty(GIB, dtype=torch.uint8, device="cuda")
    pageable = rate(torch.ones(GIB, dtype=torch.uint8), device)
    pinned = rate(torch.ones(GIB, dtype=torch.uint8).pin_memory(), device)
    del device
    print(json.dumps({
        "host to device, pageable, 1 GiB": f"{pageable:.1f} GB/s",
        "host to device, pinned, 1 GiB": f"{pinned:.1f} GB/s",
        "start of a Python process": f"{start * 1000:.0f} ms",
        "… that imports PyTorch": f"{importing * 1000:.0f} ms",
        "… and makes a CUDA context, and gives it back: what that adds": f"{(context - importing) * 1000:.0f} ms",
        "allocation of 1 GiB": f"{median(allocation) * 1000:.2f} ms",
        "PyTorch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
