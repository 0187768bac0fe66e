#!/usr/bin/env python3
"""Asks the assistant, about a picture too; what there is when the deadline passes is the answer.

    assistant.py "What is Rouse?" [--picture FILE] [--deadline 5s] [--longest TOKENS]

Rouse is asked at $ROUSE_URL (http://127.0.0.1:11450).
"""

import argparse
import base64
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

ROUSE_URL = os.environ.get("ROUSE_URL", "http://127.0.0.1:11450")


def ask(question: str, picture: Path | None, deadline: str, longest: int) -> dict:
    content: list | str = question
    if picture:
        url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    body = {"model": "assistant-vision" if picture else "assistant", "max_tokens": longest, "temperature": 0,
            "messages": [{"role": "user", "content": content}]}
    request = urllib.request.Request(f"{ROUSE_URL}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json", "X-Rouse-Deadline": deadline})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(json.load(error)["error"]["message"]) from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--deadline", default="5m")
    parser.add_argument("--longest", type=int, default=256)
    options = parser.parse_args()
    answer = ask(options.question, options.picture, options.deadline, options.longest)
    print(answer["choices"][0]["message"]["content"])
    if answer.get("rouse", {}).get("deadline_passed"):
        print("[the deadline passed; this is what there was]")


if __name__ == "__main__":
    main()
