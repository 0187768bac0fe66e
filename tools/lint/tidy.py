#!/usr/bin/env python3
"""clang-tidy over src/, in parallel; a file that was clean stays clean until it, a header of ours that it reaches,
its compile command or the rules change."""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build" / "asan"  # clang's, so that its precompiled headers serve
CLEAN = REPO / "build" / "tidy"  # one empty file for each input known to be clean
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def commands():
    """The compile commands of src/."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if (REPO / "src") in path.parents:
            found[path] = entry
    (CLEAN / "compile_commands.json").write_text(json.dumps(list(found.values())))
    return found


def reached(path, seen):
    """The file and every header under src/ that it includes, directly or not."""
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for name in INCLUDE.findall(path.read_text()):
        reached(REPO / "src" / name, seen)
    return seen


def key(path, command, rules):
    digest = hashlib.sha256(rules + command.encode())
    for part in sorted(reached(path, set())):
        digest.update(str(part.relative_to(REPO)).encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def tidy(path):
    started = time.monotonic()
    done = subprocess.run(
        ["clang-tidy", "--quiet", "-p", str(CLEAN), "--extra-arg=-Wno-unknown-warning-option", str(path)],
        cwd=REPO, capture_output=True, text=True)  # fmt: skip
    return done.returncode, done.stdout + (done.stderr if done.returncode else ""), time.monotonic() - started


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-j", type=int, default=os.cpu_count(), help="how many at once")
    options.add_argument("files", nargs="*", help="only these")
    options = options.parse_args()

    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    rules = version + (REPO / ".clang-tidy").read_bytes() + (REPO / "box.packages").read_bytes()
    CLEAN.mkdir(parents=True, exist_ok=True)
    wanted = {(REPO / f).resolve() for f in options.files}
    work = []
    for path, entry in commands().items():
        if wanted and path not in wanted:
            continue
        mark = CLEAN / key(path, entry["command"], rules)
        if wanted or not mark.exists():
            work.append((path, mark))
    work.sort(key=lambda item: item[0].stat().st_size, reverse=True)  # the long ones first

    failed = 0
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for (path, mark), (status, text, seconds) in zip(work, pool.map(lambda item: tidy(item[0]), work)):
            print(f"tidy: {path.relative_to(REPO)} ({seconds:.1f} s)", flush=True)
            if status:
                failed += 1
                print(text, flush=True)
            else:
                mark.touch()
    print(f"tidy: {len(work)} looked at in {time.monotonic() - started:.0f} s, {failed} with faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
