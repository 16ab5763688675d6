"""Who is who on a link: a certificate for TLS 1.3 that the member's Ethereum key has signed.

A roster carries every member's certificate. Both ends of a link demand one and trust those of the roster alone, so TLS
itself proves that the other end holds the key that the member signed for. What members say about results and about
each other is signed with the certificate's key too.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import domain, keccak256

MEMBER: Final = domain("cupel.collective-member.v1")
ROSTER: Final = domain("cupel.collective-roster.v1")
_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
_END: Final = datetime(2120, 1, 1, tzinfo=UTC)
_SCHEME: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a roster: `certificate` in DER, `signature` of the address over it and the endpoint."""

    address: str
    host: str
    port: int
    certificate: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """A member's own key and the certificate of it. Kept in memory."""

    key: ec.EllipticCurvePrivateKey
    certificate: bytes

    def sign(self, statement: bytes) -> bytes:
        """A signature in DER, at most 72 bytes."""
        return self.key.sign(statement, _SCHEME)


class Roster:
    """The members of a round in ring order. Rejected(COLLECTIVE_MEMBER) if one did not sign its entry or is double."""

    def __init__(self, members: Sequence[Member]) -> None:
        for member in members:
            check_member(member)
        self.members = {member.address: member for member in members}
        if len(self.members) != len(members):
            raise Rejected(Reason.COLLECTIVE_MEMBER, "a member stands twice in the roster")
        self.order = tuple(self.members)
        entries = b"".join(_statement(member) for member in members)
        self.digest = keccak256(ROSTER + entries)
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._keys = {member.address: _public_key(member, trusted) for member in members}

    def signed(self, address: str, statement: bytes, signature: bytes) -> bool:
        """Whether the member signed the statement with its certificate's key."""
        try:
            self._keys[address].verify(signature, statement, _SCHEME)
        except (KeyError, InvalidSignature):
            return False
        return True


def new_identity(address: str) -> Identity:
    """A fresh key and a certificate of it, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # Certificates of one member before and after a restart have different names, so that both can be trusted at once.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{address} {serial % 2**64:016x}")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, _START, _END)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return Identity(key, certificate.public_bytes(serialization.Encoding.DER))


def signed_member(account: LocalAccount, identity: Identity, host: str, port: int) -> Member:
    """The roster entry of a member that listens at host and port."""
    unsigned = Member(account.address.lower(), host, port, identity.certificate, b"")
    signature = bytes(account.sign_message(encode_defunct(_statement(unsigned))).signature)
    return Member(unsigned.address, host, port, identity.certificate, signature)


def check_member(member: Member) -> None:
    """Rejected(COLLECTIVE_MEMBER) unless the address signed the certificate and the endpoint."""
    try:
        signer = Account.recover_message(encode_defunct(_statement(member)), signature=member.signature)
    except Exception as error:  # the library raises types of several packages for malformed signatures
        raise Rejected(Reason.COLLECTIVE_MEMBER, f"signature of {member.address}: {error}") from None
    if signer.lower() != member.address:
        raise Rejected(Reason.COLLECTIVE_MEMBER, f"{member.address} did not sign its certificate")


def context(identity: Identity, members: Iterable[Member], server_side: bool) -> ssl.SSLContext:
    """TLS 1.3 of the calling or the answering end, which trusts the members' certificates alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # the certificate is the name
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(cadata=b"".join({member.certificate for member in members}))
    with tempfile.TemporaryDirectory() as folder:  # the standard library reads keys from files only
        path = Path(folder) / "identity.pem"
        path.touch(mode=0o600)
        path.write_bytes(identity_pem(identity))
        made.load_cert_chain(path)
    if server_side:
        made.num_tickets = 0  # what the caller reads is then our answer, never a ticket
    return made


def identity_pem(identity: Identity) -> bytes:
    """The private key and the certificate, as the standard library and others read them."""
    private = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + ssl.DER_cert_to_PEM_cert(identity.certificate).encode()


def _public_key(member: Member, trusted: ssl.SSLContext) -> ec.EllipticCurvePublicKey:
    try:
        # Two libraries read it, and refuse different things: links will trust it by this one.
        trusted.load_verify_locations(cadata=member.certificate)
        key = x509.load_der_x509_certificate(member.certificate).public_key()
    except (ssl.SSLError, ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise Rejected(Reason.COLLECTIVE_MEMBER, f"certificate of {member.address}: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Rejected(
            Reason.COLLECTIVE_MEMBER, f"certificate of {member.address}: not an elliptic curve key"
        )
    return key


def _statement(member: Member) -> bytes:
    return keccak256(MEMBER + keccak256(member.certificate) + f"{member.host}:{member.port}".encode())
