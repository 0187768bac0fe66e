"""The checks for machines with a GPU, against the fixture that stands for the driver: that they can be met, and missed."""

import os
import subprocess
import sys

from tests.support.rouse_daemon import ROOT


def checked(*only: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "tests" / "gpu" / "checks.py", "--pretend", *(["--only", *only] if only else [])]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, env={**os.environ, **environment})


def test_every_check_is_met_and_the_report_says_that_the_driver_was_none():
    done = checked()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The driver was a fixture" in done.stdout and "missed" not in done.stdout


def test_a_program_that_takes_more_than_it_says_is_seen():
    done = checked("footprints_and_receipts", ROUSE_PRETENDED_UNTOLD="5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "| footprint of large" in done.stdout and "**missed**" in done.stdout
