"""The operator's side: which release a statement is about, its wheel, and pip."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.release import places
from cupel.protocol.signatures import signer
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.release import (
    MAX_STATEMENT_BYTES,
    Release,
    Standing,
    agreeing,
    is_cut_off,
    read_statement,
    standing,
)
from cupel.protocol.storage.replacing import replace_file


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that enough of the trusted signed, beside what is installed."""

    release: Release
    signers: tuple[str, ...]
    installed: str

    @property
    def standing(self) -> Standing:
        """What the release is to the installed version."""
        return standing(self.release, self.installed)

    @property
    def is_cut_off(self) -> bool:
        """Whether the installed version no longer works with the release."""
        return is_cut_off(self.release, self.installed)


def offered(statement: bytes, trusted: frozenset[str], quorum: int, installed: str) -> Offer:
    """What a statement offers. Rejected(RELEASE) if too few of the trusted signed it; others as `read_statement`."""
    lines = read_statement(statement)
    signers = [signer(line.release.digest, line.r, line.s, line.parity) for line in lines]
    return Offer(lines[0].release, agreeing(signers, trusted, quorum), installed)


def look(place: str, trusted: frozenset[str], quorum: int) -> Offer:
    """What the statement at a file or URL offers to this machine."""
    return offered(places.read(place, MAX_STATEMENT_BYTES), trusted, quorum, metadata.version("cupel"))


def fetch(offer: Offer, place: str, sources: Sequence[str], folder: Path) -> Path:
    """Put the wheel into a folder, with a requirements file that holds its hash; that file's path.

    It comes from the sources by its address, or else from beside the statement. Rejected(RELEASE) for a release that is
    not newer, before anything is fetched, and for a wheel that is not the one signed, which is not written.
    """
    release = offer.release
    if offer.standing is not Standing.NEWER:
        raise Rejected(Reason.RELEASE, f"{release.version} is not newer than {offer.installed}")
    if sources:
        wheel = places.fetch(release.cid, sources, release.size)
    else:
        wheel = places.read(places.beside(place, release.wheel), release.size)
    if len(wheel) != release.size or sha256(wheel) != release.sha256:
        raise Rejected(Reason.RELEASE, f"{release.wheel} is not the file that was signed")
    replace_file(folder / release.wheel, wheel)
    requirements = folder / f"cupel-{release.version}.txt"
    line = f"cupel=={release.version} --hash=sha256:{release.sha256.hex()}\n"
    replace_file(requirements, line.encode())
    return requirements


def pip_command(requirements: Path) -> list[str]:
    """How pip takes this wheel and nothing else: whatever is missing beside it is an error, not a download."""
    return [
        *(sys.executable, "-m", "pip", "--isolated", "install", "--disable-pip-version-check", "--no-index"),
        *("--find-links", str(requirements.parent), "--require-hashes", "--requirement", str(requirements)),
    ]


def install(requirements: Path) -> None:
    """Have pip install it here. ConfigError for a checkout, EnvironmentProblem if pip refuses."""
    origin = json.loads(metadata.distribution("cupel").read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        remedy = "Check the release's commit out and run make setup, or install by pip in an environment of its own"
        raise ConfigError("install", "this Cupel runs from its sources", remedy)
    run_pip(requirements)


def run_pip(requirements: Path) -> None:
    """Run `pip_command`. EnvironmentProblem if pip refuses: it resolves and checks everything before it changes it."""
    done = subprocess.run(pip_command(requirements), capture_output=True, text=True, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["it said nothing"]
        raise EnvironmentProblem(
            f"pip changed nothing: {told[-1]}; the release's commit has the locks of its needs"
        )
