"""The applications of examples/ as they are configured there, but on free ports, and what their clients ask of them.

    with serving("detection") as rouse:
        answer(home(rouse, "detection"), APPLICATIONS["detection"].cheap)
"""

import contextlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from tests.integration.test_application import home
from tests.support.exchanges import Request
from tests.support.rouse_daemon import ROOT, RouseDaemon

EXAMPLES = ROOT / "examples"
HOST = ("Host", "localhost")
PREPARING = 900  # seconds


@dataclass(frozen=True)
class Application:
    """What clients of a model ask: `cheap` needs the model and little of it, `typical` is what it is there for."""

    example: str
    cheap: Request
    typical: Request
    kinds: tuple[Callable[[random.Random], Request], ...]  # of requests, all of them with the same answer each time

    def recorded(self, seed: int, count: int) -> list[Request]:
        dice = random.Random(seed)
        return [dice.choice(self.kinds)(dice) for _ in range(count)]


# --- requests -----------------------------------------------------------------------------------------------------


def get(target: str, method: str = "GET", **headers: str) -> Request:
    return Request(method, target, (HOST, *((name.replace("_", "-"), value) for name, value in headers.items())))


def post(target: str, body: bytes, kind: str, method: str = "POST") -> Request:
    return Request(method, target, (HOST, ("Content-Type", kind)), body)


@lru_cache
def picture(seed: int, kind: str = "PNG") -> bytes:
    """Some coloured rectangles."""
    from PIL import Image, ImageDraw
    dice = random.Random(seed)
    image = Image.new("RGB", (dice.randrange(60, 200), dice.randrange(60, 200)), tuple(dice.choices(range(256), k=3)))
    for _ in range(5):
        x, y = dice.randrange(image.width), dice.randrange(image.height)
        ImageDraw.Draw(image).rectangle((x, y, x + 40, y + 30), tuple(dice.choices(range(256), k=3)))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def oddities(dice: random.Random) -> Request:
    """What any server is asked now and then."""
    return dice.choice([
        get("/health"), get("/health", "HEAD"), get("/nothing/here"), get("/health?a=b&&c=%20"),
        get("/health", Accept_Encoding="gzip, br", Cookie="session=abc; theme=dark"),
        get("/health", X_Request_Id="mine", Accept="*/*"), post("/health", b"x=1", "text/plain"), get("//health"),
        get("/health", "DELETE"), get("/%E2%82%AC", Accept_Language="de, en;q=0.7")])


def detection(dice: random.Random) -> Request:
    threshold = dice.choice(["", "?threshold=0", "?threshold=0.0144", "?threshold=2"])
    return post("/detect" + threshold, picture(dice.randrange(4), dice.choice(["PNG", "JPEG"])), "image/any")


def pictures(dice: random.Random) -> Request:
    wish = {"prompt": dice.choice(["a red fox", "Snow, and a fox.", "é €", ""]), "seed": dice.randrange(3), "steps": 1}
    return post("/pictures", json.dumps(wish).encode(), "application/json")


MAKERS = (pictures, oddities, oddities, lambda dice: get("/parts"), lambda dice: get("/openapi.json"),
          lambda dice: post("/pictures", b'{"prompt": 1}', "application/json"),
          lambda dice: post("/pictures", b'{"prompt": "a", "steps": 99}', "application/json"),
          lambda dice: post("/pictures", b"{", "application/json"))
MAKER = Application("pictures", get("/parts"), post("/pictures", b'{"prompt": "a red fox"}', "application/json"), MAKERS)


