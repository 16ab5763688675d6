"""Causal language models of Hugging Face's `transformers`, as policies: architecture `transformers/TYPE`.

TYPE is one of the package's own model types, such as `llama` or `qwen2`; no code comes from a hub. Computation is
float32, so that canonical weights load without rounding. Rotary tables and the like are the package's business: they
follow from the configuration.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor

from cupel.protocol.config import ConfigError
from cupel.protocol.model.layout import Layout
from cupel.protocol.model.policy import Cache, Places, Policy
from cupel.protocol.spec.encoding import parse_canonical_json
from cupel.protocol.spec.environment_ref import MAX_ARGUMENT_BYTES
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.manifest import TensorShape
from cupel.protocol.spec.task import ModelShape

PREFIX: Final = "transformers/"
TYPES: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose base model ends with the final norm, and whose scores are one linear map of its states."""
OPTIONS: Final = frozenset(
    {
        *("num_key_value_heads", "head_dim", "tie_word_embeddings", "attention_bias", "mlp_bias"),
        *("use_sliding_window", "sliding_window", "max_window_layers", "rope_theta"),
    }
)
"""What `model.options` may set beyond the shape. Everything else keeps the package's default."""
# A task's document is a stranger's: bounds what building its model may cost.
MAX_DIMENSION: Final = 1 << 16
MAX_VOCABULARY: Final = 1 << 20
_WORD_IDS: Final = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))


class TransformersCache:
    """Satisfies `Cache`."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    @property
    def length(self) -> int:
        """Tokens seen so far."""
        return int(self.cache.get_seq_length())

    def select(self, rows: Tensor) -> TransformersCache:
        """A cache whose row i is this one's row rows[i]."""
        chosen = copy.deepcopy(self.cache)
        chosen.batch_select_indices(rows)
        return TransformersCache(chosen)


class TransformersPolicy(Policy):
    """A model of the package. Rejected(TASK_SPEC) as `check_transformers`, ConfigError if it is not installed."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = _build(shape)

    def new_cache(self) -> TransformersCache:
        """See `Policy.new_cache`."""
        return TransformersCache(_transformers().DynamicCache(config=self.model.config))

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """See `Policy.forward`."""
        start = 0 if cache is None else cache.length
        count = tokens.shape[1]
        assert start == 0 or count == 1, "several tokens need an empty cache"
        assert start + count <= self.shape.positions, (
            f"{start + count} tokens, {self.shape.positions} positions"
        )
        assert cache is None or isinstance(cache, TransformersCache), "a cache of another engine"
        past = None if cache is None else cache.cache
        # By place: its name is another in releases before 5.24, which ignore names that they do not know.
        read = self.model.base_model(tokens, None, None, past, use_cache=cache is not None)
        hidden: Tensor = read.last_hidden_state
        return hidden

    def packed(self, tokens: Tensor, places: Places) -> Tensor:
        """See `Policy.packed`."""
        read = self.model.base_model(
            input_ids=tokens,
            position_ids=places.positions,
            attention_mask=places.visible[:, None],
            use_cache=False,
        )
        hidden: Tensor = read.last_hidden_state
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """See `Policy.logits`."""
        scores: Tensor = self.model.get_output_embeddings()(hidden)
        return scores


def check_transformers(shape: ModelShape) -> None:
    """Rejected(TASK_SPEC) unless `shape` is a model of sane size that this engine builds."""
    kind = shape.architecture.removeprefix(PREFIX)
    if kind not in TYPES:
        raise Rejected(Reason.TASK_SPEC, f"model type {kind!r} is not one of {', '.join(TYPES)}")
    for name in ("vocabulary", "layers", "width", "heads", "feed_forward", "positions"):
        most = MAX_VOCABULARY if name in ("vocabulary", "positions") else MAX_DIMENSION
        if not 1 <= getattr(shape, name) <= most:
            raise Rejected(Reason.TASK_SPEC, f"model {name} {getattr(shape, name)}, 1 to {most} allowed")
    options = _options(shape)
    for name, value in options.items():
        if name not in OPTIONS or not isinstance(value, int) or not 0 <= value <= MAX_VOCABULARY * 1000:
            known = ", ".join(sorted(OPTIONS))
            raise Rejected(Reason.TASK_SPEC, f"model.options: {name} = {value!r}; whole numbers for {known}")
    groups = options.get("num_key_value_heads", shape.heads)
    if (shape.width % shape.heads and "head_dim" not in options) or not groups or shape.heads % groups:
        raise Rejected(Reason.TASK_SPEC, "model width, heads and num_key_value_heads do not divide")


def head_channels(shape: ModelShape) -> int:
    """Channels of each attention head of a shape that `check_transformers` lets pass."""
    return int(_options(shape).get("head_dim", shape.width // shape.heads))


@lru_cache(8)
def transformers_layout(shape: ModelShape) -> Layout:
    """The model's own parameters, tied ones once, without making them."""
    with torch.device("meta"):
        policy = TransformersPolicy(shape)
    shapes = {name: tuple(parameter.shape) for name, parameter in policy.named_parameters()}
    return Layout(tuple(TensorShape(name, shapes[name]) for name in sorted(shapes)))


def _build(shape: ModelShape) -> Any:
    check_transformers(shape)
    package = _transformers()
    config = package.AutoConfig.for_model(
        shape.architecture.removeprefix(PREFIX),
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.positions,
        # The package's defaults are those of one size of each type.
        **{"num_key_value_heads": shape.heads, "head_dim": head_channels(shape), **_options(shape)},
        # Ends and paddings are the environment's; the model's own would name words it may not have.
        **_WORD_IDS,
    )
    return package.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)


def _options(shape: ModelShape) -> dict[str, Any]:
    if not shape.options:
        return {}
    try:
        return parse_canonical_json(shape.options.encode(), MAX_ARGUMENT_BYTES)
    except Rejected as rejected:
        detail = f"model.options is a JSON object, keys sorted, no spaces: {rejected.detail}"
        raise Rejected(Reason.TASK_SPEC, detail) from rejected


def _transformers() -> Any:
    # Two seconds and two hundred megabytes, which only tasks with such a model need.
    try:
        import transformers
    except ImportError:
        remedy = 'Run: pip install "cupel[transformers]"'
        raise ConfigError("model.architecture", "the package transformers is not installed", remedy) from None
    return transformers
