"""A Llama- or Qwen-style decoder on the referee's integers: RMS norm, rotary positions, grouped queries, SwiGLU.

Tensors carry the names of Hugging Face's layout; biases of the query, key and value maps (Qwen) are used if present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cupel.protocol.spec.referee.fixed import Integers, widen
from cupel.protocol.spec.referee.operators import Norm, add, attend, epsilon_units, gate, linear, normalise
from cupel.protocol.spec.referee.rotary import rotate, table
from cupel.protocol.spec.referee.trace import Kind, Listener

Tensors = Mapping[str, Integers]


@dataclass(frozen=True, slots=True)
class LlamaShape:
    """Sizes of a decoder; head_width is even, heads a multiple of key_heads."""

    layers: int
    width: int
    heads: int
    key_heads: int
    head_width: int
    feed_forward: int
    rotary_base: int
    epsilon_billionths: int


def hidden_states(shape: LlamaShape, tensors: Tensors, tokens: Integers, listener: Listener) -> Integers:
    """Final-norm states of one sequence of tokens [T]: activations [T, width]."""
    stream = widen(tensors["model.embed_tokens.weight"][tokens])
    listener.rows(Kind.EMBED, stream)
    turns = table(len(tokens), shape.head_width // 2, shape.rotary_base)
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        stream = _attention(shape, tensors, prefix, stream, turns, listener)
        stream = _feed(shape, tensors, prefix, stream, listener)
    return normalise(stream, _norm(shape, tensors, "model.norm.weight"), listener)


def _attention(
    shape: LlamaShape,
    tensors: Tensors,
    prefix: str,
    stream: Integers,
    turns: tuple[Integers, Integers],
    listener: Listener,
) -> Integers:
    normed = normalise(stream, _norm(shape, tensors, prefix + "input_layernorm.weight"), listener)
    query, keys, values = (
        linear(
            normed,
            tensors[f"{prefix}self_attn.{name}_proj.weight"],
            tensors.get(f"{prefix}self_attn.{name}_proj.bias"),
            listener,
        )
        for name in "qkv"
    )
    queries, turned = _turn(shape, query, turns, listener), _turn(shape, keys, turns, listener)
    group = shape.heads // shape.key_heads
    read = [
        attend(queries[head], turned[head // group], _head(shape, values, head // group), listener)
        for head in range(shape.heads)
    ]
    out = linear(np.concatenate(read, axis=1), tensors[prefix + "self_attn.o_proj.weight"], None, listener)
    return add(stream, out, listener)


def _turn(
    shape: LlamaShape, values: Integers, turns: tuple[Integers, Integers], listener: Listener
) -> list[Integers]:
    turned = [
        rotate(_head(shape, values, head), *turns) for head in range(values.shape[1] // shape.head_width)
    ]
    listener.rows(Kind.ROTATE, np.concatenate(turned, axis=1))
    return turned


def _feed(shape: LlamaShape, tensors: Tensors, prefix: str, stream: Integers, listener: Listener) -> Integers:
    normed = normalise(stream, _norm(shape, tensors, prefix + "post_attention_layernorm.weight"), listener)
    gates = linear(normed, tensors[prefix + "mlp.gate_proj.weight"], None, listener)
    values = linear(normed, tensors[prefix + "mlp.up_proj.weight"], None, listener)
    fed = gate(gates, values, listener)
    return add(stream, linear(fed, tensors[prefix + "mlp.down_proj.weight"], None, listener), listener)


def _head(shape: LlamaShape, values: Integers, head: int) -> Integers:
    return values[:, head * shape.head_width : (head + 1) * shape.head_width]


def _norm(shape: LlamaShape, tensors: Tensors, name: str) -> Norm:
    return Norm(tensors[name], epsilon_units(shape.epsilon_billionths))
