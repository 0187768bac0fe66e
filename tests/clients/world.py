"""The daemons that every client is tried against, whatever its language.

    with world.varied(tmp_path) as rouse:      a model for each answer and each refusal
    with world.crowded() as rouse:             four models in a budget for two
    with world.keyed() as rouse:               nobody without a key, and each of LIMITED once a minute
"""

import hashlib
import os
from pathlib import Path

from tests.support import demo_models
from tests.support.gate import Gate, pipe_of
from tests.support.rouse_daemon import RouseDaemon

BODY_LIMIT = 1 << 20
CROWD = ["east", "north", "south", "west"]
LIMITED = ["rouse_key_of_one", "rouse_key_of_another"]
CALLS = 50
SUMS = [(1 + i % 12, 1 + i // 12) for i in range(CALLS)]  # no two alike, so that an answer tells whose it is

# The answer shows whether the engine saw the tools: what the first one is for takes the question's place.
TEMPLATE_OF_TOOLS = ("{%- if tools -%}{{- '<|user|>' + tools[0].function.description + '<|assistant|>' -}}"
                     "{%- else -%}{{- '<|user|>' + messages[-1].content + '<|assistant|>' -}}{%- endif -%}")


def open_gate(folder: Path, model: str) -> None:
    """Lets the `gated` load, and the `spoilt` end: those who wait, and all who come later, since it stays open."""
    os.open(pipe_of(folder, model), os.O_RDWR)


def varied(folder: Path) -> RouseDaemon:
    models = demo_models.paths()
    llama = {"engine": "llama", "context": 1024, "threads": 1}
    demo = {**llama, "source": str(models.demo)}
    text = {**llama, "source": str(models.text)}

    def binary(name: str, script: str) -> str:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def behind_gate(name: str, then: str) -> str:
        return str(Gate(folder, then, name).program)

    begin = 'exec llama-server "$@"'
    return RouseDaemon({
        "budgets": {"host": {"limit": "8GiB"}},
        "limits": {"body": BODY_LIMIT},
        "models": {
            "demo": {**demo, "aliases": ["gpt-4o-mini"]},
            "org/plain": text,
            "embed": {**llama, "source": str(models.embedding), "embeddings": True},
            "tools": {**demo, "args": ["--chat-template", TEMPLATE_OF_TOOLS]},
            # One slot and no end: who comes second is answered only when the first has stopped.
            "endless": {**text, "context": 512, "parallel": 1, "args": ["--context-shift", "--ignore-eos"]},
            "untouched": text,  # nobody wakes it
            "later": text,  # somebody wakes it in time
            "huge": {**text, "footprint": {"host": "9GiB"}},
            "broken": {**llama, "source": str(models.hostile["truncated"])},
            "stuck": {**text, "binary": binary("stuck", "exec sleep infinity")},
            "gated": {**demo, "binary": behind_gate("gated", begin)},
            "gated-too": {**demo, "binary": behind_gate("gated-too", begin)},
            "spoilt": {**text, "binary": behind_gate("spoilt", "exit 1")},
            "spoilt-too": {**text, "binary": behind_gate("spoilt-too", "exit 1")},
        },
    })


def crowded() -> RouseDaemon:
    models = demo_models.paths()
    model = {"engine": "llama", "source": str(models.demo), "context": 1024, "parallel": 2, "threads": 1,
             "footprint": {"host": "1GiB"}}
    # They hold far less than they say, which is not to be believed here.
    return RouseDaemon({"budgets": {"host": {"limit": "2300MiB"}}, "policy": {"settle": "10m"},
                        "models": {name: model for name in CROWD}})


def keyed() -> RouseDaemon:
    keys = {f"key{i}": {"hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest(), "per_minute": 1}
            for i, key in enumerate(LIMITED)}
    model = {"engine": "llama", "source": str(demo_models.paths().text), "context": 512, "threads": 1}
    return RouseDaemon({"keys": keys, "models": {"plain": model}})
