"""The command line as people use it: on a terminal, against the real daemon."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios

import pytest

from tests.support import demo_models
from tests.support.gate import Gate
from tests.support.rouse_daemon import BOUND, ROUSE, RouseDaemon, held, until


@pytest.fixture(scope="module")
def models():
    return demo_models.paths()


@pytest.fixture(scope="module")
def rouse(models):
    llama = {"engine": "llama", "context": 2048, "parallel": 2, "threads": 1}
    slow = {**llama, "source": str(models.text)}
    config = {"models": {"chat": {**slow, "aliases": ["gpt:4o"]}, "other": slow}}
    with RouseDaemon(config) as daemon:
        yield daemon


class OnTerminal:
    """A command with a pseudo-terminal for all three of its streams; `shown` is all that it wrote there."""

    def __init__(self, rouse, *arguments: str, columns: int = 100):
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        environment = {**os.environ, "ROUSE_HOST": rouse.url, "TERM": "xterm"}
        self.process = subprocess.Popen([ROUSE, *arguments], stdin=inside, stdout=inside, stderr=inside,
                                        env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(inside)
        os.set_blocking(self.terminal, False)
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.terminal)

    def read(self):
        try:
            while piece := os.read(self.terminal, 65536):
                self.shown += piece.decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return self.shown

    def until(self, pattern: str):
        until(lambda: re.search(pattern, self.read()), f"{pattern!r} in {self.shown!r}")

    def type(self, text: str):
        os.write(self.terminal, text.encode())

    def ends(self) -> int:
        until(lambda: (self.read(), self.process.poll())[1] is not None, "it ends")
        self.read()
        return self.process.returncode


def run(rouse, *arguments: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([ROUSE, *arguments], capture_output=True, text=True, timeout=BOUND,
                          env={**os.environ, "ROUSE_HOST": rouse.url}, **more)


def test_ctrl_c_ends_the_answer_and_not_the_conversation(rouse):
    assert run(rouse, "load", "chat").returncode == 0
    with OnTerminal(rouse, "run", "chat") as terminal, held(rouse.model("chat")["pid"]):
        terminal.until("> ")
        terminal.type("go on\n")
        until(lambda: rouse.model("chat")["leases"] == 1, "it answers")
        terminal.type("\x03")
        until(lambda: rouse.model("chat")["leases"] == 0, "the answer ends")
        terminal.until(r"> [\s\S]*> ")
        terminal.type("\x04")
        assert terminal.ends() == 0


def test_a_load_is_watched_on_one_line_that_is_gone_at_the_end(models, tmp_path):
    gate = Gate(tmp_path)
    slow = {"engine": "llama", "source": str(models.text), "threads": 1, "binary": str(gate.program)}
    with RouseDaemon({"models": {"slow": slow}}) as daemon, OnTerminal(daemon, "load", "slow") as terminal:
        terminal.until(r"\r\x1b\[Kloading slow")
        assert "\n" not in terminal.shown
        gate.open()
        assert terminal.ends() == 0
        assert re.search(r"\r\x1b\[Kslow is ready \(", terminal.shown)


def test_watching_repaints_in_place_until_ctrl_c(rouse):
    assert run(rouse, "unload", "chat").returncode == 0
    with OnTerminal(rouse, "ps", "--watch", "--every", "50ms") as terminal:
        terminal.until("Nothing is loaded|other")
        assert run(rouse, "load", "chat").returncode == 0
        terminal.until(r"\x1b\[\dA\r\x1b\[J.*MODEL[\s\S]*chat")
        terminal.type("\x03")
        assert terminal.ends() == -signal.SIGINT


def test_logs_are_followed_until_ctrl_c(rouse):
    assert run(rouse, "load", "other").returncode == 0
    with OnTerminal(rouse, "logs", "-f", "other") as terminal:
        terminal.until("listening|server")
        terminal.type("\x03")
        assert terminal.ends() == -signal.SIGINT


def test_every_listing_lines_up_and_reads_as_json(rouse):
    assert run(rouse, "load", "chat").returncode == 0
    for command in (["list"], ["ps"], ["devices"], ["show", "chat"], ["show", "gpt:4o"]):
        table = run(rouse, *command)
        assert (table.returncode, table.stderr) == (0, ""), command
        assert not any(line != line.rstrip() for line in table.stdout.splitlines())
        assert json.loads(run(rouse, *command, "--json").stdout)


def test_pinned_models_are_unloaded_only_by_force(rouse):
    assert run(rouse, "load", "chat").returncode == 0
    assert "is pinned" in run(rouse, "pin", "chat").stdout
    refused = run(rouse, "unload", "chat")
    assert refused.returncode == 5 and "--force" in refused.stderr
    assert "no longer pinned" in run(rouse, "unpin", "chat").stdout
    assert "came back" in run(rouse, "unload", "chat").stdout


def test_a_daemon_that_is_not_there_is_said_with_what_to_do(rouse):
    for host in ("127.0.0.1:1", "unix:/nowhere.sock"):
        done = run(rouse, "ps", "--host", host)
        assert done.returncode == 3 and done.stdout == ""
        assert "rouse serve" in done.stderr and host in done.stderr
    assert run(rouse, "ps", "--host", "ftp://x").returncode == 2


def test_what_init_writes_passes_the_check_as_it_is_and_with_everything_switched_on(rouse, tmp_path):
    file = tmp_path / "a" / "rouse.yaml"
    assert run(rouse, "init", str(file)).returncode == 0
    checked = run(rouse, "check", str(file))
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    again = run(rouse, "init", str(file))
    assert again.returncode == 2 and "--force" in again.stderr
    everything = re.sub(r"^#(?! \S|$)", "", file.read_text(), flags=re.M)  # what is explained begins with one space
    assert everything != file.read_text()
    file.write_text(everything)
    checked = run(rouse, "check", str(file))
    assert checked.returncode == 0, checked.stderr
    assert "4 models" in checked.stdout


def test_reload_tells_what_changed(rouse):
    config = rouse.config.read_text()
    assert run(rouse, "reload").stdout == "nothing has changed\n"
    rouse.config.write_text(config + "x")
    broken = run(rouse, "reload")
    assert broken.returncode == 2 and f"{rouse.config}:" in broken.stderr
    rouse.config.write_text(config)


def completed(rouse, line: str) -> set[str]:
    """What bash offers when TAB is pressed at the end of `line`."""
    script = rf"""
      source <({ROUSE} completions bash)
      rouse() {{ {ROUSE} "$@"; }}
      COMP_LINE={json.dumps(line)} COMP_POINT={len(line)}
      _rouse; printf '%s\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=BOUND,
                          env={**os.environ, "ROUSE_HOST": rouse.url})
    assert done.stderr == "", done.stderr
    return {word for word in done.stdout.split("\n") if word}


