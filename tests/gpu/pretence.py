"""A world without a GPU: the fixture of tests/support stands for the driver, and pretended/torch for PyTorch."""

import os
import tempfile
from pathlib import Path

from meter import Meter
from report import GIB, MIB
from world import HERE, World

from tests.support.rouse_daemon import ROOT

BUILD = Path(os.environ.get("ROUSE_BUILD", ROOT / "build" / "release"))
LIBRARY = BUILD / "tests" / "libfake_nvml.so"
TOTAL, RESERVED = 16 * GIB, 400 * MIB


class PretendedWorld(World):
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rouse-pretended-gpu-")
        holders = Path(self.folder.name) / "holders"
        holders.mkdir()
        steering = Path(self.folder.name) / "driver"
        steering.write_text(f"gpu GPU-00000000-0000-0000-0000-000000000000 {TOTAL} {RESERVED} Pretended\n"
                            f"holders {holders}\n")
        self.environment = {"ROUSE_FAKE_DRIVER": str(steering), "ROUSE_DRIVER_LIBRARY": str(LIBRARY),
                            "ROUSE_PRETENDED_HOLDERS": str(holders), "PYTHONPATH": str(HERE / "pretended"),
                            "ROUSE_PRETENDED_UNTOLD": os.environ.get("ROUSE_PRETENDED_UNTOLD", "0")}
        os.environ.update(self.environment)
        self.meter = Meter(str(LIBRARY))
        self.limit = 8 * GIB
        self.host = 64 * MIB
        self.slack = 0
        self.shared_keep = 1

    def close(self) -> None:
        self.folder.cleanup()
