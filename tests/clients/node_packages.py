"""The npm packages of `node/package-lock.json`, installed once into build/.

A folder is named by what is asked for, made beside its place under a lock and renamed: it is there whole or not at all,
and only who makes it needs the network.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).resolve().parent / "node"
CACHE = ROOT / "build" / "clients"
ASKED_FOR = [PROJECT / name for name in ["package.json", "package-lock.json", ".npmrc"]]
INSTALL_BOUND = 300  # seconds


def installed() -> Path:
    """A folder with node_modules, for test files to lie in."""
    digest = hashlib.sha256()
    for file in ASKED_FOR:
        digest.update(file.read_bytes())
    folder = CACHE / f"node-{digest.hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            install(folder)
    return folder


def install(folder: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix=".node-", dir=CACHE))
    try:
        for file in ASKED_FOR:
            shutil.copy(file, making)
        done = subprocess.run(["npm", "ci", "--prefer-offline"], cwd=making, timeout=INSTALL_BOUND, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"npm could not install (the first time needs the package registry):\n{done.stdout}"
        making.chmod(0o755)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