def test_bash_completes_commands_options_models_and_their_values(rouse, tmp_path, monkeypatch):
    assert {"serve", "ps", "completions"} <= completed(rouse, "rouse ")
    assert completed(rouse, "rouse un") == {"unload", "unpin"}
    assert completed(rouse, "rouse load ") == {"chat", "gpt:4o", "other"}
    assert completed(rouse, "rouse load o") == {"other"}
    assert completed(rouse, "rouse run --priority ") == {"low", "normal", "high"}
    assert completed(rouse, "rouse run --keep 5m c") == {"chat"}
    assert completed(rouse, "rouse run chat o") == set()
    assert completed(rouse, "rouse unload --f") == {"--force"}
    assert completed(rouse, "rouse completions ") == {"bash", "zsh", "fish"}
    (tmp_path / "some.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert completed(rouse, "rouse serve -c so") == {"some.yaml"}
    assert completed(rouse, "rouse check so") == {"some.yaml"}
    assert completed(rouse, "rouse load gpt:") == {"4o"}


def test_no_daemon_means_no_names_and_no_noise(rouse):
    done = subprocess.run(["bash", "-c", f"source <({ROUSE} completions bash)"], capture_output=True, timeout=BOUND)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_manual_page_is_well_formed(rouse):
    if not shutil.which("groff"):
        pytest.skip("no groff")
    page = run(rouse, "__man").stdout
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rCHECKSTYLE=3"], input=page, capture_output=True,
                          text=True, timeout=BOUND)
    assert (done.returncode, done.stderr) == (0, "")
