"""What loads have shown is known at the next start, and whatever is wrong with the file costs no more than that."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, until

PROGRAM = str(Path(__file__).resolve().parents[1] / "support" / "command_program.py")
MIB = 1 << 20


def program(tmp_path, what: str = "serves", footprint: str = "100MiB", more: tuple = (), **entry) -> dict:
    return {"engine": "command", "command": [sys.executable, PROGRAM, what, "{socket}", *more], "cwd": str(tmp_path),
            "footprint": {"host": footprint}, "min_residency": "0s", **entry}


def serve(tmp_path, limit: str = "1GiB", settle: str = "50ms", config: dict | None = None, **models) -> RouseDaemon:
    return RouseDaemon({"budgets": {"host": {"limit": limit}}, "policy": {"settle": settle}, "models": models, **(config or {})},
                       env={"XDG_STATE_HOME": str(tmp_path)})


def state(tmp_path) -> Path:
    return tmp_path / "rouse" / "state.db"


def learnt(rouse, name: str = "a") -> dict:
    return rouse.model(name)["learnt"] or {}


def cli(rouse, *arguments: str) -> str:
    return subprocess.run([ROUSE, *arguments], env={**os.environ, "ROUSE_HOST": rouse.url}, capture_output=True, text=True,
                          check=True).stdout


def live_once(tmp_path, **models) -> dict:
    """One life in which `a` is loaded and seen to stand still; what was learnt of it."""
    with serve(tmp_path, **(models or {"a": program(tmp_path, "caches")})) as rouse:
        assert rouse.chat("a")[0] == 200
        return until(lambda: learnt(rouse) if learnt(rouse).get("footprint") else None, "its size is learnt")


def test_what_is_learnt_outlives_the_daemon_and_can_be_forgotten(tmp_path):
    known = live_once(tmp_path)
    assert 64 * MIB < known["footprint"]["host"] < 100 * MIB
    assert state(tmp_path).stat().st_mode & 0o777 == 0o600
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        shown = rouse.model("a")
        assert shown["state"] == "cold" and shown["learnt"] == known, shown
        assert shown["last_load_ms"] and shown["last_used"]
        text = cli(rouse, "show", "a")
        assert "configured  100 MiB" in text and "learnt" in text and "from the page cache" in text, text
        assert rouse.chat("a")[0] == 200
        assert learnt(rouse)["loads"] == 2
        assert "forgotten" in cli(rouse, "forget", "a")
        assert rouse.model("a")["learnt"] is None
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert rouse.model("a")["learnt"] is None or learnt(rouse)["loads"] == 0


def test_a_model_is_given_what_it_was_seen_to_need(tmp_path):
    """Of the configured 10 MiB it needs 70 and more: the next life knows, before it loads it."""
    entry = program(tmp_path, "caches", "10MiB")
    live_once(tmp_path, a=entry)
    with serve(tmp_path, "60MiB", a=entry) as rouse:
        status, _, body = rouse.chat("a")
        assert status == 507, (status, body)
        assert rouse.model("a")["footprint_source"] == "learnt"
        cli(rouse, "forget", "a")
        assert rouse.chat("a")[0] == 200


def test_other_options_are_another_model(tmp_path):
    live_once(tmp_path)
    with serve(tmp_path, a=program(tmp_path, "caches", more=("other",))) as rouse:
        assert rouse.model("a")["learnt"] is None
    with serve(tmp_path, a=program(tmp_path, "caches", priority="low", keep="1h")) as rouse:
        assert learnt(rouse)["loads"] == 1


def test_a_shortage_is_remembered_and_decays(tmp_path):
    tries = tmp_path / "tries"
    entry = program(tmp_path, "runs-out", "100MiB", more=(str(tries), "1"))
    with serve(tmp_path, a=entry) as rouse:
        assert rouse.chat("a")[0] == 200
        assert learnt(rouse)["out_of_memory"] == 1 and learnt(rouse)["needed"] == {"host": 125 * MIB}
        until(lambda: learnt(rouse)["footprint"], "its size is learnt")
    with serve(tmp_path, a=entry) as rouse:
        assert rouse.model("a")["footprint"] == {"host": 125 * MIB}
        assert rouse.chat("a")[0] == 200
        needed = learnt(rouse)["needed"]["host"]
        assert needed == (125 * MIB - learnt(rouse)["footprint"]["host"]) // 2 + learnt(rouse)["footprint"]["host"]


def test_failures_are_counted_whether_a_worker_ends_or_never_begins(tmp_path):
    exits = program(tmp_path, "exits")
    absent = {**program(tmp_path), "command": ["no-such-program", "{socket}"]}
    with serve(tmp_path, a=exits, b=absent) as rouse:
        assert rouse.chat("a")[0] == rouse.chat("b")[0] == 502
        assert learnt(rouse)["failures"] == learnt(rouse, "b")["failures"] == 1
    with serve(tmp_path, a=exits, b=absent) as rouse:
        assert learnt(rouse)["failures"] == learnt(rouse, "b")["failures"] == 1


def test_a_damaged_file_is_set_aside(tmp_path):
    known = live_once(tmp_path)
    state(tmp_path).write_bytes(b"this was a database once" * 1000)
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert rouse.model("a")["learnt"] is None
        until(lambda: "is damaged" in rouse.text(), "the log says so")
        assert rouse.chat("a")[0] == 200
        until(lambda: learnt(rouse).get("footprint"), "it is learnt anew")
    assert state(tmp_path).with_name("state.db.damaged").exists()
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert abs(learnt(rouse)["footprint"]["host"] - known["footprint"]["host"]) < MIB


def test_a_locked_file_costs_what_it_says_and_nothing_else(tmp_path):
    live_once(tmp_path)
    with contextlib.closing(sqlite3.connect(state(tmp_path), isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
            assert rouse.chat("a")[0] == 200
            until(lambda: "is not kept in" in rouse.text() and "locked" in rouse.text(), "the log says so")
            assert rouse.text().count("is not kept in") == 1
            assert learnt(rouse)["loads"] == 1  # of this life


def test_what_is_forgotten_while_the_file_is_locked_is_forgotten_when_it_is_not(tmp_path):
    live_once(tmp_path)
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert learnt(rouse)["loads"] == 1
        with contextlib.closing(sqlite3.connect(state(tmp_path), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            cli(rouse, "forget", "a")
            until(lambda: "is not kept in" in rouse.text(), "it cannot be written")
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert rouse.model("a")["learnt"] is None


def test_a_file_without_its_tables_is_damaged(tmp_path):
    live_once(tmp_path)
    with contextlib.closing(sqlite3.connect(state(tmp_path))) as other:
        other.execute("DROP TABLE learnt_bytes")
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: "is damaged" in rouse.text(), "the log says so")
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert learnt(rouse)["loads"] == 1


def test_figures_that_cannot_be_are_not_believed(tmp_path):
    live_once(tmp_path)
    with contextlib.closing(sqlite3.connect(state(tmp_path), isolation_level=None)) as other:
        other.execute("UPDATE learnt SET loads = -1, cold_ns = -5")
        other.execute(f"UPDATE learnt_bytes SET footprint = {2**63 - 1}, needed = -7")
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert learnt(rouse)["loads"] == 0
        assert learnt(rouse)["footprint"] == learnt(rouse)["needed"] == {}
        assert rouse.chat("a")[0] == 200


def test_a_pipe_is_no_file(tmp_path):
    named = tmp_path / "pipe"
    os.mkfifo(named)
    with serve(tmp_path, config={"state": str(named)}, a=program(tmp_path)) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: "no regular file" in rouse.text(), "the log says so")
        rouse.process.terminate()
        assert rouse.process.wait(BOUND) == 0


def test_a_file_that_cannot_be_written_is_read(tmp_path):
    live_once(tmp_path)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "rouse").mkdir()
    shutil.copy(state(tmp_path), mounted / "rouse" / "state.db")
    (mounted / "rouse" / "state.db").chmod(0o444)
    (mounted / "rouse").chmod(0o555)
    command = () if os.geteuid() else ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot,+no_setuid_fixup", "--")
    with RouseDaemon({"policy": {"settle": "50ms"}, "models": {"a": program(tmp_path, "caches")}}, command=command,
                     env={"XDG_STATE_HOME": str(mounted)}) as rouse:
        assert learnt(rouse)["loads"] == 1
        assert rouse.chat("a")[0] == 200
        until(lambda: "is not kept in" in rouse.text(), "the log says so")
        assert learnt(rouse)["loads"] == 2
    (mounted / "rouse").chmod(0o755)


def test_a_file_of_another_version_is_left_alone(tmp_path):
    live_once(tmp_path)
    with contextlib.closing(sqlite3.connect(state(tmp_path))) as other:
        other.execute("PRAGMA user_version = 99")
    before = state(tmp_path).read_bytes()
    with serve(tmp_path, a=program(tmp_path, "caches")) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: "another version" in rouse.text(), "the log says so")
    assert state(tmp_path).read_bytes() == before


@pytest.mark.parametrize("version", [0, 1])
def test_a_file_of_another_program_is_left_alone(tmp_path, version):
    mine = tmp_path / "notes.db"
    with contextlib.closing(sqlite3.connect(mine)) as other:
        other.execute("CREATE TABLE notes(text)")
        other.execute(f"PRAGMA user_version = {version}")
    mine.chmod(0o644)
    before = mine.read_bytes()
    with serve(tmp_path, config={"state": str(mine)}, a=program(tmp_path)) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: "another program's" in rouse.text(), "the log says so")
    assert mine.read_bytes() == before and mine.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.glob("notes*")) == ["notes.db"]


def test_none_keeps_nothing_and_a_path_names_the_file(tmp_path):
    with serve(tmp_path, config={"state": "none"}, a=program(tmp_path)) as rouse:
        assert rouse.chat("a")[0] == 200
    assert not (tmp_path / "rouse").exists()
    named = tmp_path / "deep" / "down" / "kept.db"
    with serve(tmp_path, config={"state": str(named)}, a=program(tmp_path)) as rouse:
        assert rouse.chat("a")[0] == 200
    assert named.exists()


def test_a_full_disk_costs_the_memory_of_the_past(tmp_path):
    """A place where nothing can be made."""
    with serve(tmp_path, config={"state": "/proc/nowhere/state.db"}, a=program(tmp_path)) as rouse:
        assert rouse.chat("a")[0] == 200
        until(lambda: "is not kept in" in rouse.text(), "the log says so")
