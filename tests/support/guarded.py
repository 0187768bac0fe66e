"""A daemon that is to withstand strangers: with keys, or without them and with small limits and short times."""

import hashlib
from pathlib import Path

import pytest

from tests.support import demo_models
from tests.support.rouse_daemon import RouseDaemon

ECHO = Path(__file__).resolve().parent / "echo_engine.py"
USE, ADMIN, FEW = "rouse_of_a_user", "rouse_of_an_administrator", "rouse_of_one_with_limits"


def hash_of(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


KEYS = {
    "web": {"hash": hash_of(USE)},
    "ops": {"hash": hash_of(ADMIN), "role": "admin"},
    "few": {"hash": hash_of(FEW), "at_once": 2, "per_minute": 5},
}
SECRETS = {"OPENAI_API_KEY": "sk-not-for-workers", "ROUSE_API_KEY": "rouse_not_for_workers", "DATABASE_URL": "postgres://x:y@z",
           "AWS_SECRET_ACCESS_KEY": "nor-this", "LLAMA_ARG_HOST": "0.0.0.0", "NVIDIA_API_KEY": "nor-that"}


@pytest.fixture(scope="module")
def models():
    return demo_models.paths()


def config_of(models, **more) -> dict:
    model = {"engine": "llama", "source": str(models.text), "footprint": {"host": "64MiB"}, "concurrency": 16}
    return {
        "engines": {"llama": {"binary": str(ECHO)}},
        "models": {
            "echo": model,
            "curious": {**model, "media_urls": "allow"},
            "broken": {**model, "source": str(models.hostile["truncated"])},
            "missing": {**model, "source": "/secret/folder/model.gguf"},
            "crashing": {**model, "binary": "/bin/ls"},
            "not_there": {**model, "binary": "/nowhere/llama-server"},
            "elsewhere": {**model, "footprint": {"gpu9": "64MiB"}},
        },
        **more,
    }


@pytest.fixture(scope="module")
def rouse(models):
    """With keys; asks as a user."""
    with RouseDaemon(config_of(models, keys=KEYS, admin_socket="admin.sock"), key=USE, env=SECRETS) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def tight(models):
    """Without keys; small limits and short times."""
    limits = {"body": "1MiB", "header": "8KiB", "buffered": "3MiB", "connections": 40, "receive": "1s", "send": "1s"}
    with RouseDaemon(config_of(models, limits=limits)) as daemon:
        yield daemon


def completion(**more) -> dict:
    return {"model": "echo", "prompt": "x", **more}


def ask(rouse, **more):
    return rouse.post("/v1/completions", completion(**more.pop("body", {})), **more)
