"""One run of DiLoCo on the character model: inner steps by model.py, everything else by the specification."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from corpus import everything, top_level
from model import Inner, Shape, validation
from numpy.typing import NDArray

from cupel.protocol.spec.collective.gossip import spread
from cupel.protocol.spec.collective.topology import Kind, draw
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.inner import AdamW
from cupel.protocol.spec.diloco.outer import WEIGHT_FRACTION_BITS, OuterState
from cupel.protocol.spec.diloco.reference import (
    Plan,
    close_round,
    gossip_step,
    mean_weights,
    rebased,
    send,
    start,
    weights_of,
)
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Aggregation

WORKERS, BATCH = 8, 2
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Setting:
    """What all rows of a table share."""

    name: str
    text: str
    """What the corpus is, in words."""
    shape: Shape
    rate: float
    steps: int
    corpus: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    validation_windows: int = 1024
    device: str = "cpu"

    @property
    def file(self) -> str:
        """Of the runs."""
        return "diloco.jsonl" if self.name == "small" else f"diloco_{self.name}.jsonl"


_TINY, _LIBRARY = Shape(32, 32, 2, 2, 96), "the standard library's source text"
_ALL = "the source of Python and its installed packages"
SMALL = Setting("small", _LIBRARY, _TINY, 4e-3, 4000, top_level)
LONG = Setting("long", _LIBRARY, _TINY, 4e-3, 8000, top_level)
LARGE = Setting(
    "large", _ALL, Shape(256, 256, 4, 6, 1024, warm_up=200, half=True), 1e-3, 8000, everything, 4096
)


@dataclass(frozen=True)
class Config:
    """A row of the table."""

    name: str
    inner_steps: int = 0
    """H; 0 for training without an outer step: one worker, or synchronous data parallel."""
    workers: int = WORKERS
    learning_rate: tuple[int, int] = (7, 10)
    momentum: tuple[int, int] = (9, 10)
    codec: str = "float32"
    drop_percent: int = 0
    topology: str = "full"
    overlap: int = 0
    """Inner steps of a round that are done before its version is there."""
    batch: int = BATCH
    """Windows of `context` characters a worker sees in each inner step."""


@dataclass(frozen=True)
class Result:
    """What a run gave."""

    loss: float
    """Nats a character on held-out text, of the canonical version (of the consensus, with neighbours only)."""
    rounds: int
    bytes_per_worker: float
    """Sent by each worker over the whole run; downloads and relays are not counted."""
    spread: float
    """Between replicas at the end, before the consensus; 0 where all hold the same."""
    cpu_seconds: float


class Data:
    """Windows of training text: every worker draws its own, the same ones in every run of a seed."""

    def __init__(self, training: NDArray[np.uint8], seed: int, config: Config, context: int) -> None:
        self._text, self._batch, self._context = training, config.batch, context
        self._random = [np.random.default_rng([seed, worker]) for worker in range(config.workers)]

    def windows(self) -> torch.Tensor:
        """int64 [workers, batch, context + 1]."""
        limit = len(self._text) - self._context - 1
        starts = np.stack([random.integers(0, limit, self._batch) for random in self._random])
        return torch.from_numpy(self._text[starts[..., None] + np.arange(self._context + 1)].astype(np.int64))


def run(config: Config, seed: int, setting: Setting) -> Result:
    """Train `setting.steps` inner steps a worker."""
    began = time.process_time()
    training, held_out = setting.corpus()
    data = Data(training, seed, config, setting.shape.context)
    if config.inner_steps == 0:
        weights, rounds, sent, apart = _without_rounds(config, data, seed, setting)
    elif config.topology == "full":
        weights, rounds, sent, apart = _with_everybody(config, data, seed, setting)
    else:
        weights, rounds, sent, apart = _with_neighbours(config, data, seed, setting)
    loss = validation(setting.shape, weights, held_out, setting.device, setting.validation_windows)
    return Result(loss, rounds, sent, apart, time.process_time() - began)


# Weights at the end, outer rounds, bytes sent by each worker, and how far replicas are apart.
_Outcome = tuple[NDArray[np.float32], int, float, float]


def _without_rounds(config: Config, data: Data, seed: int, setting: Setting) -> _Outcome:
    shape, steps = setting.shape, setting.steps
    inner = Inner(shape, 1, steps, setting.rate, setting.device)
    # All workers' windows are one worker's larger batch: the mean of their gradients, in every step.
    windows = (data.windows().reshape(1, -1, shape.context + 1) for _ in range(steps))
    weights = np.ascontiguousarray(inner.train(shape.initial(seed)[None], windows)[0])
    return weights, 0, FLOAT_BYTES * shape.parameters * steps if config.workers > 1 else 0, 0.0


def _with_everybody(config: Config, data: Data, seed: int, setting: Setting) -> _Outcome:
    codec = None if config.codec == "float32" else get_codec(config.codec)
    plan = Plan(AdamW(setting.rate), _aggregation(config), codec, overlap=config.overlap)
    state = start(_canonical(setting.shape.initial(seed)), config.workers)
    inner, drops = _inner(config, setting), np.random.default_rng([seed, config.workers])
    lengths, ended = _lengths(setting.steps, config.inner_steps), None
    with ThreadPoolExecutor() as threads:
        for length in lengths:
            canonical = weights_of(state.canonical)
            begins, early = np.stack(config.workers * [canonical]), 0
            if ended is not None and (early := min(plan.overlap, length)):
                ahead = inner.train(ended, (data.windows() for _ in range(early)))
                begins = rebased(canonical, ended, ahead)
            ended = inner.train(begins, (data.windows() for _ in range(length - early)))
            canonicals, plans = config.workers * [canonical], config.workers * [plan]
            pairs = list(threads.map(send, state.nodes, canonicals, ended, plans))
            counted = [
                worker for worker in range(config.workers) if drops.integers(100) >= config.drop_percent
            ]
            nodes, updates = [node for node, _ in pairs], [update for _, update in pairs]
            state = close_round(state, nodes, updates, counted, plan)
    parameters = setting.shape.parameters
    size = codec.num_bytes(parameters) if codec else FLOAT_BYTES * parameters
    return weights_of(state.canonical), len(lengths), size * len(lengths), 0.0


def _with_neighbours(config: Config, data: Data, seed: int, setting: Setting) -> _Outcome:
    roster = [f"0x{worker:040x}" for worker in range(1, config.workers + 1)]
    states, inner = config.workers * [_canonical(setting.shape.initial(seed))], _inner(config, setting)
    lengths, edges = _lengths(setting.steps, config.inner_steps), 0
    for index, length in enumerate(lengths):
        topology = draw(Kind(config.topology), roster, keccak256(bytes([seed]) + index.to_bytes(4, "big")))
        begins = np.stack([weights_of(state) for state in states])
        trained = inner.train(begins, (data.windows() for _ in range(length)))
        states = gossip_step(states, list(trained), topology, _aggregation(config))
        edges += 2 * len(topology.edges)
    apart = spread(np.stack([state.weights.astype(np.int64) for state in states]))
    sent = FLOAT_BYTES * setting.shape.parameters * edges / config.workers
    return weights_of(mean_weights(states)), len(lengths), sent, apart


def _inner(config: Config, setting: Setting) -> Inner:
    return Inner(setting.shape, config.workers, setting.steps, setting.rate, setting.device)


def _canonical(weights: NDArray[np.float32]) -> OuterState:
    fixed = np.rint(np.ldexp(weights, WEIGHT_FRACTION_BITS)).astype(np.int32)
    return OuterState(fixed, np.zeros(len(weights), np.int64))


def _aggregation(config: Config) -> Aggregation:
    return Aggregation(*config.learning_rate, *config.momentum)


def _lengths(steps: int, inner_steps: int) -> list[int]:
    """Inner steps of every round; the last may be shorter."""
    return [min(inner_steps, steps - done) for done in range(0, steps, inner_steps)]
