#!/usr/bin/env python3
"""What the examples need and the repository does not hold, made once into build/examples: random weights of the real
architectures, and a virtual environment for what Debian lacks.

    prepare.py                  for all examples
    prepare.py detection …      for these

A folder is made beside its place under a lock and renamed: it is there whole or not at all. One that was made from other
sources, or for another Python, is made anew.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
MADE = EXAMPLES.parent / "build" / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/rouse.yaml"))
REQUIREMENTS = EXAMPLES / "requirements.txt"
BOUND = 600  # seconds


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], timeout=BOUND, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"prepare.py: {' '.join(map(str, command))} failed:\n{done.stdout}")


def made_once(name: str, source: Path, make) -> Path:
    """build/examples/NAME, as `make(folder)` makes it from the source."""
    digest = hashlib.sha256(source.read_bytes() + sys.version.encode()).hexdigest()[:16]
    made, place = MADE / f"{name}-{digest}", MADE / name
    MADE.mkdir(parents=True, exist_ok=True)
    with (MADE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            make_whole(made, make)
        if not place.is_symlink() or place.readlink() != Path(made.name):
            place.unlink(missing_ok=True)
            place.symlink_to(made.name)
    return place


def make_whole(made: Path, make) -> None:
    making = Path(tempfile.mkdtemp(prefix=f".{made.name}-", dir=MADE))
    try:
        make(making)
        making.chmod(0o755)
        making.rename(made)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def make_environment(folder: Path) -> None:
    run(sys.executable, "-m", "venv", "--system-site-packages", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--requirement", REQUIREMENTS)


def environment() -> Path:
    """The Python that has diffusers and peft too."""
    return made_once("venv", REQUIREMENTS, make_environment) / "bin" / "python"


def weights(name: str) -> Path:
    python, maker = environment(), EXAMPLES / name / "make_weights.py"
    return made_once(name, maker, lambda folder: run(python, maker, folder))


def main() -> None:
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(f"prepare.py: no example {name}; there are: {', '.join(NAMES)}")
        print(weights(name))


if __name__ == "__main__":
    main()
