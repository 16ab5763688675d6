"""The makers' side: a statement about a wheel that each signer built from the same commit."""

from __future__ import annotations

from pathlib import Path

from eth_account.signers.local import LocalAccount

from cupel.protocol.config import ConfigError
from cupel.protocol.release import places
from cupel.protocol.signatures import sign, signer
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.release import (
    MAX_STATEMENT_BYTES,
    MAX_WHEEL_BYTES,
    Release,
    SignedRelease,
    read_statement,
)
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.storage.replacing import replace_file


def described(wheel: Path, minimum: str, commit: str, time: int) -> Release:
    """The release of a wheel. ConfigError for no file; Rejected(RELEASE, SIZE) for what is no release."""
    content = places.read(str(wheel), MAX_WHEEL_BYTES)
    version = wheel.name.removeprefix("cupel-").partition("-")[0]
    cid, _ = file_dag(content)
    return Release(version, wheel.name, sha256(content), str(cid), len(content), minimum, commit, time)


def add_signature(
    statement: Path, wheel: Path, fresh: tuple[str, str, int] | None, account: LocalAccount
) -> Release:
    """Sign the release of `statement`, or with `fresh` (minimum, commit, time) begin a statement; the release.

    Each signer names a wheel of their own build. Rejected(RELEASE) if it is not the one of the statement, or if this
    account signed it already.
    """
    before = b"" if fresh else places.read(str(statement), MAX_STATEMENT_BYTES)
    if fresh:
        if statement.exists():
            problem = f"{statement} exists"
            raise ConfigError("statement", problem, "Leave --commit and --minimum out to add a signature")
        release = described(wheel, *fresh)
    else:
        lines = read_statement(before)
        release = lines[0].release
        if described(wheel, release.minimum, release.commit, release.time) != release:
            raise Rejected(Reason.RELEASE, f"{wheel} is not the wheel of {statement}")
        if account.address in (signer(one.release.digest, one.r, one.s, one.parity) for one in lines):
            raise Rejected(Reason.RELEASE, f"{account.address} has signed it already")
    line = SignedRelease(release, *sign(account, release.digest)).to_line()
    replace_file(statement, before + line)
    return release
