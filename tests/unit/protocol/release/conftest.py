"""A release that can be installed: a wheel with nothing in it but its metadata, signed by two of three."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from cupel.protocol.release.making import add_signature

SIGNERS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
COMMIT = "a" * 40


@pytest.fixture
def wheel_of(tmp_path: Path) -> Callable[..., Path]:
    """Writes a wheel of a version, which needs the packages named."""

    def write(version: str, *needs: str, folder: str = "made") -> Path:
        path = tmp_path / folder / f"cupel-{version}-py3-none-any.whl"
        path.parent.mkdir(exist_ok=True)
        info = f"cupel-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: cupel\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(
                f"{info}/METADATA", metadata + "".join(f"Requires-Dist: {one}\n" for one in needs)
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        return path

    return write


@pytest.fixture
def released(wheel_of: Callable[..., Path]) -> Callable[..., Path]:
    """The statement about a version, beside its wheel, signed by the first two."""

    def sign(version: str, *needs: str, minimum: str = "0.1.0") -> Path:
        wheel = wheel_of(version, *needs)
        statement = wheel.with_name("statement")
        add_signature(statement, wheel, (minimum, COMMIT, 1_800_000_000), SIGNERS[0])
        add_signature(statement, wheel, None, SIGNERS[1])
        return statement

    return sign
