"""The state of a joiner, over the members' links: weights and momentum of the version whose digest is on the chain.

Who shows something else is passed over, however many they are: the digest decides, never a majority. The manifest has
the digest itself; it names the checkpoint file by its address, version and size, so an older version does not pass.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cupel.node.collective.calls import Message, hear, receive_all, say
from cupel.node.collective.frames import Aborted, LinkFailed
from cupel.node.collective.member import CollectiveMember
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.manifest import MAX_MANIFEST_BYTES, WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import file_dag

PART_BYTES: Final = 1 << 20
"""Received in parts of this, each with a call's time."""


@dataclass(frozen=True, slots=True)
class State:
    """A version as its members hold it: the bytes of its manifest and of its checkpoint file."""

    manifest: bytes
    file: bytes


@dataclass(frozen=True, slots=True)
class Synced:
    """A version that is the chain's, who served it, and why others were passed over."""

    state: State
    source: str
    passed_over: dict[str, Rejected]


def serve_state(member: CollectiveMember, held: Callable[[bytes], State | None]) -> None:
    """Serve what `held` knows under a digest to whoever is in a roster."""

    def answer(link: ssl.SSLSocket, caller: str, message: Message) -> None:
        with link:
            state = held(bytes.fromhex(message["digest"]))
            if state is None:
                say(link, {"manifest": 0, "file": 0})
                return
            say(link, {"manifest": len(state.manifest), "file": len(state.file)})
            link.sendall(state.manifest)
            link.sendall(state.file)

    member.listener.handlers["state"] = answer


def sync_state(member: CollectiveMember, round_index: int, digest: bytes, max_bytes: int) -> Synced:
    """The version of a digest of the chain, from the first member that has it, right neighbour first.

    max_bytes: no checkpoint of the task is larger. Rejected(COLLECTIVE_STATE) if nobody shows the version.
    """
    order = member.roster(round_index).order
    own = order.index(member.address)
    passed_over: dict[str, Rejected] = {}
    for source in (*order[own + 1 :], *order[:own]):
        try:
            return Synced(_fetched(member, round_index, source, digest, max_bytes), source, passed_over)
        except LinkFailed as failure:
            passed_over[source] = failure.problem
        except Rejected as problem:
            passed_over[source] = problem
    told = "; ".join(f"{source}: {problem}" for source, problem in passed_over.items())
    raise Rejected(
        Reason.COLLECTIVE_STATE, f"nobody shows version {digest.hex()[:16]}: {told or 'no others'}"
    )


def _fetched(member: CollectiveMember, round_index: int, source: str, digest: bytes, max_bytes: int) -> State:
    try:
        with member.ask(round_index, source, {"kind": "state", "digest": digest.hex()}) as link:
            link.settimeout(member.limits.call)
            sizes = hear(link)
            if sizes["manifest"] == 0:
                raise Rejected(Reason.COLLECTIVE_STATE, "does not have it")
            text = _received(link, sizes["manifest"], MAX_MANIFEST_BYTES)
            if hashlib.sha256(text).digest() != digest:
                raise Rejected(Reason.COLLECTIVE_STATE, "shows a manifest of another version")
            manifest = WeightsManifest.from_bytes(text)
            if manifest.file_bytes != sizes["file"]:
                raise Rejected(Reason.SIZE, f"file of {sizes['file']} bytes, not {manifest.file_bytes}")
            file = _received(link, manifest.file_bytes, max_bytes)
    except (Aborted, OSError):
        raise Rejected(Reason.COLLECTIVE_LOST, "ends the transfer") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.ENCODING, str(error)) from None
    if file_dag(file)[0] != manifest.file:
        raise Rejected(Reason.COLLECTIVE_STATE, "shows another checkpoint than the manifest names")
    return State(text, file)


def _received(link: ssl.SSLSocket, size: object, most: int) -> bytes:
    if not isinstance(size, int) or not 0 < size <= most:
        raise Rejected(Reason.SIZE, f"{size} bytes, at most {most}")
    data = bytearray(size)
    for start in range(0, size, PART_BYTES):
        receive_all(link, memoryview(data)[start : start + PART_BYTES])
    return bytes(data)
