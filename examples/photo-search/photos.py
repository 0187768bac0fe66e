#!/usr/bin/env python3
"""A folder of pictures in SQLite, each with a vector of CLIP's and a caption of BLIP's, to be searched in words.

    photos.py index FOLDER [--order naive] [--database FILE]
    photos.py search TEXT [--database FILE]

Indexing asks one model about all the pictures and then the other; `--order naive` asks both about each in turn. The servers'
addresses are in $CLIP and $BLIP.
"""

import argparse
import json
import os
import sqlite3
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


def index(database: sqlite3.Connection, folder: Path, order: str) -> int:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    database.executemany("INSERT OR IGNORE INTO photos (path) VALUES (?)", [(str(path),) for path in paths])

    def see(path: Path) -> None:
        vector = asked(f"{CLIP}/picture", path.read_bytes())["vector"]
        database.execute("UPDATE photos SET vector = ? WHERE path = ?", (json.dumps(vector), str(path)))

    def describe(path: Path) -> None:
        caption = asked(f"{BLIP}/caption", path.read_bytes())["caption"]
        database.execute("UPDATE photos SET caption = ? WHERE path = ?", (caption, str(path)))

    steps: list[Callable[[Path], None]] = [see, describe]
    if order == "naive":
        work = [(step, path) for path in paths for step in steps]
    else:
        work = [(step, path) for step in steps for path in paths]
    for step, path in work:
        step(path)
        database.commit()
    return len(paths)


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
        print(f"{index(database, Path(options.which), options.order)} pictures")
        return
    for score, path, caption in search(database, options.which)[:10]:
        print(f"{score:.3f}  {path}  {caption}")


if __name__ == "__main__":
    main()
