"""One run of DiLoCo on the character model: inner steps by model.py, everything else by the specification."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from model import CONTEXT, PARAMETERS, Inner, initial, text, validation
from numpy.typing import NDArray

from cupel.protocol.spec.collective.gossip import spread
from cupel.protocol.spec.collective.topology import Kind, draw
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.inner import AdamW
from cupel.protocol.spec.diloco.outer import WEIGHT_FRACTION_BITS, OuterState
from cupel.protocol.spec.diloco.reference import (
    Plan,
    begin_of,
    close_round,
    finish,
    gossip_step,
    mean_weights,
    send,
    start,
    weights_of,
)
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Aggregation

WORKERS, BATCH, RATE = 8, 2, 4e-3
FLOAT_BYTES = 4


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
    delayed: bool = False
    batch: int = BATCH
    """Windows of 32 characters a worker sees in each inner step."""


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

    def __init__(self, training: NDArray[np.int64], seed: int, config: Config) -> None:
        self._text, self._batch = training, config.batch
        self._random = [np.random.default_rng([seed, worker]) for worker in range(config.workers)]

    def windows(self) -> torch.Tensor:
        """int64 [workers, batch, CONTEXT + 1]."""
        limit = len(self._text) - CONTEXT - 1
        starts = np.stack([random.integers(0, limit, self._batch) for random in self._random])
        return torch.from_numpy(self._text[starts[..., None] + np.arange(CONTEXT + 1)])


def run(config: Config, seed: int, steps: int) -> Result:
    """Train `steps` inner steps a worker."""
    began = time.process_time()
    training, held_out = text()
    data = Data(training, seed, config)
    if config.inner_steps == 0:
        weights = _without_rounds(config, data, initial(seed), steps)
        sent = FLOAT_BYTES * PARAMETERS * steps if config.workers > 1 else 0
        result = Result(validation(weights, held_out), 0, sent, 0.0, 0.0)
    elif config.topology == "full":
        result = _with_everybody(config, data, held_out, seed, steps)
    else:
        result = _with_neighbours(config, data, held_out, seed, steps)
    return Result(
        result.loss, result.rounds, result.bytes_per_worker, result.spread, time.process_time() - began
    )


def _without_rounds(
    config: Config, data: Data, weights: NDArray[np.float32], steps: int
) -> NDArray[np.float32]:
    inner, row = Inner(1, steps, RATE), torch.from_numpy(weights)[None]
    for _ in range(steps):
        windows = data.windows()
        row = inner.step(row, windows.reshape(1, -1, CONTEXT + 1))
    return row[0].detach().numpy()


def _with_everybody(config: Config, data: Data, held_out: NDArray[np.int64], seed: int, steps: int) -> Result:
    codec = None if config.codec == "float32" else get_codec(config.codec)
    plan = Plan(AdamW(RATE), _aggregation(config), codec, delayed=config.delayed)
    state = start(_canonical(initial(seed)), config.workers)
    inner, drops = Inner(config.workers, steps, RATE), np.random.default_rng([seed, config.workers])
    lengths = _lengths(steps, config.inner_steps)
    for length in lengths:
        begins = [begin_of(node, state.canonical) for node in state.nodes]
        trained = _train(inner, data, np.stack(begins), length)
        pairs = [
            send(node, begin, own, plan)
            for node, begin, own in zip(state.nodes, begins, trained, strict=True)
        ]
        counted = [worker for worker in range(config.workers) if drops.integers(100) >= config.drop_percent]
        nodes, updates = [node for node, _ in pairs], [update for _, update in pairs]
        state = close_round(state, nodes, updates, counted, plan)
    size = codec.num_bytes(PARAMETERS) if codec else FLOAT_BYTES * PARAMETERS
    loss = validation(weights_of(finish(state, plan)), held_out)
    return Result(loss, len(lengths), size * len(lengths), 0.0, 0.0)


def _with_neighbours(
    config: Config, data: Data, held_out: NDArray[np.int64], seed: int, steps: int
) -> Result:
    roster = [f"0x{worker:040x}" for worker in range(1, config.workers + 1)]
    states, inner = config.workers * [_canonical(initial(seed))], Inner(config.workers, steps, RATE)
    lengths, edges = _lengths(steps, config.inner_steps), 0
    for index, length in enumerate(lengths):
        topology = draw(Kind(config.topology), roster, keccak256(bytes([seed]) + index.to_bytes(4, "big")))
        trained = _train(inner, data, np.stack([weights_of(state) for state in states]), length)
        states = gossip_step(states, list(trained), topology, _aggregation(config))
        edges += 2 * len(topology.edges)
    apart = spread(np.stack([state.weights.astype(np.int64) for state in states]))
    loss = validation(weights_of(mean_weights(states)), held_out)
    return Result(loss, len(lengths), FLOAT_BYTES * PARAMETERS * edges / config.workers, apart, 0.0)


def _train(inner: Inner, data: Data, begins: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    weights = torch.from_numpy(begins)
    for _ in range(length):
        weights = inner.step(weights, data.windows())
    return weights.detach().numpy()


def _canonical(weights: NDArray[np.float32]) -> OuterState:
    fixed = np.rint(np.ldexp(weights, WEIGHT_FRACTION_BITS)).astype(np.int32)
    return OuterState(fixed, np.zeros(len(weights), np.int64))


def _aggregation(config: Config) -> Aggregation:
    return Aggregation(*config.learning_rate, *config.momentum)


def _lengths(steps: int, inner_steps: int) -> list[int]:
    """Inner steps of every round; the last may be shorter."""
    return [min(inner_steps, steps - done) for done in range(0, steps, inner_steps)]
