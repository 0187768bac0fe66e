"""The daemons that every client is tried against, whatever its language.

    with world.varied(tmp_path) as rouse:      a model for each answer and each refusal
    with world.crowded() as rouse:             four models in a budget for two
"""

from pathlib import Path

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon

BODY_LIMIT = 1 << 20
CROWD = ["east", "north", "south", "west"]
CALLS = 50
SUMS = [(1 + i % 12, 1 + i // 12) for i in range(CALLS)]  # no two alike, so that an answer tells whose it is

# The answer shows whether the engine saw the tools: what the first one is for takes the question's place.
TEMPLATE_OF_TOOLS = ("{%- if tools -%}{{- '<|user|>' + tools[0].function.description + '<|assistant|>' -}}"
                     "{%- else -%}{{- '<|user|>' + messages[-1].content + '<|assistant|>' -}}{%- endif -%}")


def gate_of(folder: Path) -> Path:
    """`gated` begins to load, and `spoilt` ends, when this file is there."""
    return folder / "gate"


def spoiler_of(folder: Path) -> Path:
    return folder / "spoiler"


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

    def wait_for(gate: Path) -> str:
        return f"while [ ! -e '{gate}' ]; do sleep 0.05; done"

    return RouseDaemon({
        "budgets": {"host": {"limit": "8GiB"}},
        "limits": {"body": BODY_LIMIT},
        "models": {
            "demo": {**demo, "aliases": ["gpt-4o-mini"]},
            "org/plain": text,
            "embed": {**llama, "source": str(models.embedding), "embeddings": True},
            "tools": {**demo, "args": ["--chat-template", TEMPLATE_OF_TOOLS]},
            # One slot and no end: who comes second is answered only when the first has stopped.
            "endless": {**text, "context": 512, "parallel": 1, "args": ["--context-shift"]},
            "untouched": text,  # nobody wakes it
            "later": text,  # somebody wakes it in time
            "huge": {**text, "footprint": {"host": "9GiB"}},
            "broken": {**llama, "source": str(models.hostile["truncated"])},
            "stuck": {**text, "binary": binary("stuck", "exec sleep infinity")},
            "gated": {**demo, "binary": binary("gated", f'{wait_for(gate_of(folder))}\nexec llama-server "$@"')},
            "spoilt": {**text, "binary": binary("spoilt", f"{wait_for(spoiler_of(folder))}\nexit 1")},
        },
    })


def crowded() -> RouseDaemon:
    models = demo_models.paths()
    model = {"engine": "llama", "source": str(models.demo), "context": 1024, "parallel": 2, "threads": 1,
             "footprint": {"host": "1GiB"}}
    return RouseDaemon({"budgets": {"host": {"limit": "2300MiB"}}, "models": {name: model for name in CROWD}})
