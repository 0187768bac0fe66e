"""The made models: each is loaded by a real llama-server and answers, and is the same whenever it is made."""

import base64
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import demo_models  # noqa: E402
from support.llama_server import DidNotStart, LlamaServer  # noqa: E402

MODELS = demo_models.paths()
GREEDY = {"temperature": 0, "max_tokens": 24}


def make(folder: Path, *options: str) -> list[Path]:
    printed = subprocess.run([sys.executable, demo_models.MAKER, folder, *options], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return [Path(line) for line in printed.splitlines()]


def picture(red: int, green: int, blue: int, size: int = 40) -> dict:
    """A square of one colour, as a PNG in a chat message."""
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * size) * size
    png = (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)) +
           part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(png).decode()}}


@pytest.fixture(scope="module")
def text_answer() -> str:
    with LlamaServer(MODELS.text) as server:
        return server.chat("Tell me something", **GREEDY)["message"]["content"]


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    first, second = make(tmp_path / "1"), make(tmp_path / "2")
    assert len(first) == 6
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_seed_makes_other_bytes(tmp_path: Path) -> None:
    for one, other in zip(make(tmp_path / "1"), make(tmp_path / "2", "--seed", "2"), strict=True):
        assert one.read_bytes() != other.read_bytes(), one.name


def test_the_set_is_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.folder.glob("*.gguf")) < 2 << 20


@pytest.mark.parametrize("size", ["3MiB", "40MiB", "70MB"])
def test_a_model_of_a_size_asked_for_has_it_within_two_percent(tmp_path: Path, size: str) -> None:
    number, unit = int(size[:-3 if size.endswith("iB") else -2]), (1 << 20) if size.endswith("iB") else 10**6
    [path] = make(tmp_path, "--size", size, "--name", "sized")
    assert path == tmp_path / "sized.gguf"
    assert path.stat().st_size == pytest.approx(number * unit, rel=0.02)


def test_a_size_that_is_none_is_refused(tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, demo_models.MAKER, tmp_path, "--size", "large"], capture_output=True,
                          text=True)
    assert made.returncode == 2
    assert "'large' is not a size" in made.stderr


def test_a_model_of_a_size_answers(tmp_path: Path) -> None:
    [path] = make(tmp_path, "--size", "20MiB")
    with LlamaServer(path) as server:
        choice = server.chat("Tell me something", **GREEDY)
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"].split()) == GREEDY["max_tokens"]


def test_the_text_model_says_as_many_words_as_asked_and_no_others(text_answer: str) -> None:
    words = text_answer.split()
    assert len(words) == GREEDY["max_tokens"]
    assert all(word.isascii() and word.isalpha() for word in words)


def test_the_text_model_never_ends_by_itself_however_it_is_sampled() -> None:
    with LlamaServer(MODELS.text) as server:
        choice = server.chat("Tell me something", max_tokens=300, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0)
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"].split()) == 300


def test_what_the_text_model_says_depends_on_what_it_is_told(text_answer: str) -> None:
    with LlamaServer(MODELS.text) as server:
        other = server.chat("Rouse loads a model when it is needed", **GREEDY)["message"]["content"]
    assert other != text_answer


def test_the_lora_adapter_changes_the_answer_and_scale_zero_does_not(text_answer: str) -> None:
    with LlamaServer(MODELS.text, "--lora", MODELS.lora) as server:
        adapted = server.chat("Tell me something", **GREEDY)["message"]["content"]
        unscaled = server.chat("Tell me something", lora=[{"id": 0, "scale": 0.0}], **GREEDY)["message"]["content"]
    assert adapted != text_answer
    assert unscaled == text_answer


def test_embeddings_of_texts_that_share_words_lie_closer() -> None:
    with LlamaServer(MODELS.embedding, "--embedding") as server:
        answer = server.post("/v1/embeddings", {"input": ["the model is loaded", "the model was loaded",
                                                          "purple cats like cheese"]})
    one, alike, other = (item["embedding"] for item in answer["data"])

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))  # they come normalised

    assert cosine(one, one) == pytest.approx(1.0, abs=1e-3)
    assert cosine(one, alike) > cosine(one, other) + 0.3


def test_the_reranker_gives_every_document_its_score() -> None:
    with LlamaServer(MODELS.reranker, "--reranking") as server:
        answer = server.post("/v1/rerank", {"query": "what is a lease", "documents": ["a claim", "blue", "ten cats"]})
    scores = [result["relevance_score"] for result in answer["results"]]
    assert sorted(result["index"] for result in answer["results"]) == [0, 1, 2]
    assert len(set(scores)) == 3


def test_the_vision_model_sees_what_is_in_a_picture() -> None:
    question = {"type": "text", "text": "What is this?"}
    with LlamaServer(MODELS.vision, "--mmproj", MODELS.mmproj) as server:
        said = [server.chat([question, *pictures], **GREEDY)["message"]["content"]
                for pictures in ([], [picture(255, 0, 0)], [picture(0, 0, 255)], [picture(255, 0, 0)])]
    without, red, blue, red_again = said
    assert len({without, red, blue}) == 3
    assert red == red_again


@pytest.mark.parametrize("name", ["truncated", "tensor-count", "string-length", "array-length", "tensor-offset",
                                  "not-gguf"])
def test_a_hostile_file_is_refused_by_llama_server(name: str) -> None:
    with pytest.raises(DidNotStart, match="failed to load model"):
        with LlamaServer(MODELS.hostile[name]):
            pass
