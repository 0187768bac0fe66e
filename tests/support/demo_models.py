"""The models that tests use: made once into build/, shared by all tests and by tests that run at the same time.

    models = demo_models.paths()
    models.text, models.lora, models.embedding, models.reranker, models.vision, models.mmproj, models.demo
    models.hostile["truncated"]          broken files by name
    demo_models.of_size("300MiB")        a text model of that size
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKER = ROOT / "tools" / "make_models.py"
CACHE = ROOT / "build" / "models"


@dataclass(frozen=True)
class DemoModels:
    folder: Path

    @property
    def text(self) -> Path:
        return self.folder / "text.gguf"

    @property
    def lora(self) -> Path:
        return self.folder / "text-lora.gguf"

    @property
    def embedding(self) -> Path:
        return self.folder / "embedding.gguf"

    @property
    def reranker(self) -> Path:
        return self.folder / "reranker.gguf"

    @property
    def vision(self) -> Path:
        return self.folder / "vision.gguf"

    @property
    def mmproj(self) -> Path:
        return self.folder / "vision-mmproj.gguf"

    @property
    def demo(self) -> Path:
        """The committed model that makes sense when asked."""
        return ROOT / "models" / "rouse-demo.gguf"

    @property
    def hostile(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.folder / "hostile").glob("*.gguf"))}


def version() -> str:
    """Names what the makers would make: another version is made anew."""
    digest = hashlib.sha256()
    for source in [MAKER, *sorted((ROOT / "tools" / "demo").glob("*.py"))]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def run_maker(folder: Path, *options: str) -> None:
    subprocess.run([sys.executable, MAKER, folder, *options], check=True, stdout=subprocess.DEVNULL)


def made_once(name: str, *option_lists: list[str]) -> Path:
    """The folder `name` of the cache; made beside it and renamed, so that it is there whole or not at all."""
    folder = CACHE / f"{name}-{version()}"
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=CACHE))
    try:
        for options in option_lists:
            run_maker(making, *options)
        making.chmod(0o755)
        os.rename(making, folder)
    except OSError:
        if not folder.is_dir():  # otherwise somebody else was faster, and theirs is the same
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def paths() -> DemoModels:
    return DemoModels(made_once("set", [], ["--hostile"]))


def of_size(size: str) -> Path:
    return made_once(f"size-{size}", ["--size", size]) / "big.gguf"
