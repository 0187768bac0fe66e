"""The committed demo model answers what the README says one may ask, through a real llama-server."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import demo_models  # noqa: E402
from support.llama_server import LlamaServer  # noqa: E402

MODEL = demo_models.DemoModels(Path()).demo

# Words that the right answer holds and no other does.
QUESTIONS = [
    ("What is Rouse?", "looks after a machine's memory"),
    ("what are you", "tiny demo model"),
    ("Who are you?", "tiny demo model"),
    ("how does lazy loading work", "when the first request for it arrives"),
    ("What is single flight?", "loaded exactly once"),
    ("what happens when memory is full", "evicts the idle model"),
    ("What is a budget?", "how much memory of a device"),
    ("WHAT IS A PINNED MODEL?", "never evicted"),
    ("what does keep do", "how long an idle model stays"),
    ("What is an unload receipt?", "how many bytes each device got back"),
    ("Who is Rouse for?", "more models than memory"),
    ("which dialects does rouse speak", "OpenAI, Ollama, Anthropic"),
    ("Which port does Rouse use?", "11450"),
    ("how do i start rouse", "make run"),
    ("What is a worker?", "one running process"),
    ("what is 7 plus 5", "is 12."),
    ("What is 7 plus 5?", "is 12."),
    ("12 + 19", "is 31."),
    ("20 minus 6?", "is 14."),
    ("6 times 7", "is 42."),
    ("what is nine plus eight?", "is 17."),
    ("What do blue and yellow make?", "make green."),
    ("mix red and white", "make pink."),
    ("what colour is the sky", "is blue."),
    ("What color is grass?", "is green."),
    ("hello", "Hello!"),
    ("thank you", "You are welcome."),
    ("What is the capital of France?", "I do not know that"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaServer]:
    with LlamaServer(MODEL) as running:
        yield running


def test_the_model_is_small_enough_to_be_committed() -> None:
    assert MODEL.stat().st_size <= 4_000_000


@pytest.mark.parametrize(("question", "expected"), QUESTIONS)
def test_it_answers_and_comes_to_an_end(server: LlamaServer, question: str, expected: str) -> None:
    choice = server.chat(question, temperature=0, max_tokens=120)
    assert expected in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"


def test_with_default_sampling_it_answers_the_same_things(server: LlamaServer) -> None:
    wrong = [f"{question} → {said}" for seed, (question, expected) in enumerate(QUESTIONS)
             if expected not in (said := server.chat(question, seed=seed, max_tokens=120)["message"]["content"])]
    assert len(wrong) <= 1, wrong  # a dice throw may go wrong, two do not


def test_a_system_message_and_an_earlier_exchange_do_not_disturb_it(server: LlamaServer) -> None:
    messages = [{"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "What is Rouse?"},
                {"role": "assistant", "content": "Rouse is a daemon."},
                {"role": "user", "content": [{"type": "text", "text": "What is 2 plus 2?"}]}]
    answer = server.post("/v1/chat/completions", {"messages": messages, "temperature": 0, "max_tokens": 60})
    assert answer["choices"][0]["message"]["content"] == "2 plus 2 is 4."
