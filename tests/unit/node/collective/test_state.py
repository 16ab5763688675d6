import numpy as np
import pytest
from safetensors.numpy import save

from cupel.node.collective.state import State, serve_state, sync_state
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest

MOST = 1 << 20


def version(number, fill):
    file = save({"w": np.full(4, fill, np.float32)})
    parent = None if number == 0 else b"\1" * 32
    manifest = WeightsManifest.of(
        number, parent, file, [TensorShape("w", (4,))], canonical_root=bytes([number]) * 32
    )
    return manifest.digest, State(manifest.to_bytes(), file)


DIGEST, TRUE = version(2, 1.0)
_, FORGED = version(2, 9.0)
_, OLDER = version(1, 1.0)


def serve(ring, held):
    for member, state in zip(ring.members, held, strict=True):
        serve_state(member, lambda digest, state=state: state if digest == DIGEST else None)


def test_a_forged_majority_does_not_pass(make_ring):
    ring = make_ring(5)
    swapped = State(TRUE.manifest, FORGED.file)  # the true manifest, other weights
    serve(ring, [None, FORGED, swapped, OLDER, TRUE])
    found = sync_state(ring.members[0], 1, DIGEST, MOST)
    addresses = [member.address for member in ring.roster]
    assert (found.state, found.source) == (TRUE, addresses[4])
    reasons = {who: why.reason for who, why in found.passed_over.items()}
    assert reasons == dict.fromkeys(addresses[1:4], Reason.COLLECTIVE_STATE)


def test_if_all_forge_there_is_no_state(make_ring):
    ring = make_ring(4)
    serve(ring, [TRUE, FORGED, FORGED, FORGED])
    with pytest.raises(Rejected) as caught:
        sync_state(ring.members[0], 1, DIGEST, MOST)
    assert caught.value.reason is Reason.COLLECTIVE_STATE


def test_who_is_dead_lacks_it_or_shows_too_much_is_passed_over(make_ring):
    ring = make_ring(5)
    serve(ring, [None, TRUE, None, State(TRUE.manifest, TRUE.file + b"0"), TRUE])
    ring.members[1].close()
    found = sync_state(ring.members[0], 1, DIGEST, MOST)
    assert [why.reason for why in found.passed_over.values()] == [
        Reason.COLLECTIVE_LOST,
        Reason.COLLECTIVE_STATE,
        Reason.SIZE,
    ]
    with pytest.raises(Rejected):
        sync_state(ring.members[0], 1, DIGEST, len(TRUE.file) - 1)
