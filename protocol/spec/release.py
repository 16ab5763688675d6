"""Releases: what makers of Cupel sign about a wheel, and when an operator may take it. Pure.

A statement is a file of lines, one a signature; each is a canonical document that holds the whole release, so that a
signature is added by appending a line. All lines are about one release. What is signed is EIP-712, in a domain without
a chain, because a release belongs to none:

    Release(string version,string wheel,bytes32 sha256,string cid,uint256 size,string minimum,string commit,
            uint256 time)

Whose signatures count, and how many of them, is every operator's own choice; nobody's count by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cupel.protocol.spec import documents
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.shardcast.cid import Cid

MAX_SIGNATURES: Final = 16
MAX_LINE_BYTES: Final = 2048
MAX_STATEMENT_BYTES: Final = MAX_SIGNATURES * MAX_LINE_BYTES
MAX_WHEEL_BYTES: Final = 1 << 28
"""A wheel has a megabyte; nobody waits for an endless one."""

_KIND: Final = "cupel.release.v1"
_VERSION: Final = re.compile(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){1,3}", re.ASCII)
_WHEEL: Final = re.compile(r"cupel-([\d.]+)-\w+-\w+-[\w.]{1,200}\.whl", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DOMAIN: Final = keccak256(
    words(
        keccak256(b"EIP712Domain(string name,string version)"), keccak256(b"Cupel Release"), keccak256(b"1")
    )
)
_TYPE: Final = keccak256(
    b"Release(string version,string wheel,bytes32 sha256,string cid,uint256 size,string minimum,string commit,"
    b"uint256 time)"
)


@dataclass(frozen=True, slots=True)
class Release:
    """What is signed. Rejected(RELEASE) for what no release is, Rejected(CID) for no address."""

    version: str
    """Numbers with points between, as 0.2.0."""
    wheel: str
    """The file's name, which holds the version."""
    sha256: bytes
    """Of the wheel."""
    cid: str
    """Where the swarm and IPFS have it."""
    size: int
    """Bytes of the wheel."""
    minimum: str
    """The oldest version that still works with this one: who runs an older one is cut off."""
    commit: str
    """Of the sources: who builds it gets the same wheel, and finds the locks of what it needs."""
    time: int
    """Unix seconds."""

    def __post_init__(self) -> None:
        named = _WHEEL.fullmatch(self.wheel)
        if named is None or named[1] != self.version:
            raise Rejected(Reason.RELEASE, f"{self.wheel!r} is no wheel of Cupel {self.version!r}")
        if version_key(self.minimum) > version_key(self.version):
            raise Rejected(Reason.RELEASE, f"{self.version} does not work with itself")
        if not 0 < self.size <= MAX_WHEEL_BYTES:
            raise Rejected(Reason.RELEASE, f"a wheel of {self.size} bytes")
        if not _COMMIT.fullmatch(self.commit):
            raise Rejected(Reason.RELEASE, f"{self.commit!r} is no commit")
        Cid.parse(self.cid)

    @property
    def digest(self) -> bytes:
        """EIP-712 hash: what a signature is over."""
        fields: list[bytes | int] = [
            keccak256(value.encode()) if isinstance(value, str) else value
            for value in (
                self.version, self.wheel, self.sha256, self.cid, self.size, self.minimum, self.commit, self.time
            )
        ]  # fmt: skip
        return keccak256(b"\x19\x01" + _DOMAIN + keccak256(words(_TYPE, *fields)))


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """A line of a statement. Says nothing until the signature is recovered."""

    release: Release
    r: bytes
    s: bytes
    parity: int

    def to_line(self) -> bytes:
        """Canonical bytes and a line's end."""
        return documents.encode(_KIND, self) + b"\n"


class Standing(StrEnum):
    """What a release is to an installed version."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"


def read_statement(data: bytes) -> tuple[SignedRelease, ...]:
    """The lines, at least one, all about one release. Rejected(SIZE, ENCODING, SCHEMA, RELEASE, CID)."""
    if len(data) > MAX_STATEMENT_BYTES:
        raise Rejected(Reason.SIZE, f"statement of {len(data)} bytes, at most {MAX_STATEMENT_BYTES} allowed")
    *lines, rest = data.split(b"\n")
    if rest or not 0 < len(lines) <= MAX_SIGNATURES:
        raise Rejected(Reason.ENCODING, f"a statement has 1 to {MAX_SIGNATURES} whole lines")
    signed = tuple(documents.decode(SignedRelease, _KIND, line, MAX_LINE_BYTES) for line in lines)
    if any(one.release != signed[0].release for one in signed):
        raise Rejected(Reason.RELEASE, "the lines are about different releases")
    return signed


def agreeing(signers: Iterable[str], trusted: frozenset[str], quorum: int) -> tuple[str, ...]:
    """The trusted among those who signed, each once, in order. Rejected(RELEASE) if they are fewer than quorum.

    Addresses are checksum addresses; quorum is at least 1.
    """
    assert quorum > 0, "what nobody has to sign is no release"
    found: Sequence[str] = tuple(sorted(trusted.intersection(signers)))
    if len(found) < quorum:
        raise Rejected(Reason.RELEASE, f"signed by {len(found)} of those you trust, {quorum} needed")
    return tuple(found)


def standing(release: Release, installed: str) -> Standing:
    """Whether the release is newer than what is installed. Rejected(RELEASE) if that is no version."""
    ours, theirs = version_key(installed), version_key(release.version)
    if ours == theirs:
        return Standing.SAME
    return Standing.NEWER if theirs > ours else Standing.OLDER


def is_cut_off(release: Release, installed: str) -> bool:
    """Whether the installed version no longer works with those who run the release."""
    return version_key(installed) < version_key(release.minimum)


def version_key(text: str) -> tuple[int, ...]:
    """What versions are ordered by: 0.2 is 0.2.0. Rejected(RELEASE) for what is no version."""
    if not _VERSION.fullmatch(text):
        raise Rejected(Reason.RELEASE, f"{text!r} is no version of a release")
    numbers = [int(part) for part in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
