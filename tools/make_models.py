#!/usr/bin/env python3
"""Makes small models with random weights, valid for llama-server, for tests and benches:

    ./box python3 tools/make_models.py OUTDIR                      the whole set, below a second
    ./box python3 tools/make_models.py OUTDIR --only text,lora     some of it
    ./box python3 tools/make_models.py OUTDIR --size 2GiB          one text model of that size: big.gguf
    ./box python3 tools/make_models.py OUTDIR --hostile            broken files, in OUTDIR/hostile

The same seed makes the same bytes. Prints the path of each file made, one a line.
"""

import argparse
import re
import sys
from pathlib import Path

from demo import encoder, hostile, random_text, vision

SEED = 11450
UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
SET = {
    "text": lambda folder, seed: random_text.write_small(folder / "text.gguf", seed, "Rouse test text"),
    "lora": lambda folder, seed: random_text.write_lora(folder / "text-lora.gguf", seed + 1),
    "embedding": lambda folder, seed: encoder.write_embedding(folder / "embedding.gguf", seed + 2),
    "reranker": lambda folder, seed: encoder.write_reranker(folder / "reranker.gguf", seed + 3),
    "vision": lambda folder, seed: random_text.write_small(folder / "vision.gguf", seed + 4, "Rouse test vision"),
    "mmproj": lambda folder, seed: vision.write_mmproj(folder / "vision-mmproj.gguf", seed + 5),
}


def size_in_bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text)
    if not match or match[2] not in UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write for example 300MiB or 2GiB")
    return int(float(match[1]) * UNITS[match[2]])


def kinds(text: str) -> list[str]:
    asked = text.split(",")
    if unknown := [kind for kind in asked if kind not in SET]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SET)}")
    return asked


def make(folder: Path, only: list[str] | None = None, seed: int = SEED) -> dict[str, Path]:
    """The set, or a part of it, by kind."""
    return {kind: SET[kind](folder, seed) for kind in only or SET}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="OUTDIR")
    parser.add_argument("--only", type=kinds, metavar="KIND,…", help=", ".join(SET))
    parser.add_argument("--size", type=size_in_bytes, help="make one text model of about this size instead of the set")
    parser.add_argument("--name", default="big", help="its name, without .gguf (default: big)")
    parser.add_argument("--hostile", action="store_true", help="make broken files instead of the set")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    made = []
    if options.size is not None:
        path = options.folder / f"{options.name}.gguf"
        made.append(random_text.write_large(path, options.seed, f"Rouse {options.name}", options.size))
    if options.hostile:
        whole = make(options.folder, ["text"], options.seed)["text"]
        made += hostile.write_all(options.folder / "hostile", whole).values()
    if options.only or (options.size is None and not options.hostile):
        made += make(options.folder, options.only, options.seed).values()
    sys.stdout.writelines(f"{path}\n" for path in made)


if __name__ == "__main__":
    main()
