"""A Llama with random weights, and a LoRA adapter for it.

It says random words, any number of them: it never ends by itself and never leaves ASCII, so that a test decides
how long an answer is and can read it. Two things make that so: hidden dimension 0 holds the same number for every
token (no layer writes to it), and the output reads from it a large minus for every token that shall not be said.
"""

import re
from functools import cache
from pathlib import Path

import numpy as np

from demo import bytelevel, facts, gguf_file, llama_file
from demo.bytelevel import Vocabulary
from demo.gguf_file import Repeated, Tensor

WIDTH, LAYERS, INNER, HEADS = 64, 2, 128, 4
CONTEXT = 8192
CONSTANT = 4.0  # what hidden dimension 0 holds
NEVER = -10.0
BLOCK_BYTES = 4 << 20
RANK = 4


@cache
def words() -> Vocabulary:
    answers = [answer for answer, _ in facts.FACTS]
    return Vocabulary(bytelevel.learn_merges(answers, 240))


@cache
def sayable() -> frozenset[str]:
    """The tokens that are a whole word, with the space before it."""
    whole = {word for answer, _ in facts.FACTS for word in re.findall("[A-Za-z]{2,}", answer)}
    return frozenset(token for token in words().tokens if token[0] == "Ġ" and token[1:] in whole)


def ends(random: np.random.Generator, width: int) -> dict[str, Tensor]:
    """The embedding and the output, alike for every size."""
    tokens = words().tokens
    embedding = random.standard_normal((len(tokens), width), dtype=np.float32)
    output = random.standard_normal((len(tokens), width), dtype=np.float32) * (3.0 * width ** -0.5)
    embedding[:, 0] = CONSTANT
    output[:, 0] = 0.0
    for i, token in enumerate(tokens):
        if token not in sayable():
            output[i] = 0.0
            output[i, 0] = NEVER
    return {"token_embd.weight": embedding.astype(np.float16), "output.weight": output.astype(np.float16),
            "output_norm.weight": np.ones(width, np.float32)}


def shapes(width: int, inner: int) -> dict[str, tuple[int, int]]:
    return {"attn_q": (width, width), "attn_k": (width, width), "attn_v": (width, width),
            "attn_output": (width, width), "ffn_gate": (inner, width), "ffn_up": (inner, width),
            "ffn_down": (width, inner)}


def write_small(path: Path, seed: int, name: str) -> Path:
    random = np.random.default_rng(seed)
    tensors = ends(random, WIDTH)
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{norm}.weight"] = np.ones(WIDTH, np.float32)
        for part, shape in shapes(WIDTH, INNER).items():
            weights = random.standard_normal(shape, dtype=np.float32) * shape[1] ** -0.5
            if part in ("attn_output", "ffn_down"):
                weights[0] = 0.0
            tensors[f"blk.{layer}.{part}.weight"] = weights.astype(np.float16)
    settings = llama_file.architecture(name, layers=LAYERS, width=WIDTH, inner=INNER, heads=HEADS, context=CONTEXT)
    return gguf_file.write(path, "llama", settings | llama_file.vocabulary(words(), llama_file.WHOLE_CHAT), tensors)


def plan_size(size: int) -> tuple[int, int, int]:
    """Layers, width and inner width of a model whose file has about `size` bytes."""
    width = next((w for w, least in ((2048, 1 << 30), (1024, 256 << 20), (512, 48 << 20), (256, 8 << 20))
                  if size >= least), 128)
    left = max(0, size - 2 * 2 * len(words().tokens) * width)
    usual = 2 * (4 * width * width + 3 * width * 4 * width)
    layers = max(1, round(left / usual))
    inner = (left / layers / 2 - 4 * width * width) / (3 * width)
    return layers, width, max(32, round(inner / 32) * 32)


def write_large(path: Path, seed: int, name: str, size: int) -> Path:
    """Any size, as fast as the disk takes it: the layers are one small random block, repeated."""
    layers, width, inner = plan_size(size)
    random = np.random.default_rng(seed)
    tensors = ends(random, width)
    block = (random.standard_normal(BLOCK_BYTES // 2, dtype=np.float32) * (0.05 * width ** -0.5)).astype(np.float16)
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{norm}.weight"] = np.ones(width, np.float32)
        for part, shape in shapes(width, inner).items():
            tensors[f"blk.{layer}.{part}.weight"] = Repeated(shape, block)
    settings = llama_file.architecture(name, layers=layers, width=width, inner=inner, heads=width // 64,
                                       context=CONTEXT)
    return gguf_file.write(path, "llama", settings | llama_file.vocabulary(words(), llama_file.WHOLE_CHAT), tensors)


def write_lora(path: Path, seed: int) -> Path:
    """An adapter for `write_small`'s model, strong enough that every answer differs."""
    random = np.random.default_rng(seed)
    tensors: dict[str, Tensor] = {}
    for layer in range(LAYERS):
        for part in ("attn_v", "ffn_down"):
            rows, columns = shapes(WIDTH, INNER)[part]
            down = random.standard_normal((RANK, columns), dtype=np.float32) * columns ** -0.5
            up = random.standard_normal((rows, RANK), dtype=np.float32) * 2.0
            if part == "ffn_down":
                up[0] = 0.0
            tensors[f"blk.{layer}.{part}.weight.lora_a"] = down
            tensors[f"blk.{layer}.{part}.weight.lora_b"] = up
    settings = {"general.type": "adapter", "general.name": "Rouse test adapter", "adapter.type": "lora",
                "adapter.lora.alpha": float(RANK)}
    return gguf_file.write(path, "llama", settings, tensors)
