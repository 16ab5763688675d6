from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.spec.collective.agreement import Accusation, Ballot, Held, View
from cupel.protocol.spec.errors import Reason

ROSTER = tuple(f"0x{number:040x}" for number in range(1, 6))


def name_of(view):
    return f"{view.number} {sorted(view.lost)}".encode()


class Network:
    """Members that do one step at a time, in any order; messages are what others said before, and may come late."""

    def __init__(self):
        self.ballots = {member: Ballot(ROSTER) for member in ROSTER}
        self.first, self.second = {}, {}  # what was said in a view's first and last phase, by (view, member)

    def step(self, kind, member, other):
        ballot = self.ballots[member]
        view, ring = ballot.view, ballot.ring
        if ballot.decided is not None:
            return
        if kind == "fail":
            ballot = ballot.failed(view, None)
        elif kind == "accuse" and member in ring and len(ring) > 1:
            ballot = ballot.failed(view, ring[(ring.index(member) + 1) % len(ring)])
        elif kind == "hear":
            ballot = ballot.heard(self.ballots[other].view)
        elif kind == "begin" and member in ring:
            self.first.setdefault((view, member), ballot.held)
        elif kind == "decide":
            ballot = self.decided(ballot)
        elif kind == "work" and member in ring and self.all_began(view, ring):
            ballot = ballot.holding(view, Held(name_of(view), b"")) or ballot
            self.second[view, member] = ballot.held
        self.ballots[member] = ballot

    def all_began(self, view, ring):
        """Whether a view's first phase is over, and its result is still wanted."""
        began = all((view, peer) in self.first for peer in ring)
        return began and self.agreed(Ballot(ROSTER), view, self.first) is None

    def decided(self, ballot):
        """By whatever was said to the member before: also in views that it has left since."""
        for said in (self.first, self.second):
            for view in {view for view, _ in said}:
                found = self.agreed(ballot, view, said)
                if found is not None:
                    return found
        return ballot

    def agreed(self, ballot, view, said):
        return ballot.agreed(view, {peer: said.get((view, peer)) for peer in ROSTER})


STEPS = st.tuples(
    st.sampled_from(["fail", "accuse", "hear", "hear", "begin", "begin", "work", "work", "work", "decide"]),
    st.sampled_from(ROSTER),
    st.sampled_from(ROSTER),
)
WORK = [(kind, member, member) for kind in ("begin", "work") for member in ROSTER]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(STEPS.map(lambda step: [step]), st.just(WORK), st.just(WORK[:-1])), max_size=80))
def test_no_two_members_decide_differently(scripts):
    network = Network()
    for script in scripts:
        for step in script:
            network.step(*step)
    decided = {ballot.decided for ballot in network.ballots.values()} - {None}
    assert len(decided) <= 1


def test_all_decide_when_nothing_fails():
    network = Network()
    for step in [*WORK, *(("decide", member, member) for member in ROSTER)]:
        network.step(*step)
    assert {ballot.decided for ballot in network.ballots.values()} == {Held(name_of(View()), b"")}


def test_half_of_the_roster_decides_nothing():
    ballot = Ballot(ROSTER[:4], View(1, frozenset(ROSTER[:2])))
    held = Held(b"a", b"c")
    assert not ballot.has_quorum
    assert ballot.agreed(ballot.view, dict.fromkeys(ROSTER, held)) is None


def test_who_has_moved_on_does_not_hold_the_older_result():
    ballot = Ballot(ROSTER).failed(View(), None)
    assert ballot.holding(View(), Held(b"a", b"c")) is None


def test_an_older_failure_does_not_count_on():
    ballot = Ballot(ROSTER, View(3))
    assert ballot.failed(View(2), None).view == View(3)
    assert ballot.failed(View(2), ROSTER[0]).view == View(3, frozenset(ROSTER[:1]))


def test_only_neighbours_may_accuse():
    def stands(accuser, accused, without=()):
        accusation = Accusation(
            ROSTER[accuser],
            ROSTER[accused],
            Reason.COLLECTIVE_LOST,
            "",
            frozenset(ROSTER[gone] for gone in without),
        )
        return accusation.stands(ROSTER, frozenset({ROSTER[1], ROSTER[accused]}))

    assert stands(0, 1)
    assert stands(0, 4)
    assert not stands(0, 2)
    assert stands(0, 2, without=[1])
    assert not stands(0, 3, without=[1, 2])  # nobody accuses the third
    assert not stands(1, 1)