def form(prompt: str, drawing: bytes = b"") -> Request:
    parts = [b'--cut\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + prompt.encode()]
    if drawing:
        parts.append(b'--cut\r\nContent-Disposition: form-data; name="drawing"; filename="a.png"\r\n'
                     b"Content-Type: image/png\r\n\r\n" + drawing)
    return post("/assist", b"\r\n".join(parts) + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut")


def to_llama(dice: random.Random) -> Request:
    path, body = dice.choice([("/tokenize", {"content": "What is Rouse?"}), ("/detokenize", {"tokens": [5, 6, 7]}),
                              ("/tokenize", {"content": "€" * 3000}), ("/tokenize", {}), ("/detokenize", {"tokens": "x"}),
                              ("/apply-template", {"messages": [{"role": "user", "content": "hello"}]})])
    return post(path, json.dumps(body).encode(), "application/json")


APPLICATIONS = {
    "detection": Application("detection", get("/labels"), post("/detect", picture(1), "image/png"), (
        detection, oddities, lambda dice: get("/labels"), lambda dice: get("/openapi.json"),
        lambda dice: post("/detect", b"no picture", "image/png"),
        lambda dice: post("/detect?threshold=much", picture(1), "image/png"))),
}
APPLICATIONS |= {
    "cad": Application("assistant-flask", get("/about"), form("draw a bracket", picture(1)), (
        oddities, lambda dice: get("/"), lambda dice: get("/about"), lambda dice: form(""),
        lambda dice: form("draw a bracket", dice.choice([b"", b"none", picture(1), picture(2)])))),
    "assistant-page": Application(
        "assistant-llama", post("/tokenize", b'{"content": "What is Rouse?"}', "application/json"),
        post("/v1/chat/completions", b'{"messages": [{"role": "user", "content": "What is Rouse?"}], "max_tokens": 16}',
             "application/json"), (oddities, to_llama, to_llama, to_llama, lambda dice: get("/"))),
    "sd3": MAKER, "flux": MAKER, "sdxl": MAKER,
    "clip": Application("photo-search", get("/text?q=a+red+dog"), post("/picture", picture(1), "image/png"), (
        oddities, lambda dice: get("/text?q=" + dice.choice(["cat", "a%20dog", "%E2%82%AC", ""])), lambda dice: get("/text"),
        lambda dice: post("/picture", picture(dice.randrange(4)), "image/png"),
        lambda dice: post("/picture", b"none", "image/png"), lambda dice: get("/openapi.json"))),
    "blip": Application("photo-search", get("/words"), post("/caption", picture(1), "image/png"), (
        oddities, lambda dice: post("/caption", picture(dice.randrange(4)), "image/png"),
        lambda dice: post("/caption", b"none", "image/png"), lambda dice: get("/words"))),
}
APPLICATIONS["detection-three-workers"] = APPLICATIONS["detection"]


# --- configurations -----------------------------------------------------------------------------------------------


def prepare(*examples: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "prepare.py", *examples], timeout=PREPARING, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def configured(example: str) -> dict:
    """As the example's file says, for a configuration that lies elsewhere and meets other programs."""
    folder = EXAMPLES / example
    config = yaml.safe_load((folder / "rouse.yaml").read_text())
    config.pop("listen", None)
    for entry in config["models"].values():
        for key in ("source", "mmproj"):
            if key in entry:
                entry[key] = str(folder / entry[key])
        if entry["engine"] == "command":
            entry.setdefault("cwd", str(folder))
            program = entry["command"][0]
            entry["command"][0] = str(folder / program) if "/" in program else program
            entry["listen"] = "127.0.0.1:0"
    return config


def alone(name: str) -> dict:
    """The entry of an application that is to stand for itself: nobody stands in for it, and nobody has asked for it."""
    example = "assistant-flask" if name == "cad-plain" else APPLICATIONS[name].example
    entry = configured(example)["models"][name]
    return {key: value for key, value in entry.items() if key not in ("fallback", "fallback_while_loading", "preload")}


def all_models() -> dict:
    """Of all examples; none of them is loaded before somebody asks."""
    models: dict = {}
    for example in EXAMPLE_NAMES:
        models |= configured(example)["models"]
    for entry in models.values():
        entry.pop("preload", None)
    return models


EXAMPLE_NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/rouse.yaml"))


def serving(example: str, **more) -> RouseDaemon:
    prepare(example)
    return RouseDaemon({**configured(example), **more})


def photos(rouse: RouseDaemon, *arguments: object) -> str:
    """What photos.py says to these, asking the two models of the daemon."""
    addresses = {name.upper(): f"http://127.0.0.1:{home(rouse, name)}" for name in ("clip", "blip")}
    return subprocess.run([sys.executable, EXAMPLES / "photo-search" / "photos.py", *map(str, arguments)], check=True,
                          capture_output=True, text=True, env={**os.environ, **addresses}).stdout


NEIGHBOUR = str(EXAMPLES / "pictures" / "neighbour.py")


@contextlib.contextmanager
def neighbour(mib: int) -> Iterator[None]:
    """Beside a program that knows nothing of Rouse and has taken so much memory."""
    with subprocess.Popen([sys.executable, NEIGHBOUR, str(mib)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == f"the neighbour has {mib} MiB\n".encode()
        yield
        process.stdin.close()


def room_for(mib: int) -> dict:
    """A budget of which so much is left beside what programs take now, and less when they take more."""
    available = next(int(line.split()[1]) >> 10 for line in Path("/proc/meminfo").read_text().splitlines()
                     if line.startswith("MemAvailable:"))
    return {"host": {"limit": "100%", "reserve": f"{available - mib}MiB"}}
