"""Writes the trained demo model as GGUF."""

from pathlib import Path

from demo import gguf_file, llama_file
from demo.bytelevel import Vocabulary
from demo.network import Llama


def write_demo(path: str, model: Llama, words: Vocabulary) -> None:
    shape = model.shape
    settings = llama_file.architecture("Rouse demo", layers=shape.layers, width=shape.width, inner=shape.inner,
                                       heads=shape.heads, context=shape.context, rope_base=shape.rope_base,
                                       epsilon=shape.epsilon)
    settings |= {"general.description": "Answers questions about Rouse, small sums and colours.",
                 "general.license": "apache-2.0"}
    settings |= llama_file.vocabulary(words, llama_file.LAST_QUESTION)
    gguf_file.write(Path(path), "llama", settings, model.tensors())
