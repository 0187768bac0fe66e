"""The clients of the Node world: each `node/*.test.mjs` runs under Node's own test runner against daemons of its own.

A further client is a line in node/package.json (then, in that folder, `npm install --package-lock-only`) and a file
NAME.test.mjs. How long engines went on for clients that had left is in what `pytest -rP` shows.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.clients import node_packages, world

SUITES = sorted(node_packages.PROJECT.glob("*.test.mjs"))
assert SUITES
SUITE_BOUND = 600  # seconds
TEST_BOUND = 150


@pytest.fixture
def workplace():
    """A folder with the suites' files from which their imports find the packages."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=node_packages.installed()) as folder:
        for file in node_packages.PROJECT.glob("*.mjs"):
            shutil.copy(file, folder)
        yield Path(folder)


def run_suite(folder: Path, name: str, environment: dict[str, str]) -> tuple[int | None, str]:
    """(exit status, what it printed); no status if it did not end."""
    command = ["node", "--test", "--test-isolation=none", "--test-force-exit", f"--test-timeout={TEST_BOUND * 1000}",
               "--test-reporter=spec", "--test-reporter-destination=stdout",
               "--test-reporter=junit", "--test-reporter-destination=results.xml", name]
    printed = folder / "output.txt"
    with printed.open("w") as output:
        try:
            status = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, timeout=SUITE_BOUND,
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode
        except subprocess.TimeoutExpired:
            status = None
    return status, printed.read_text(errors="replace")


@pytest.mark.parametrize("suite", SUITES, ids=[suite.name.removesuffix(".test.mjs") for suite in SUITES])
def test_a_node_client(workplace, tmp_path, suite):
    with world.varied(tmp_path) as varied, world.crowded() as crowded, world.keyed() as keyed:
        status, printed = run_suite(workplace, suite.name, {
            "ROUSE_URL": varied.url,
            "ROUSE_CROWDED_URL": crowded.url,
            "ROUSE_KEYED_URL": keyed.url,
            "ROUSE_WORLD": json.dumps({
                "gates": str(tmp_path), "bodyLimit": world.BODY_LIMIT, "limited": world.LIMITED,
                "crowd": world.CROWD, "sums": world.SUMS}),
        })
        print(printed)  # how long it took an engine to be free again
        logs = "\n".join(daemon.text() for daemon in [varied, crowded, keyed])
        assert status == 0, f"status {status}\n--- the daemons' logs ---\n{logs}"
    results = ElementTree.parse(workplace / "results.xml")
    tests = [case for case in results.iter("testcase") if case.get("name") != suite.name]  # an empty file counts itself
    assert tests, f"{suite.name} holds no test:\n{printed}"
    assert not results.findall(".//skipped"), f"{suite.name} skips tests:\n{printed}"


def test_packages_are_pinned_and_the_lock_names_no_registry():
    manifest = json.loads((node_packages.PROJECT / "package.json").read_text())
    lock = json.loads((node_packages.PROJECT / "package-lock.json").read_text())
    for name, version in manifest["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    locked = [package for path, package in lock["packages"].items() if path]
    assert all(package["integrity"] for package in locked)
    assert not [package for package in locked if "resolved" in package]
