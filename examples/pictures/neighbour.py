"""A program that knows nothing of Rouse: takes so many MiB, and keeps them until its input ends."""

import sys

held = bytearray(int(sys.argv[1]) << 20)
held[::4096] = b"x" * len(held[::4096])
print(f"the neighbour has {len(held) >> 20} MiB", flush=True)
sys.stdin.read()
