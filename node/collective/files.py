"""Files of members who reduce from the command line: each one's roster entry, private identity and vectors."""

from __future__ import annotations

import json
import os
import ssl
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cupel.node.collective.identity import Identity, Member, identity_pem
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.collective.reduce import DTYPES


def write_identity(path: Path, identity: Identity) -> None:
    """A new file that only its owner reads. ConfigError if there is one, or it cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(identity_pem(identity))
    except FileExistsError:
        raise ConfigError("--identity", f"{path} is there already", "Name a new file") from None
    except OSError as error:
        raise ConfigError("--identity", f"cannot write {path} ({error.strerror})", "Check the path") from None


def read_identity(path: Path) -> Identity:
    """Inverse of `write_identity`. ConfigError if it is no such file."""
    try:
        text = path.read_text(encoding="ascii")
        key = serialization.load_pem_private_key(text.encode(), None)
        certificate = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])
    except (OSError, ValueError, TypeError) as error:
        remedy = "`cupel collective entry` makes one"
        raise ConfigError("--identity", f"{path} is no identity ({error})", remedy) from None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Identity(key, certificate)


def write_entry(path: Path, member: Member) -> None:
    """A member's roster entry, to be handed to the others."""
    shown = {**asdict(member), "certificate": member.certificate.hex(), "signature": member.signature.hex()}
    path.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")


def read_entry(path: Path) -> Member:
    """Inverse of `write_entry`. ConfigError if it is no entry; its signature is the roster's to check."""
    try:
        shown = json.loads(path.read_text(encoding="utf-8"))
        certificate, signature = bytes.fromhex(shown["certificate"]), bytes.fromhex(shown["signature"])
        return Member(str(shown["address"]), str(shown["host"]), int(shown["port"]), certificate, signature)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Members make theirs with `cupel collective entry`"
        raise ConfigError("ROSTER", f"{path} is no roster entry ({error})", remedy) from None


def read_values(path: Path) -> npt.NDArray[Any]:
    """A vector of an .npy file. ConfigError for anything that cannot be reduced."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError("--values", f"{path} is no .npy file ({error})", "numpy.save makes one") from None
    if not isinstance(values, np.ndarray) or values.ndim != 1 or str(values.dtype) not in DTYPES:
        found = f"{values.dtype} {list(values.shape)}" if isinstance(values, np.ndarray) else "an archive"
        raise ConfigError("--values", f"{path} holds {found}", f"A vector of one of {', '.join(DTYPES)}")
    return values
