"""A daemon that has 1,000 models configured: the file, and the command that serves it."""

from pathlib import Path

from measuring import DEMO_MODEL, ROUSE, built

COUNT = 1000

HEAD = """\
listen: 127.0.0.1:11450
budgets:
  host: {limit: 80%, reserve: 1GiB}
defaults: {keep: 5m}
models:
"""
MODEL = """\
  model-%04d:
    engine: llama
    source: %s
    context: 8192
    parallel: 4
    threads: 4
    aliases: [alias-%04d]
    args: [--flash-attn, "on"]
    priority: normal
    keep: 30m
"""


def write_config(folder: Path) -> Path:
    path = folder / "rouse.yaml"
    path.write_text(HEAD + "".join(MODEL % (i, DEMO_MODEL, i) for i in range(COUNT)))
    return path


def command(config: Path, port: int) -> list[str]:
    return [str(built(ROUSE)), "serve", "--config", str(config), "--listen", f"127.0.0.1:{port}"]
