"""A node's view of the chain and of itself: what `duties` decides on."""

from __future__ import annotations

from cupel.node.duties import View
from cupel.node.membership import membership_of
from cupel.protocol.attesting import Attested
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.participant import Participant
from cupel.protocol.spec.attestation import newest_attested
from cupel.protocol.versions import Versions


async def look(
    participant: Participant,
    ledger: TaskLedger,
    versions: Versions,
    attested: Attested,
    now: int,
    *,
    attempted_round: int,
    blocked_version: int,
) -> View:
    """The view at block timestamp `now`. ChainUnavailable."""
    account, params = participant.address, ledger.params
    record = ledger.members.get(account)
    credit = 0
    if record is not None and record.exited:
        credit = await participant.hub.credit(params.token, record.payout)
    # Nothing may be built on what a slashed node posted: the first duty is then to begin again.
    standing = versions.newest_standing(ledger, now)
    newest = -1 if standing is None else standing
    return View(
        params=params,
        now=now,
        roster=ledger.roster(),
        account=account,
        membership=membership_of(ledger, account),
        opened_rounds=frozenset(ledger.beacons),
        checkpoints={
            posted.version: posted.digest
            for posted in ledger.posted
            if ledger.checkpoint(posted.version) is posted
        },
        newest_version=newest,
        sound_version=-1 if standing is None else versions.newest_sound(ledger, now),
        attempted_round=attempted_round,
        credit=credit,
        blocked_version=blocked_version,
        oldest_version=min(versions.digests()),
        attested_version=_attested_version(ledger, attested, newest, now),
        is_settled=standing is not None and ledger.is_settled(standing, versions.digests()[standing], now),
    )


def _attested_version(ledger: TaskLedger, attested: Attested, newest: int, now: int) -> int | None:
    if not attested.quorum:
        return None
    return newest_attested(
        ledger.params,
        ledger.work.values(),
        lambda number: ledger.accepted(number, now),
        newest,
        now,
        attested.is_attested,
    )
