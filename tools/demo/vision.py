"""A random image encoder (mmproj) for the random text model: what it sees changes what is said.

A two-layer ViT with a two-layer projector, of the kind that llama.cpp calls `janus_pro`: one size of image, one
token a patch, nothing to arrange.
"""

from pathlib import Path

import gguf
import numpy as np

from demo import gguf_file, random_text
from demo.gguf_file import Setting, Tensor

IMAGE, PATCH = 56, 14
WIDTH, LAYERS, INNER, HEADS = 64, 2, 128, 4
TEXT_WIDTH = random_text.WIDTH


def write_mmproj(path: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)

    def normal(*shape: int, scale: float) -> np.ndarray:
        return random.standard_normal(shape, dtype=np.float32) * np.float32(scale)

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}.weight": np.ones(WIDTH, np.float32), f"{name}.bias": np.zeros(WIDTH, np.float32)}

    patches = (IMAGE // PATCH) ** 2
    tensors: dict[str, Tensor] = {
        "v.patch_embd.weight": normal(WIDTH, 3, PATCH, PATCH, scale=(3 * PATCH * PATCH) ** -0.5),
        "v.patch_embd.bias": np.zeros(WIDTH, np.float32),
        "v.position_embd.weight": normal(patches, WIDTH, scale=0.3),
        **norm("v.post_ln"),
    }
    for layer in range(LAYERS):
        for part, (rows, columns) in {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH),
                                      "attn_out": (WIDTH, WIDTH), "ffn_up": (INNER, WIDTH),
                                      "ffn_down": (WIDTH, INNER)}.items():
            tensors[f"v.blk.{layer}.{part}.weight"] = normal(rows, columns, scale=columns ** -0.5).astype(np.float16)
            tensors[f"v.blk.{layer}.{part}.bias"] = np.zeros(rows, np.float32)
        tensors |= norm(f"v.blk.{layer}.ln1") | norm(f"v.blk.{layer}.ln2")
    into_text = normal(TEXT_WIDTH, TEXT_WIDTH, scale=2.0 * TEXT_WIDTH ** -0.5)
    constant = np.zeros(TEXT_WIDTH, np.float32)
    into_text[0], constant[0] = 0.0, random_text.CONSTANT  # as every token of the text model has it
    tensors |= {"mm.0.weight": normal(TEXT_WIDTH, WIDTH, scale=WIDTH ** -0.5).astype(np.float16),
                "mm.0.bias": np.zeros(TEXT_WIDTH, np.float32),
                "mm.1.weight": into_text.astype(np.float16), "mm.1.bias": constant}
    settings: dict[str, Setting] = {
        "general.type": "mmproj",
        "general.name": "Rouse test vision",
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_F16),
        "clip.has_vision_encoder": True,
        "clip.projector_type": "janus_pro",
        "clip.use_gelu": True,
        "clip.vision.image_size": IMAGE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.embedding_length": WIDTH,
        "clip.vision.feed_forward_length": INNER,
        "clip.vision.projection_dim": TEXT_WIDTH,
        "clip.vision.block_count": LAYERS,
        "clip.vision.attention.head_count": HEADS,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }
    return gguf_file.write(path, "clip", settings, tensors)
