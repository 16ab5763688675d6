"""The forward pass against float64, and the trace's bytes."""

import numpy as np
import pytest

from cupel.protocol.spec.referee import llama, tiny
from cupel.protocol.spec.referee.fixed import Integers
from cupel.protocol.spec.referee.growth import growth
from cupel.protocol.spec.referee.llama import LlamaShape
from cupel.protocol.spec.referee.trace import Commitment, Kind, Silent
from cupel.protocol.spec.task import ModelShape

TINY = ModelShape("cupel/tiny-transformer-v1", 16, 2, 16, 2, 24, 12)
LLAMA = LlamaShape(2, 32, 4, 2, 8, 48, 10_000, 1000)
TOKENS = np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.int64)


class Counter(Silent):
    """Counts rows and the entries that are not statistics."""

    def __init__(self) -> None:
        self.count = self.entries = 0

    def rows(self, kind: Kind, values: Integers) -> None:
        self.count += len(values)
        self.entries += values.size

    def statistics(self, kind: Kind, rows: object) -> None:
        self.count += len(rows)  # type: ignore[arg-type]  # a list, as the listener is given


def tiny_tensors(seed: int) -> dict[str, Integers]:
    torch = pytest.importorskip("torch")
    from cupel.protocol.model.tiny import TinyPolicy, initialise

    policy = TinyPolicy(TINY)
    initialise(policy, torch.Generator().manual_seed(seed))
    return {
        name: np.round(value.detach().double().numpy() * 2**20).astype(np.int64)
        for name, value in policy.named_parameters()
    }


def llama_tensors(seed: int) -> dict[str, Integers]:
    generator = np.random.default_rng(seed)
    sizes = {"model.embed_tokens.weight": (16, 32), "model.norm.weight": (32,)}
    for layer in range(2):
        prefix = f"model.layers.{layer}."
        sizes |= {
            prefix + "self_attn.q_proj.weight": (32, 32),
            prefix + "self_attn.q_proj.bias": (32,),
            prefix + "self_attn.k_proj.weight": (16, 32),
            prefix + "self_attn.v_proj.weight": (16, 32),
            prefix + "self_attn.o_proj.weight": (32, 32),
            prefix + "mlp.gate_proj.weight": (48, 32),
            prefix + "mlp.up_proj.weight": (48, 32),
            prefix + "mlp.down_proj.weight": (32, 48),
            prefix + "input_layernorm.weight": (32,),
            prefix + "post_attention_layernorm.weight": (32,),
        }
    return {name: generator.integers(-(2**18), 2**18, size) for name, size in sizes.items()}


def test_tiny_is_as_near_to_float64_as_float32_is() -> None:
    torch = pytest.importorskip("torch")
    from cupel.protocol.model.tiny import TinyPolicy

    tensors = tiny_tensors(0)
    policy = TinyPolicy(TINY)
    policy.load_state_dict({name: torch.from_numpy(value / 2.0**20) for name, value in tensors.items()})
    with torch.inference_mode():
        exact = policy.double()(torch.from_numpy(TOKENS)[None])[0].numpy()
    states = tiny.hidden_states(TINY, tensors, TOKENS, Silent())
    assert np.abs(states / 2**24 - exact).max() < 5e-6


@pytest.mark.parametrize("extra", [1, 3])
def test_a_longer_text_changes_no_earlier_state(extra: int) -> None:
    tensors = llama_tensors(1)
    short = llama.hidden_states(LLAMA, tensors, TOKENS[:-extra], Silent())
    whole = llama.hidden_states(LLAMA, tensors, TOKENS, Silent())
    assert np.array_equal(short, whole[:-extra])


def test_growth_counts_what_a_trace_holds() -> None:
    counter = Counter()
    llama.hidden_states(LLAMA, llama_tensors(2), TOKENS, counter)
    counted = growth(LLAMA, len(TOKENS))
    assert (counter.count, counter.entries) == (counted.rows, counted.entries)


def test_order_of_columns_and_memory_layout_change_no_byte() -> None:
    tensors = llama_tensors(3)
    roots = []
    for order in ("C", "F"):
        commitment = Commitment()
        laid = {name: np.array(value, order=order) for name, value in tensors.items()}  # type: ignore[call-overload]
        llama.hidden_states(LLAMA, laid, TOKENS, commitment)
        roots.append((commitment.count, commitment.root()))
    assert roots[0] == roots[1]


def test_one_unit_of_one_weight_changes_the_root() -> None:
    tensors = llama_tensors(4)
    first, second = Commitment(), Commitment()
    llama.hidden_states(LLAMA, tensors, TOKENS, first)
    tensors["model.norm.weight"][31] += 1
    llama.hidden_states(LLAMA, tensors, TOKENS, second)
    assert first.root() != second.root()
