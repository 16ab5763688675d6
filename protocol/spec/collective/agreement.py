"""How members of a ring agree on one result although any of them may die at any moment.

A *view* is an attempt's number and who is lost. Both only grow: whoever hears of more takes it over. A member that has
a view's whole result *holds* it and says so, signed, to all others of the view. Whoever knows that everybody in a view
holds the same result, and that they are more than half of the roster, has *decided*. In a later view members first say
what they hold. If all of them hold the same they decide on that; otherwise they begin anew.

Why no two members decide differently: two deciding views share a member, as each has more than half of the roster.
Losses only grow, so the later view's members are some of the earlier one's, all of which held its result; they find
that out before they could begin anew. (Single-decree Paxos, Lamport 1998, with the ring as its only quorum.)

Deaths, silence and broken links cannot make it disagree, only fail. Members that sign two different statements in one
attempt can; then the result's digest on the chain decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cupel.protocol.spec.encoding import address_bytes, words
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.hashing import domain, keccak256

HOLDING: Final = domain("cupel.collective-holding.v1")
ACCUSATION: Final = domain("cupel.collective-accusation.v1")


@dataclass(frozen=True, slots=True)
class View:
    """An attempt's number, and who of the roster is lost."""

    number: int = 0
    lost: frozenset[str] = frozenset()

    def merged(self, other: View) -> View:
        """The least view that is not behind either."""
        return View(max(self.number, other.number), self.lost | other.lost)

    def ring(self, roster: tuple[str, ...]) -> tuple[str, ...]:
        """Who is left, in ring order."""
        return tuple(member for member in roster if member not in self.lost)


@dataclass(frozen=True, slots=True)
class Held:
    """A whole result: the attempt it is of, and its check value; 32 bytes each."""

    attempt: bytes
    check: bytes


@dataclass(frozen=True, slots=True)
class Ballot:
    """One member's part in the agreement on one reduce."""

    roster: tuple[str, ...]
    view: View = View()
    held: Held | None = None
    decided: Held | None = None

    @property
    def ring(self) -> tuple[str, ...]:
        """Who is left, in ring order."""
        return self.view.ring(self.roster)

    @property
    def has_quorum(self) -> bool:
        """Whether those left are more than half of the roster."""
        return 2 * len(self.ring) > len(self.roster)

    def heard(self, view: View) -> Ballot:
        """After hearing of another member's view."""
        return replace(self, view=self.view.merged(view))

    def failed(self, tried: View, lost: str | None) -> Ballot:
        """After an attempt in `tried` failed, through the loss of a member or not.

        Only a failure of the newest view counts on, so links that end late in an older one disturb nobody.
        """
        number = self.view.number + (tried == self.view)
        return replace(self, view=View(number, self.view.lost | ({lost} if lost else set())))

    def holding(self, tried: View, held: Held) -> Ballot | None:
        """With the whole result of `tried`, or None if the member has moved on: it then promised not to hold it."""
        return replace(self, held=held) if tried == self.view else None

    def agreed(self, tried: View, said: Mapping[str, Held | None]) -> Ballot | None:
        """Decided, if everybody in `tried` holds the same result and they are a quorum; None otherwise."""
        ring = tried.ring(self.roster)
        kinds = {said.get(member) for member in ring}
        if len(kinds) != 1 or 2 * len(ring) <= len(self.roster):
            return None
        (held,) = kinds
        return None if held is None else replace(self, decided=held)


@dataclass(frozen=True, slots=True)
class Accusation:
    """Why a member is lost. `without`: who was lost before, as the accuser saw it; it stood beside the accused then."""

    accuser: str
    accused: str
    reason: Reason
    detail: str
    without: frozenset[str]

    def statement(self, roster: bytes, reduce: bytes) -> bytes:
        """What the accuser signs: 32 bytes."""
        gone = b"".join(sorted(address_bytes(member) for member in self.without))
        text = keccak256(self.reason.value.encode() + b"\0" + self.detail.encode())
        return keccak256(ACCUSATION + words(roster, reduce, self.accused, text) + gone)

    def stands(self, roster: tuple[str, ...], accused: frozenset[str]) -> bool:
        """Whether the accuser stood beside the accused in the ring of those not lost before; `accused`: all known."""
        ring = [member for member in roster if member not in self.without]
        if not self.without <= accused or self.accuser not in ring or self.accused not in ring:
            return False
        place = ring.index(self.accuser)
        return self.accuser != self.accused and self.accused in (
            ring[place - 1],
            ring[(place + 1) % len(ring)],
        )


def holding_statement(attempt: bytes, held: Held | None) -> bytes:
    """What a member signs in an attempt to say what it holds: 32 bytes."""
    held = held or NOTHING
    return keccak256(HOLDING + words(attempt, held.attempt, held.check))


NOTHING: Final = Held(bytes(32), bytes(32))
