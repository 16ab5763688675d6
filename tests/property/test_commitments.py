"""Properties of the commitment formats over generated inputs."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec import merkle
from cupel.protocol.spec.assignment import problem_index
from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Rejected

DIGEST = st.binary(min_size=32, max_size=32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)


@given(st.lists(DIGEST, min_size=1, max_size=40), st.data())
def test_a_proof_verifies_and_a_changed_leaf_does_not(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = merkle.root(leaves), merkle.proof(leaves, index)
    assert merkle.verify(root, leaves[index], index, len(leaves), proof)
    other = data.draw(DIGEST.filter(lambda value: value != leaves[index]))
    assert not merkle.verify(root, other, index, len(leaves), proof)


@given(DIGEST, st.integers(1, 2**32 - 1), st.data())
def test_two_slots_never_share_a_problem(seed: bytes, count: int, data: st.DataObject) -> None:
    first, second = data.draw(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)))
    problems = problem_index(seed, first, count), problem_index(seed, second, count)
    assert max(problems) < count
    assert (problems[0] == problems[1]) == (first == second)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_canonical_json_round_trip(value: dict[str, object]) -> None:
    data = canonical_json(value)
    assert canonical_json(parse_canonical_json(data, 1 << 20)) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(Rejected):
        parse_canonical_json(data, 1 << 20)
