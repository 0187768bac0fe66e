"""What every measurement here shares: processes timed from their exec, tight polling, figures and their verdicts."""

import os
import select
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.support
BUILD = Path(os.environ.get("ROUSE_BUILD", ROOT / "build" / "release"))
ROUSE = Path(os.environ.get("ROUSE", BUILD / "rouse"))
DEMO_MODEL = ROOT / "models" / "rouse-demo.gguf"

BOUND = 60.0  # seconds that anything here may take
TIGHTLY = 0.0001  # seconds between two looks

Address = tuple[str, int] | str  # TCP, or the path of a Unix socket


class CannotMeasure(Exception):
    """The message says what is missing and what to do about it."""


def built(program: Path) -> Path:
    if not os.access(program, os.X_OK):
        raise CannotMeasure(f"{program} is not there; make bench builds it")
    return program


def installed(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CannotMeasure(f"{name} is not installed; ./box bench/run brings it")
    return path


# --- figures ----------------------------------------------------------------------------------------------------------


@dataclass
class Figure:
    """One line of the table: what was seen, and what must be. Without `must` it is there to compare."""

    what: str
    unit: str
    seen: list[float]
    must: str = ""  # "<=" or ">="
    bar: float = 0
    judged: float | None = None  # what is held against the bar; the median, if nothing else
    peer: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        value = statistics.median(self.seen) if self.judged is None else self.judged
        return {"": None, "<=": value <= self.bar, ">=": value >= self.bar}[self.must]


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"


def spread(values: list[float], unit: str = "") -> str:
    """Median (least … most)."""
    middle, least, most = (number(v) for v in (statistics.median(values), min(values), max(values)))
    return f"{middle}{unit and ' '}{unit} ({least} … {most})"


# --- processes --------------------------------------------------------------------------------------------------------


class Timed:
    """`with Timed(argv) as process:` runs it for the length of the block; `began` is the moment before its exec."""

    def __init__(self, argv: list[str], environment: dict[str, str] | None = None):
        self.argv = argv
        self.environment = dict(os.environ) if environment is None else environment

    def __enter__(self) -> "Timed":
        self.log = tempfile.NamedTemporaryFile(prefix="rouse-bench-", suffix=".log")
        files = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, self.log.fileno(), 1),
                 (os.POSIX_SPAWN_DUP2, self.log.fileno(), 2)]
        self.began = time.perf_counter()
        self.pid = os.posix_spawn(self.argv[0], self.argv, self.environment, file_actions=files)
        self.pidfd = os.pidfd_open(self.pid)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for last_words in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(self.pidfd, last_words)
                if select.select([self.pidfd], [], [], 10)[0]:
                    break
            os.waitpid(self.pid, 0)
        finally:
            os.close(self.pidfd)
            self.log.close()

    def ms_until(self, moment: float) -> float:
        return (moment - self.began) * 1000

    def ready_at(self, address: Address, path: str, pause: float = TIGHTLY) -> float:
        """The moment of the first 200. Asks with bare sockets: the asking must cost next to nothing."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        while time.perf_counter() - self.began < BOUND:
            with socket.socket(family) as asking:
                asking.settimeout(BOUND)
                try:
                    asking.connect(address)
                    asking.sendall(request)
                    if asking.recv(4096).startswith(b"HTTP/1.1 200 "):
                        return time.perf_counter()
                except OSError:
                    pass  # it does not listen yet
            if select.select([self.pidfd], [], [], 0)[0]:
                raise CannotMeasure(f"{self.argv[0]} ended by itself:\n{self.end_of_log()}")
            time.sleep(pause)
        raise CannotMeasure(f"{self.argv[0]} was not ready after {BOUND:.0f} s:\n{self.end_of_log()}")

    def listens_at(self, address: tuple[str, int]) -> None:
        while time.perf_counter() - self.began < BOUND:
            with socket.socket() as asking:
                if asking.connect_ex(address) == 0:
                    return
            if select.select([self.pidfd], [], [], 0)[0]:
                break
            time.sleep(TIGHTLY)
        raise CannotMeasure(f"{self.argv[0]} does not listen:\n{self.end_of_log()}")

    def processor_ms(self) -> float:
        """What its threads have run so far: unlike the time on the clock, much the same on a busy machine."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6

    def end_of_log(self) -> str:
        return Path(self.log.name).read_text(errors="replace")[-4000:]


def free_ports(count: int) -> list[int]:
    """Below the ports that the system gives to clients: polling one of those can connect to itself."""
    found: list[int] = []
    for port in range(18200, 18300):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
        if len(found) == count:
            return found
    raise CannotMeasure(f"{count - len(found)} ports too few are free from 18200 to 18299")


def in_turn(rounds: int, *measurements: Callable[[], None]) -> None:
    """Rounds of all of them, each round in the other order: what drifts, drifts for all."""
    for turn in range(rounds):
        for measure in measurements if turn % 2 == 0 else reversed(measurements):
            measure()
