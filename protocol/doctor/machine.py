"""The machine: Python, packages, disk, ports, GPU."""

from __future__ import annotations

import ipaddress
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.protocol.doctor.finding import Finding, bad, good, mind
from cupel.protocol.settings import Settings
from cupel.protocol.storage.opening import kubo_url, open_store
from cupel.protocol.storage.port import StorageError

LEAST_PYTHON: Final = (3, 11)
# A small task's versions and rollouts; a large one's creator says more.
_LITTLE_DISK_BYTES: Final = 5 << 30
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(>=|==)\s*([0-9.]+)")


def python() -> Finding:
    """The interpreter."""
    found = platform.python_version()
    if sys.version_info[:2] < LEAST_PYTHON:
        return bad("python", f"{found} is too old", "Install Python 3.11 or newer")
    return good("python", f"{found} on {platform.machine()}, {os.cpu_count()} processors")


def package(name: str, extra: str) -> Finding:
    """A package that an extra of ours brings."""
    try:
        return good(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return bad(name, "not installed", f'Run: pip install "cupel[{extra}]"')


def versions() -> Finding:
    """Whether the installed packages are as new as this build's own requirements ask, extras included."""
    try:
        asked = metadata.requires("cupel") or []
    except metadata.PackageNotFoundError:
        return mind("versions", "cupel runs from its sources, uninstalled", "Run: make setup")
    old = [told for line in asked if (told := skewed(line))]
    if old:
        return bad("versions", "; ".join(old), "Install requirements/lock.txt, in an environment of its own")
    return good("versions", f"cupel {metadata.version('cupel')}, and every package as it asks")


def skewed(requirement: str) -> str:
    """What is wrong with the package of a requirement `name>=1.2` or `name==1.2`, if it is installed; else nothing."""
    match = _REQUIREMENT.match(requirement)
    if match is None:
        return ""
    name, relation, least = match.groups()
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
    have, want = _numbers(found), _numbers(least)
    fits = have[: len(want)] == want if relation == "==" else have >= want
    return "" if fits else f"{name} {found} is installed, {relation}{least} is asked for"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version.partition("+")[0])]


def engine(settings: Settings) -> tuple[Finding, ...]:
    """What the settings would sample or recompute with, unless PyTorch does."""
    if settings.engine == "torch":
        return ()
    remedy = 'Install it in an environment of its own (docs/engines.md), or set engine = "torch"'
    if settings.engine != "vllm":
        return (bad("engine", f"{settings.engine!r} is no engine", 'Use "torch" or "vllm"'),)
    if find_spec("vllm") is None:  # distributions of several names bring it
        return (bad("engine", "vllm is not installed", remedy),)
    return (good("engine", "vllm is installed"),)


def gpu() -> Finding:
    """What PyTorch can compute on."""
    try:
        import torch
    except ImportError:
        return mind("gpu", "unknown without torch", 'Run: pip install "cupel[torch]"')
    if not torch.cuda.is_available():
        return mind(
            "gpu", "none; the processor computes", "Tiny models need none; for others install a CUDA torch"
        )
    device = torch.cuda.get_device_properties(0)
    return good("gpu", f"{torch.cuda.device_count()} x {device.name}, {device.total_memory >> 30} GiB")


def disk(settings: Settings) -> Finding:
    """Whether the data folder takes files, and how many."""
    folder = Path(settings.data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"cupel")
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = "Correct its permissions, free space, or choose another data_dir"
        return bad("disk", f"cannot write below {folder} ({error.strerror})", remedy)
    text = f"{free >> 30} GiB free below {folder}"
    if free < _LITTLE_DISK_BYTES:
        return mind("disk", text, f"Leave {_LITTLE_DISK_BYTES >> 30} GiB for versions and rollouts")
    return good("disk", text)


def store(settings: Settings) -> Finding:
    """Whether the block store opens."""
    try:
        url = kubo_url(settings.store)
        with open_store(settings.store, Path(settings.data_dir)):
            pass
    except (ConfigError, StorageError) as error:
        return bad("store", str(error), 'Start the daemon, or set store = "files"')
    return good("store", "files" if url is None else f"an IPFS daemon at {url}")


def ports(settings: Settings) -> tuple[Finding, ...]:
    """Whether the configured ports are free here; nothing where none is used."""
    if settings.inbound == "no":
        return ()
    chosen = {"p2p_port": settings.p2p_port, "http_port": settings.http_port}
    return tuple(_port(name, settings.listen_host, port) for name, port in chosen.items())


def _port(name: str, host: str, port: int) -> Finding:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        remedy = f"Stop what uses it, or choose another {name}" if port else "Correct listen_host"
        return bad(name, f"cannot listen on {host}:{port} ({error.strerror})", remedy)
    return good(name, f"{host}:{port or 'any free port'}")


def reachable(settings: Settings) -> Finding:
    """Whether others could reach the address that is announced."""
    if settings.inbound == "no":
        return good("listen_host", "inbound = no: peers ask over the connections made from here")
    try:
        address = ipaddress.ip_address(settings.listen_host)
    except ValueError:
        return bad("listen_host", f"{settings.listen_host!r} is no IP address", "Give this machine's address")
    if address.is_loopback:
        remedy = "Set listen_host to an address that other machines reach"
        return mind("listen_host", f"{address}: only processes of this machine reach it", remedy)
    if address.is_private:
        remedy = "Peers outside need a public address: forward both ports, and announce that address"
        return mind("listen_host", f"{address} is private", remedy)
    return good("listen_host", str(address))
