"""The demo model as a torch module: a Llama, in the order and the names in which GGUF wants its tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    layers: int = 4
    width: int = 128
    heads: int = 4
    inner: int = 384
    context: int = 1024
    rope_base: float = 10000.0
    epsilon: float = 1e-5


def rotate(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Llama's rotary positions on neighbouring pairs, as GGUF's llama has them."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * angles[:x.shape[-2]]).flatten(-2)


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        self.attn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (
            nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))
        self.ffn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.ffn_gate = nn.Linear(shape.width, shape.inner, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.inner, bias=False)
        self.ffn_down = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
        def heads(y: torch.Tensor) -> torch.Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        y = self.attn_norm(x)
        q, k, v = heads(self.attn_q(y)), heads(self.attn_k(y)), heads(self.attn_v(y))
        # written out: Debian's torch has no fast kernel behind scaled_dot_product_attention
        scores = rotate(q, angles) @ rotate(k, angles).transpose(-1, -2) * q.shape[-1] ** -0.5
        future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        y = scores.masked_fill(future, -torch.inf).softmax(-1) @ v
        x = x + self.attn_output(y.transpose(1, 2).flatten(-2))
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Llama(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.output = nn.Linear(shape.width, shape.vocabulary, bias=False)
        size = shape.width // shape.heads
        frequencies = shape.rope_base ** (-torch.arange(0, size, 2).float() / size)
        turns = torch.outer(torch.arange(shape.context).float(), frequencies)
        self.register_buffer("angles", torch.polar(torch.ones_like(turns), turns), persistent=False)
        for name, weights in self.named_parameters():
            if weights.dim() == 2:
                deep = (2 * shape.layers) ** -0.5 if "attn_output" in name or "ffn_down" in name else 1.0
                nn.init.normal_(weights, std=0.04 * deep)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, self.angles)
        return self.output(self.output_norm(x))

    def tensors(self) -> dict[str, np.ndarray]:
        """By GGUF name: matrices in half precision, norms in single."""
        return {name: weights.detach().numpy().astype(np.float16 if weights.dim() == 2 else np.float32)
                for name, weights in self.named_parameters()}
