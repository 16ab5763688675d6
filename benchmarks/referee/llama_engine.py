"""A Llama- and Qwen-style decoder in plain PyTorch, random weights on the canonical grid: an engine to measure with."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.llama import LlamaShape


def random_tensors(shape: LlamaShape, vocabulary: int, seed: int) -> dict[str, Integers]:
    """Weights as Hugging Face initialises them (deviation 0.02), as canonical integers; biases as Qwen's, random."""
    generator = np.random.default_rng(seed)
    inner, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    sizes = {"model.embed_tokens.weight": (vocabulary, shape.width), "model.norm.weight": (shape.width,)}
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        for name, rows in (("q", inner), ("k", keys), ("v", keys)):
            sizes[f"{prefix}self_attn.{name}_proj.weight"] = (rows, shape.width)
            sizes[f"{prefix}self_attn.{name}_proj.bias"] = (rows,)
        sizes[prefix + "self_attn.o_proj.weight"] = (shape.width, inner)
        for name in ("gate", "up"):
            sizes[f"{prefix}mlp.{name}_proj.weight"] = (shape.feed_forward, shape.width)
        sizes[prefix + "mlp.down_proj.weight"] = (shape.width, shape.feed_forward)
        for name in ("input_layernorm", "post_attention_layernorm"):
            sizes[f"{prefix}{name}.weight"] = (shape.width,)
    return {
        name: np.round((name.endswith("norm.weight") + generator.normal(0, 0.02, size)) * 2**20).astype(
            np.int64
        )
        for name, size in sizes.items()
    }


def to_torch(
    tensors: dict[str, Integers], dtype: torch.dtype, device: str = "cpu"
) -> dict[str, torch.Tensor]:
    """The weights in an engine's number format."""
    return {name: torch.from_numpy(value / 2.0**20).to(device, dtype) for name, value in tensors.items()}


@torch.inference_mode()
def engine_states(shape: LlamaShape, weights: dict[str, torch.Tensor], tokens: Integers) -> torch.Tensor:
    """Final-norm states of one sequence [T], float32 [T, width], computed in the weights' format on their device."""
    embedding = weights["model.embed_tokens.weight"]
    stream = embedding[torch.from_numpy(tokens).to(embedding.device)]
    pairs = shape.head_width // 2
    powers = torch.arange(pairs, dtype=torch.float64) / pairs
    angles = torch.arange(len(tokens), dtype=torch.float64)[:, None] * shape.rotary_base**-powers
    turns = torch.cat((angles, angles), dim=1)
    cosines, sines = turns.cos().to(stream), turns.sin().to(stream)
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        stream = stream + _attention(shape, weights, prefix, stream, cosines, sines)
        normed = _norm(shape, stream, weights[prefix + "post_attention_layernorm.weight"])
        gates = functional.silu(normed @ weights[prefix + "mlp.gate_proj.weight"].T)
        fed = gates * (normed @ weights[prefix + "mlp.up_proj.weight"].T)
        stream = stream + fed @ weights[prefix + "mlp.down_proj.weight"].T
    return _norm(shape, stream, weights["model.norm.weight"]).float().cpu()


def _norm(shape: LlamaShape, stream: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    wide = stream if stream.dtype == torch.float64 else stream.float()
    inverse = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + shape.epsilon_billionths / 1e9)
    return (wide * inverse).to(stream.dtype) * scale


def _attention(
    shape: LlamaShape,
    weights: dict[str, torch.Tensor],
    prefix: str,
    stream: torch.Tensor,
    cosines: torch.Tensor,
    sines: torch.Tensor,
) -> torch.Tensor:
    normed = _norm(shape, stream, weights[prefix + "input_layernorm.weight"])
    query, keys, values = (
        functional.linear(
            normed,
            weights[f"{prefix}self_attn.{name}_proj.weight"],
            weights[f"{prefix}self_attn.{name}_proj.bias"],
        )
        .view(len(stream), -1, shape.head_width)
        .transpose(0, 1)
        for name in "qkv"
    )
    query, keys = _turn(query, cosines, sines), _turn(keys, cosines, sines)
    group = shape.heads // shape.key_heads
    keys, values = keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0)
    read = functional.scaled_dot_product_attention(query, keys, values, is_causal=True)
    mixed = read.transpose(0, 1).reshape(len(stream), -1)
    return mixed @ weights[prefix + "self_attn.o_proj.weight"].T


def _turn(values: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    first, second = values.chunk(2, dim=-1)
    return values * cosines + torch.cat((-second, first), dim=-1) * sines
