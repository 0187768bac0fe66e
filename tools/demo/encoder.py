"""A BERT with random weights: as an embedding model (mean pooling), or as a reranker.

Its layers add little, so an embedding is nearly the sum of random vectors of the words in it: texts that share
words lie closer together, which a test can rely on.
"""

import re
from pathlib import Path

import gguf
import numpy as np

from demo import facts, gguf_file
from demo.gguf_file import Setting, Tensor

WIDTH, LAYERS, INNER, HEADS, CONTEXT = 64, 2, 128, 4, 512
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNKNOWN, START, SEPARATOR, MASK = range(5)
WORD_START = "▁"


def tokens() -> list[str]:
    """Special ones, every printable ASCII character at the start of a word and within one, and common words."""
    letters = [chr(c) for c in range(0x21, 0x7F) if not chr(c).isupper()]
    words = sorted({word for answer, questions in facts.FACTS for text in (answer, *questions)
                    for word in re.findall("[a-z]{2,}", text.lower())})
    return [*SPECIAL, *(WORD_START + letter for letter in letters), *letters, *(WORD_START + word for word in words)]


def settings(name: str, pooling: gguf.PoolingType) -> dict[str, Setting]:
    vocabulary = tokens()
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    return {
        "general.type": "model",
        "general.name": name,
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_F16),
        "bert.context_length": CONTEXT,
        "bert.embedding_length": WIDTH,
        "bert.block_count": LAYERS,
        "bert.feed_forward_length": INNER,
        "bert.attention.head_count": HEADS,
        "bert.attention.layer_norm_epsilon": 1e-6,
        "bert.attention.causal": False,
        "bert.pooling_type": int(pooling),
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": vocabulary,
        "tokenizer.ggml.token_type": [control if i < len(SPECIAL) else normal for i in range(len(vocabulary))],
        "tokenizer.ggml.token_type_count": 2,
        "tokenizer.ggml.unknown_token_id": UNKNOWN,
        "tokenizer.ggml.cls_token_id": START,
        "tokenizer.ggml.bos_token_id": START,
        "tokenizer.ggml.seperator_token_id": SEPARATOR,  # spelt so in GGUF
        "tokenizer.ggml.eos_token_id": SEPARATOR,
        "tokenizer.ggml.padding_token_id": PAD,
        "tokenizer.ggml.mask_token_id": MASK,
    }


def weights(random: np.random.Generator) -> dict[str, Tensor]:
    def normal(rows: int, columns: int, scale: float) -> np.ndarray:
        return (random.standard_normal((rows, columns), dtype=np.float32) * scale).astype(np.float16)

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}.weight": np.ones(WIDTH, np.float32), f"{name}.bias": np.zeros(WIDTH, np.float32)}

    tensors: dict[str, Tensor] = {
        "token_embd.weight": normal(len(tokens()), WIDTH, 1.0),
        "token_types.weight": normal(2, WIDTH, 0.01).astype(np.float32),
        "position_embd.weight": normal(CONTEXT, WIDTH, 0.05).astype(np.float32),
        **norm("token_embd_norm"),
    }
    for layer in range(LAYERS):
        for part, (rows, columns) in {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH),
                                      "attn_output": (WIDTH, WIDTH), "ffn_up": (INNER, WIDTH),
                                      "ffn_down": (WIDTH, INNER)}.items():
            tensors[f"blk.{layer}.{part}.weight"] = normal(rows, columns, 0.3 * columns ** -0.5)
            tensors[f"blk.{layer}.{part}.bias"] = np.zeros(rows, np.float32)
        tensors |= norm(f"blk.{layer}.attn_output_norm") | norm(f"blk.{layer}.layer_output_norm")
    return tensors


def write_embedding(path: Path, seed: int) -> Path:
    return gguf_file.write(path, "bert", settings("Rouse test embedding", gguf.PoolingType.MEAN),
                           weights(np.random.default_rng(seed)))


def write_reranker(path: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)
    tensors = weights(random)
    tensors["cls.weight"] = random.standard_normal((WIDTH, WIDTH), dtype=np.float32) * np.float32(WIDTH ** -0.5)
    tensors["cls.bias"] = np.zeros(WIDTH, np.float32)
    tensors["cls.output.weight"] = random.standard_normal((1, WIDTH), dtype=np.float32)
    tensors["cls.output.bias"] = np.zeros(1, np.float32)
    return gguf_file.write(path, "bert", settings("Rouse test reranker", gguf.PoolingType.RANK), tensors)
