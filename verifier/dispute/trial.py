"""A trial before the honest-majority jury, and what follows from its votes: the rules of `IJuryJudge` once more. Pure.

All times are block timestamps in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JuryRules:
    """What a JuryJudge was deployed with, as far as its trials depend on it."""

    commit_seconds: int
    appeal_seconds: int
    appeal_bonds: tuple[int, ...]
    """Price of each appeal that a trial may see, in order; in the smallest unit of the jurors' token."""


@dataclass(frozen=True, slots=True)
class Round:
    """One jury of a trial."""

    draw_block: int
    commit_deadline: int
    reveal_deadline: int
    appellant: str | None = None
    """Who asked for this round; None for a trial's first."""
    seats: Mapping[str, int] | None = None
    """By juror, how many votes it has. None until the jury is summoned."""
    committed: frozenset[str] = frozenset()
    votes: Mapping[str, bool] = field(default_factory=dict)
    """By juror, whether it voted guilty; those revealed."""
    changed_at: int = 0
    """When the jury was summoned or the newest vote revealed."""

    def may_reveal(self, now: int) -> bool:
        """Whether votes can be revealed."""
        if self.seats is None or now >= self.reveal_deadline:
            return False
        return now >= self.commit_deadline or self.committed == self.seats.keys()

    @property
    def end(self) -> int:
        """When the last vote was in; as long as that is in the future, further votes can move it."""
        if self.seats is None:
            return self.commit_deadline
        if self.votes.keys() == self.seats.keys():
            return self.changed_at
        if self.votes.keys() == self.committed:
            return max(self.changed_at, self.commit_deadline)
        return self.reveal_deadline

    @property
    def guilty(self) -> bool | None:
        """What the majority of the seats that revealed says, a tie being not guilty; None if nobody revealed."""
        if not self.votes or self.seats is None:
            return None
        guilty = sum(self.seats[juror] for juror, vote in self.votes.items() if vote)
        return 2 * guilty > sum(self.seats[juror] for juror in self.votes)


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenge before the jury, of whatever task."""

    challenge_id: int
    rounds: tuple[Round, ...]
    """At least one; the last is on."""
    closed: bool = False

    @property
    def number(self) -> int:
        """Of the round that is on, from 0."""
        return len(self.rounds) - 1

    @property
    def round(self) -> Round:
        """The round that is on."""
        return self.rounds[-1]

    @property
    def guilty(self) -> bool | None:
        """The result so far: that of the newest round in which anyone voted. None, a dismissal, if nobody did."""
        results = (one.guilty for one in reversed(self.rounds))
        return next((result for result in results if result is not None), None)

    def appeal_bond(self, rules: JuryRules) -> int | None:
        """Price of the next appeal; None if there is no further one."""
        return rules.appeal_bonds[self.number] if self.number < len(rules.appeal_bonds) else None

    def closable(self, rules: JuryRules) -> int:
        """From when on the trial can be closed, if nothing else happens."""
        return self.round.end + (0 if self.appeal_bond(rules) is None else rules.appeal_seconds)

    def binds(self, account: str) -> bool:
        """Whether the account's stake or bond is held until the trial closes."""
        return any(one.appellant == account or account in (one.seats or ()) for one in self.rounds)
