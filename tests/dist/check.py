#!/usr/bin/env python3
"""Whether a bundle runs here: starts its daemon, has a model answer, unloads it, ends.

    tests/dist/check.py build/dist/rouse-*.tar.zst            where it is unpacked, as you
    tests/dist/check.py --empty-root …                        in a root that holds nothing but it, /proc, /dev and /tmp
    tests/dist/check.py --empty-root --user 65534 …           as somebody without rights
    tests/dist/check.py --kernel 5.10 …                       without the system calls that Linux 5.10 did not have

Needs Python and the standard library alone, so that it can be run where nothing is installed. Exit code: 0 it runs.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "rouse-demo.gguf"
LOADER = "ld-linux-x86-64.so.2"
BOUND = 60.0


def until(condition, what: str):
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        if value := condition():
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"not within {BOUND} s: {what}")


def unpacked(archive: Path, into: Path) -> Path:
    """The folder in it."""
    if archive.is_dir():
        shutil.copytree(archive, into / archive.name, symlinks=True)
    else:
        with subprocess.Popen(["zstd", "-dc", archive], stdout=subprocess.PIPE) as plain:
            subprocess.run(["tar", "-x", "-C", into], stdin=plain.stdout, check=True)
        assert plain.returncode == 0
    (folder,) = into.iterdir()
    return folder


# --- where it is run --------------------------------------------------------------------------------------------------

# The first system call after Linux 5.10: from there on numbers tell the age, on every architecture.
AFTER_5_10 = 441
ENOSYS = 38


def forget_newer_system_calls() -> None:
    """From here on they do not exist, for this process and all that it starts."""
    import ctypes

    load_number, load_arch, at_least, equal, answer = 0x20, 0x20, 0x35, 0x15, 0x06
    x86_64 = 0xC000003E
    program = b"".join(struct.pack("HBBI", *line) for line in (
        (load_arch, 0, 0, 4), (equal, 1, 0, x86_64), (answer, 0, 0, 0x7FFF0000),
        (load_number, 0, 0, 0), (at_least, 0, 1, AFTER_5_10), (answer, 0, 0, 0x00050000 | ENOSYS),
        (answer, 0, 0, 0x7FFF0000)))
    lines = ctypes.create_string_buffer(program, len(program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter_) == 0, os.strerror(ctypes.get_errno())
    assert libc.syscall(451, 0, 0, 0, 0) == -1 and ctypes.get_errno() == ENOSYS, "the filter filters"


def root_of(bundle: Path) -> Path:
    """The bundle as a whole root: nothing is there that it did not bring."""
    for folder in ("proc", "dev", "tmp"):
        (bundle / folder).mkdir()
    (bundle / "tmp").chmod(0o1777)
    return bundle


def enter(root: Path) -> None:
    """From here on that is the root, for this process and all that it starts."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: bytes | int | None) -> None:
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"{name}{arguments}: {os.strerror(ctypes.get_errno())}")

    mounts, users = 0x00020000, 0x10000000
    bind, recursive, private = 0x1000, 0x4000, 0x40000
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", mounts if uid == 0 else mounts | users)
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    call("mount", None, b"/", None, recursive | private, None)
    for source in ("/proc", "/dev"):
        call("mount", source.encode(), f"{root}{source}".encode(), None, bind | recursive, None)
    os.chroot(root)
    os.chdir("/")


def become(user: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


# --- what is checked --------------------------------------------------------------------------------------------------


class Daemon:
    def __init__(self, command: list[str], environment: dict[str, str], prepare):
        self.log = []
        self.port = 0
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        text=True, start_new_session=True, preexec_fn=prepare)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        until(lambda: self.port or self.process.poll() is not None, "the daemon listens")
        assert self.port, self.text()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)
            if match := re.search(r"rouse serves .* on http://[^ ]*:(\d+)", line):
                self.port = int(match[1])

    def text(self) -> str:
        return "".join(self.log)

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND)
        connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, (answer.status, text, self.text())
        return json.loads(text)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(BOUND) == 0, self.text()
        self.reader.join(BOUND)
        assert "stopped" in self.log[-1], self.text()


def stat_of(pid: str) -> tuple[str, int] | None:
    """Its name and its session."""
    try:
        text = Path("/proc", pid, "stat").read_text()
    except OSError:
        return None
    return text[text.index("(") + 1:text.rindex(")")], int(text[text.rindex(")") + 2:].split()[3])


def members_of(session: int, name: str | None = None) -> list[int]:
    found = ((int(pid), stat_of(pid)) for pid in os.listdir("/proc") if pid.isdigit())
    return [pid for pid, stat in found if stat and stat[1] == session and name in (None, stat[0])]


def check(bundle: Path, model: Path, empty_root: bool, user: int | None, kernel: str | None) -> str:
    """One line of what was seen."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "TMPDIR": "/tmp"}
    root = root_of(bundle) if empty_root else None
    models = root / "models" if root else bundle.parent / "models"
    models.mkdir()
    shutil.copy(model, models / "demo.gguf")

    def prepare() -> None:
        if kernel:
            forget_newer_system_calls()
        if root:
            enter(root)
        if user:
            become(user)

    program, models = ("/bin/rouse", "/models") if root else (str(bundle / "bin" / "rouse"), str(models))
    daemon = Daemon([program, "serve", "--models", models, "--listen", "127.0.0.1:0"], environment, prepare)
    try:
        assert members_of(daemon.process.pid, "rouse"), "it goes by its own name"
        answer = daemon.ask("POST", "/v1/chat/completions", {
            "model": "demo", "temperature": 0, "messages": [{"role": "user", "content": "What is 7 plus 5?"}]})
        text = answer["choices"][0]["message"]["content"]
        assert "12" in text, text
        loaded = daemon.ask("GET", "/rouse/v1/models/demo")
        assert loaded["state"] == "ready", loaded
        # Workers lead groups, not sessions, of their own.
        (worker,) = members_of(daemon.process.pid, "llama-server")
        mapped = Path(f"/proc/{worker}/maps").read_text()
        foreign = sorted({path for path in re.findall(r"\s(/\S+\.so[.\d]*)$", mapped, re.M)
                          if not re.search(r"/lib/(lib|ld-linux)[^/]*$", path) or
                          (not empty_root and not path.startswith(str(bundle)))})
        assert not foreign, f"libraries that are not the bundle's: {foreign}"
        assert "libggml-cpu-" in mapped
        daemon.ask("POST", "/rouse/v1/models/demo/unload")
        until(lambda: daemon.ask("GET", "/rouse/v1/models/demo")["state"] == "cold", "it is unloaded")
        assert not members_of(daemon.process.pid, "llama-server")
        daemon.end()
        assert not members_of(daemon.process.pid)
    finally:
        for pid in members_of(daemon.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon.process.wait(BOUND)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, help="the archive, or the folder that was in it")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--empty-root", action="store_true")
    parser.add_argument("--user", type=int)
    parser.add_argument("--kernel", choices=["5.10"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rouse-dist-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "unpacked").mkdir()
        bundle = unpacked(options.bundle, Path(folder) / "unpacked")
        shutil.move(bundle, folder)  # alone with its models
        answer = check(Path(folder) / bundle.name, options.model, options.empty_root, options.user, options.kernel)
    print(f"it runs here: {answer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
