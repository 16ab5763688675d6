"""What a run of the demo is asked to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cupel.devnet.presets import FAST, FULL, NUM_VERIFIERS, Preset
from cupel.devnet.story.state import DemoState, Lie, NodeState, VerifierState
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings

_LEAST_NODES: Final = 3
_MOST_NODES: Final = 16
_LEAST_ROUNDS: Final = 3
# The hub keeps 64 unpaid commitments a node, posted checkpoints included.
_MOST_ROUNDS: Final = 60
CANARY: Final = "canary"
"""The attack that is no attack: a node that lies now and then by its own settings, so that verifiers earn."""
CANARY_ONE_IN: Final = 2
_KILL_FORM: Final = re.compile(r"(\d+)@(\d+)")


@dataclass(frozen=True, slots=True)
class Kill:
    """A power cut on purpose."""

    node: str
    round: int


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """A validated run."""

    preset: Preset
    num_nodes: int
    rounds: int
    seed: int
    rpc_port: int
    kill: Kill | None
    folder: Path | None
    """Where to keep the run; a new folder below runs/ if None."""
    keep: bool
    """Whether the processes' data and keys stay after the run."""
    attacks: tuple[str, ...] = tuple(Lie)
    """How the last nodes lie, one each."""
    verifier_attacks: tuple[str, ...] = ()
    """How further verifiers lie, one each."""
    mishaps: bool = False
    """Whether honest processes lose power or stand still, and blocks are taken back, at times drawn from the seed."""
    attestations: int = 0
    """Verifiers whose word every node waits for before it builds on work that is not final."""
    behind_nat: str | None = None
    """The node that accepts no connections, if one does not."""
    traces: str = ""
    """URL of the collector that everybody's traces go to; empty: nowhere."""

    @property
    def node_names(self) -> tuple[str, ...]:
        """`node-1` and so on."""
        return tuple(f"node-{number}" for number in range(1, self.num_nodes + 1))

    @property
    def verifier_names(self) -> tuple[str, ...]:
        """`verifier-1` and so on; those that lie are the last."""
        count = NUM_VERIFIERS + len(self.verifier_attacks)
        return tuple(f"verifier-{number}" for number in range(1, count + 1))

    @property
    def participants(self) -> tuple[str, ...]:
        """Nodes, then verifiers."""
        return (*self.node_names, *self.verifier_names)

    @property
    def lies(self) -> dict[str, str]:
        """The last nodes lie, each in its own way."""
        return dict(zip(self.node_names[self.num_nodes - len(self.attacks) :], self.attacks, strict=True))

    @property
    def verifier_lies(self) -> dict[str, str]:
        """The last verifiers lie, if any do."""
        return dict(zip(self.verifier_names[NUM_VERIFIERS:], self.verifier_attacks, strict=True))

    def choices(self, name: str, verifiers: Mapping[str, str]) -> dict[str, Any]:
        """Settings that a process has of its own. verifiers: addresses of the honest ones, by name."""
        made: dict[str, Any] = {}
        if self.traces:
            made["traces"] = self.traces
        if self.lies.get(name) == CANARY:
            made["canary_one_in"] = CANARY_ONE_IN
        if name == self.behind_nat:
            made["inbound"] = "no"
        if name in self.node_names and self.attestations:
            made |= {"attestations": self.attestations, "attesters": ",".join(verifiers.values())}
        return made

    @property
    def honest_nodes(self) -> tuple[str, ...]:
        """Those that do not lie."""
        return tuple(name for name in self.node_names if name not in self.lies)

    @property
    def honest_verifiers(self) -> tuple[str, ...]:
        """Those that do not lie."""
        return self.verifier_names[:NUM_VERIFIERS]

    def first_state(self, accounts: dict[str, str], now_ms: int) -> DemoState:
        """The demo before anything happened. `accounts` are addresses by process name."""
        nodes = {name: NodeState(name, accounts[name], self.lies.get(name)) for name in self.node_names}
        verifiers = {name: VerifierState(name, accounts[name]) for name in self.verifier_names}
        return DemoState(now_ms, MappingProxyType(nodes), MappingProxyType(verifiers), now_ms=now_ms)


def make_options(
    *,
    fast: bool,
    nodes: int,
    rounds: int | None,
    seed: int,
    rpc_port: int,
    kill_node: str | None,
    nat_node: int | None,
    run_dir: Path | None,
    keep: bool,
    traces: str | None,
) -> DemoOptions:
    """Check the command line's values. ConfigError for what cannot work."""
    preset = FAST if fast else FULL
    rounds = preset.rounds if rounds is None else rounds
    if not _LEAST_NODES <= nodes <= _MOST_NODES:
        remedy = f"Use {_LEAST_NODES} to {_MOST_NODES}: two of them lie"
        raise ConfigError("nodes", f"{nodes} is not possible", remedy)
    if not _LEAST_ROUNDS <= rounds <= _MOST_ROUNDS:
        raise ConfigError("rounds", f"{rounds} is not possible", f"Use {_LEAST_ROUNDS} to {_MOST_ROUNDS}")
    if not 0 <= seed < 2**32:
        raise ConfigError("seed", f"{seed} is not possible", "Use 0 to 4294967295")
    kill = None if kill_node is None else _parse_kill(kill_node, nodes, rounds)
    if nat_node is not None and not 1 <= nat_node <= nodes:
        raise ConfigError("nat-node", f"there is no node {nat_node}", f"Choose 1 to {nodes}")
    behind_nat = None if nat_node is None else f"node-{nat_node}"
    collector = load_settings(None, {"traces": traces or ""}, {}).traces
    return DemoOptions(
        preset, nodes, rounds, seed, rpc_port, kill, run_dir, keep, behind_nat=behind_nat, traces=collector
    )


def _parse_kill(text: str, nodes: int, rounds: int) -> Kill:
    match = _KILL_FORM.fullmatch(text)
    if match is None:
        raise ConfigError("kill-node", f"{text!r} is not of the form I@ROUND", "For example --kill-node 2@3")
    number, round_index = int(match[1]), int(match[2])
    honest = nodes - len(Lie)
    if not 1 <= number <= honest:
        raise ConfigError("kill-node", f"node {number} is not an honest one", f"Choose 1 to {honest}")
    if honest == 1:
        raise ConfigError("kill-node", "no honest node would be left to be paid", "Use --nodes 4 or more")
    if round_index >= rounds:
        raise ConfigError("kill-node", f"there is no round {round_index}", f"Choose 0 to {rounds - 1}")
    return Kill(f"node-{number}", round_index)
