"""The initial weights for training to compare with: fetched by the digest in the task's parameters, and not held."""

import asyncio
import dataclasses
from typing import Any, cast

import numpy as np
import pytest

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import BlockUnavailable
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.versions import Versions, VersionUnavailable

SPEC = example_spec()
LAYOUT = layout_of(SPEC.model)


def version(number: int, value: float) -> CanonicalVersion:
    weights = np.full(LAYOUT.num_parameters, value, np.float32)
    return make_version(number, bytes(32) if number else None, genesis(weights), LAYOUT)


class Peers:
    """Peers that serve these versions."""

    def __init__(self, *served: CanonicalVersion) -> None:
        self._content = {Cid.from_digest(one.digest): one.manifest.to_bytes() for one in served}
        self._content |= {one.manifest.file: one.file for one in served}

    async def fetch_block(self, cid: Cid, **_: Any) -> bytes:
        if cid not in self._content:
            raise BlockUnavailable(cid, 1.0, 1)
        return self._content[cid]

    async def fetch_file(self, root: Cid, **limits: Any) -> bytes:
        return await self.fetch_block(root, **limits)


def versions(task_genesis: bytes, peers: Peers) -> Versions:
    params = dataclasses.replace(example_params(), genesis_digest=task_genesis)
    return Versions(TaskLedger(bytes(32), params), SPEC, cast(Any, peers), MemoryStore())


def test_the_versions_held_stay_as_they_are() -> None:
    first = version(0, 0.25)
    held = versions(first.digest, Peers(first))
    found = asyncio.run(held.genesis(1.0))
    assert (found.version, found.digest, found.file) == (0, first.digest, first.file)
    assert held.digests() == {}


@pytest.mark.parametrize("served", [(), (version(0, 0.5),), (version(3, 0.25),)])
def test_nothing_else_passes_for_it(served: tuple[CanonicalVersion, ...]) -> None:
    # The last one is served under its own digest, which the task then names: still no version 0.
    wanted = served[0].digest if served and served[0].version else version(0, 0.25).digest
    with pytest.raises(VersionUnavailable, match="initial checkpoint"):
        asyncio.run(versions(wanted, Peers(*served)).genesis(1.0))
