"""The bundled daemon's way from exec to ready with 1,000 models configured, beside the plain one's; and its size."""

import subprocess
import tempfile
from pathlib import Path

import thousand_models
from measuring import ROOT, CannotMeasure, Figure, Timed, free_ports, in_turn, spread

from tests.dist.check import unpacked


def made(into: Path) -> Path:
    make = [ROOT / "packaging" / "bundle" / "make.py", "--into", into]
    done = subprocess.run(make, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotMeasure(done.stderr.strip())
    return into / done.stdout.strip().rpartition("/")[2]


def measure(rounds: int) -> list[Figure]:
    [port] = free_ports(1)
    bundled, plain, bundled_ran, plain_ran = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="rouse-bench-") as name:
        folder = Path(name)
        archive = made(folder)
        (folder / "unpacked").mkdir()
        bundle = unpacked(archive, folder / "unpacked")
        packed = archive.stat().st_size
        whole = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file() and not path.is_symlink())
        theirs = thousand_models.command(thousand_models.write_config(folder), port)
        ours = [str(bundle / "bin" / "rouse"), *theirs[1:]]

        def start(argv: list[str], took: list[float], ran: list[float]) -> None:
            with Timed(argv) as process:
                took.append(process.ms_until(process.ready_at(("127.0.0.1", port), "/health/ready")))
                ran.append(process.processor_ms())

        in_turn(rounds, lambda: start(ours, bundled, bundled_ran), lambda: start(theirs, plain, plain_ran))
    return [Figure("bundle: exec to ready, 1,000 models", "ms", bundled, "<=", 15, peer=plain, notes=[
        "the peer is the same daemon without the bundle",
        f"of that on a processor: {spread(bundled_ran, 'ms')}, the peer {spread(plain_ran, 'ms')}",
        f"{packed / 1e6:.1f} MB packed, {whole / 1e6:.1f} MB unpacked"])]
