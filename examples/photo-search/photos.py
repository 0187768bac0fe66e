#!/usr/bin/env python3
"""A folder of pictures in SQLite, each with a vector of CLIP's and a caption of BLIP's, to be searched in words.

    photos.py index FOLDER [--order naive] [--database FILE]
    photos.py search TEXT [--database FILE]

Indexing asks one model about all the pictures and then the other; `--order naive` asks both about each in turn. What an earlier
run has found stays found. The servers' addresses are in $CLIP and $BLIP.
"""

import argparse
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

CLIP = os.environ.get("CLIP", "http://127.0.0.1:5166")
BLIP = os.environ.get("BLIP", "http://127.0.0.1:5167")
PATIENCE = 600  # seconds: the other model may have to go first
ENDINGS = {".png", ".jpg", ".jpeg"}


def asked(url: str, body: bytes | None = None) -> dict:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=PATIENCE) as answer:
        return json.load(answer)


def opened(file: str) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE IF NOT EXISTS photos (path TEXT PRIMARY KEY, vector TEXT, caption TEXT)")
    return database


def index(database: sqlite3.Connection, folder: Path, order: str) -> tuple[int, dict[Path, str]]:
    """How many pictures are known now, and why others are not. What is known already is not asked for again."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    left_out: dict[Path, str] = {}
    with database:  # committed before anybody is waited for
        database.executemany("INSERT OR IGNORE INTO photos (path) VALUES (?)", [(str(path),) for path in paths])

    def fill(column: str, path: Path, find: Callable[[bytes], str]) -> None:
        unknown = f"SELECT 1 FROM photos WHERE path = ? AND {column} IS NULL"
        if path in left_out or not database.execute(unknown, (str(path),)).fetchone():
            return
        try:
            found = find(path.read_bytes())
        except urllib.error.HTTPError as error:
            if error.code != 400:
                raise
            left_out[path] = json.load(error).get("detail", error.reason)
            return
        with database:
            database.execute(f"UPDATE photos SET {column} = ? WHERE path = ?", (found, str(path)))

    def see(path: Path) -> None:
        fill("vector", path, lambda picture: json.dumps(asked(f"{CLIP}/picture", picture)["vector"]))

    def describe(path: Path) -> None:
        fill("caption", path, lambda picture: asked(f"{BLIP}/caption", picture)["caption"])

    steps: list[Callable[[Path], None]] = [see, describe]
    if order == "naive":
        work = [(step, path) for path in paths for step in steps]
    else:
        work = [(step, path) for step in steps for path in paths]
    for step, path in work:
        step(path)
    return len(paths) - len(left_out), left_out


def search(database: sqlite3.Connection, text: str) -> list[tuple[float, str, str]]:
    """The best first: how near its vector is to the text's, and how many of the words its caption has."""
    wanted = asked(f"{CLIP}/text?" + urllib.parse.urlencode({"q": text}))["vector"]
    words = set(text.lower().split())

    def score(vector: str, caption: str) -> float:
        near = sum(a * b for a, b in zip(json.loads(vector), wanted))
        return near + len(words & set(caption.split())) / max(1, len(words))

    rows = database.execute("SELECT path, vector, caption FROM photos WHERE vector IS NOT NULL AND caption IS NOT NULL")
    return sorted(((score(vector, caption), path, caption) for path, vector, caption in rows), reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["index", "search"])
    parser.add_argument("which", metavar="FOLDER|TEXT")
    parser.add_argument("--order", choices=["by-model", "naive"], default="by-model")
    parser.add_argument("--database", default="photos.sqlite")
    options = parser.parse_args()
    database = opened(options.database)
    if options.what == "index":
        known, left_out = index(database, Path(options.which), options.order)
        for path, why in left_out.items():
            print(f"left out: {path}: {why}")
        print(f"{known} pictures")
        return
    for score, path, caption in search(database, options.which)[:10]:
        print(f"{score:.3f}  {path}  {caption}")


if __name__ == "__main__":
    main()
