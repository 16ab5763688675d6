"""The settings that every Cupel process needs: flag over environment over TOML file over default."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_utils.address import is_checksum_address

from cupel.protocol.config import ConfigError

_KINDS: Final[Mapping[type, str]] = {int: "whole number", str: "text"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the chain, the key, the data and the peers are."""

    rpc_url: str = "http://127.0.0.1:8545"
    """JSON-RPC endpoint of the chain."""
    rpc_witnesses: str = ""
    """Endpoints of other operators, separated by commas: asked when rpc_url is silent, and they confirm events."""
    max_fee_gwei: int = 0
    """The most that a transaction offers for a unit of gas, in gwei; 0 for any price."""
    chain_id: int = 31337
    """The chain the operator means; a node on another chain would sign for the wrong money."""
    deployment: str = "deployment.json"
    """File of contract addresses, as the deployment wrote it."""
    task: str = "newest"
    """Task id (0x...), or `newest`: the one that holds this key's stake, else the newest one of the hub."""
    keystore: str = ""
    """Ethereum keystore (v3) file of this process's hot key."""
    password_file: str = ""
    """File that holds the keystore's password."""
    owner: str = ""
    """Signer (JSON-RPC) of the account that stakes or pays: its URL, and # and the account if it has several."""
    data_dir: str = ".cupel"
    """Folder of blocks and the journal."""
    store: str = "files"
    """Where blocks are: `files` in data_dir, or `kubo:` and the address of an IPFS daemon's RPC."""
    listen_host: str = "127.0.0.1"
    """Address to listen on and to announce."""
    p2p_port: int = 0
    """libp2p port; 0 takes a free one."""
    http_port: int = 0
    """Block server port; 0 takes a free one."""
    inbound: str = "yes"
    """`no` accepts no connections: behind NAT, peers ask for blocks over the connections made from here."""
    metrics: str = ""
    """Address to serve Prometheus' metrics at, as 127.0.0.1:9464; empty: nowhere."""
    traces: str = ""
    """URL of the collector that OpenTelemetry traces go to, as http://127.0.0.1:4318; empty: nowhere."""
    engine: str = "torch"
    """What samples a node's completions, and recomputes a verifier's: `torch`, or `vllm` where it is installed."""
    tensorboard: str = ""
    """Folder that a node writes its metrics to for TensorBoard; empty: nowhere but its own file."""
    attestations: int = 0
    """Attesters that must have found nothing in the work a node builds on, before it is final; 0 asks nobody."""
    attesters: str = ""
    """Addresses of the verifiers whose attestations a node counts, with commas between."""
    release_signers: str = ""
    """Addresses of those whose releases of Cupel `cupel update` takes, with commas between; empty: nobody's."""
    release_quorum: int = 0
    """How many of them must have signed a release; 0 for all of them."""
    canary_one_in: int = 0
    """A node that lies on purpose in one of so many rounds, so that verifiers earn: it costs its stake. 0: never."""

    @property
    def trusted_attesters(self) -> frozenset[str]:
        """The attesters as checksum addresses. ConfigError if one is none, or if there are fewer than asked for."""
        named = _addresses("attesters", self.attesters)
        if self.attestations > len(named):
            problem = f"{self.attestations} attestations asked for, {len(named)} attesters named"
            raise ConfigError("attesters", problem, "Name more of them, or ask for fewer attestations")
        return named

    @property
    def trusted_releasers(self) -> tuple[frozenset[str], int]:
        """Whose signatures on a release count, as checksum addresses, and how many of them are needed, at least one.

        ConfigError if nobody is named, if one is no address, or if more are needed than named.
        """
        named = _addresses("release_signers", self.release_signers)
        if not named:
            remedy = (
                "Write the addresses of those you trust into your settings; Cupel trusts nobody by itself"
            )
            raise ConfigError("release_signers", "you trust nobody's releases", remedy)
        if self.release_quorum > len(named):
            problem = f"{self.release_quorum} signatures asked for, {len(named)} signers named"
            raise ConfigError("release_quorum", problem, "Name more signers, or ask for fewer of them")
        return named, self.release_quorum or len(named)


def _addresses(key: str, text: str) -> frozenset[str]:
    named = [part.strip() for part in text.split(",") if part.strip()]
    for part in named:
        if not is_checksum_address(part):
            raise ConfigError(key, f"{part!r} is no checksum address", "Correct it")
    return frozenset(named)


def load_settings(
    config_path: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from flags (`overrides`; None means not given), CUPEL_* variables, a TOML file and the defaults.

    ConfigError for an unreadable file, an unknown key (with the nearest known one) or a value of the wrong type.
    """
    return trace_settings(config_path, overrides, environment)[0]


def trace_settings(
    config_path: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> tuple[Settings, Mapping[str, str]]:
    """As `load_settings`, and by name where each value comes from."""
    types = {field.name: type(field.default) for field in dataclasses.fields(Settings)}
    values: dict[str, Any] = {} if config_path is None else _read_toml(config_path, types)
    origins = dict.fromkeys(types, "default") | dict.fromkeys(values, str(config_path))
    for name in types:
        variable = f"CUPEL_{name.upper()}"
        from_environment = (os.environ if environment is None else environment).get(variable)
        if from_environment is not None:
            values[name] = _convert(name, from_environment, types[name])
            origins[name] = variable
    flags = {name: value for name, value in overrides.items() if value is not None}
    settings = Settings(**(values | flags))
    origins |= {name: f"--{name.replace('_', '-')}" for name in flags}
    if settings.task != "newest" and not re.fullmatch("0x[0-9a-fA-F]{64}", settings.task):
        problem = f"{settings.task!r} is neither `newest` nor a task id"
        raise ConfigError("task", problem, "Give 0x and 64 hex digits; `cupel status` lists the tasks")
    if settings.inbound not in ("yes", "no"):
        raise ConfigError("inbound", f"{settings.inbound!r} is neither yes nor no", "Write one of them")
    for name in ("p2p_port", "http_port"):
        if not 0 <= getattr(settings, name) < 65536:
            raise ConfigError(
                name, f"{getattr(settings, name)} is not a port", "Use 0 (any free port) to 65535"
            )
    if settings.traces and not re.fullmatch(r"https?://[^\s/?#]+\S*", settings.traces):
        raise ConfigError("traces", f"{settings.traces!r} is no URL", "Write it as http://127.0.0.1:4318")
    if settings.max_fee_gwei < 0:
        raise ConfigError("max_fee_gwei", f"{settings.max_fee_gwei} is negative", "Use 0 for any price")
    for name, zero in (("attestations", "none"), ("release_quorum", "all"), ("canary_one_in", "none")):
        if getattr(settings, name) < 0:
            raise ConfigError(name, f"{getattr(settings, name)} is below zero", f"Use 0 for {zero}")
    return settings, origins


def _read_toml(path: Path, types: Mapping[str, type]) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "config", f"cannot read {path} ({error.strerror})", "Check the path and its mode"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config", f"{path} is not TOML ({error})", "Correct the file at that place"
        ) from None
    for name, value in values.items():
        if name not in types:
            close = difflib.get_close_matches(name, types, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(types)}"
            raise ConfigError(name, f"unknown key in {path}", hint)
        if type(value) is not types[name]:
            raise ConfigError(name, f"{value!r} is no {_KINDS[types[name]]}", f"Correct it in {path}")
    return values


def _convert(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        remedy = f"Correct or unset CUPEL_{name.upper()}"
        raise ConfigError(name, f"{text!r} is no {_KINDS[kind]}", remedy) from None
