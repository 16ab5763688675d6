"""Answers as tables for people and as plain values for programs. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Column, Table

from cupel.protocol.account.why import Answer, Contest, next_round
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.ledger import TaskLedger

_HEX_SHOWN: Final = 10


def plain_answer(answer: Answer) -> dict[str, Any]:
    """For JSON: amounts as strings, digests as hex."""
    values = dataclasses.asdict(answer)
    contests = [
        {
            **{name: value for name, value in contest.items() if name != "evidence"},
            "document": _hex(contest["document"]),
            "status": answer.contests[place].status.name.lower(),
        }
        for place, contest in enumerate(values["contests"])
    ]
    return {**values, "amount": str(answer.amount), "contests": contests}


def plain_task(ledger: TaskLedger, now: int) -> dict[str, Any]:
    """For JSON: a task's schedule, money and members."""
    params = ledger.params
    return {
        "task": "0x" + ledger.task.hex(),
        "creator": params.creator,
        "rounds": params.rounds,
        "round": current_round(ledger, now),
        "next_round_at": next_round(ledger, now),
        "rate": str(params.rate),
        "stake": str(params.stake),
        "versions_posted": len(ledger.standing()),
        "open_challenges": sum(len(ledger.pending_challenges(node)) for node in ledger.members),
        "members": [plain_member(ledger, node) for node in ledger.members],
    }


def plain_member(ledger: TaskLedger, node: str) -> dict[str, Any]:
    """For JSON: one node's place in a task."""
    member = ledger.members[node]
    work = [one for one in ledger.work.values() if one.node == node]
    state = "slashed" if ledger.slashed(node) else "left" if member.exited else "member"
    state = "leaving" if state == "member" and member.exit_requested_at is not None else state
    return {
        "node": node,
        "state": state,
        "commitments": len(work),
        "units": sum(one.units for one in work),
        "units_paid": sum(one.units for one in work if one.sequence < member.paid),
        "open_challenges": len(ledger.pending_challenges(node)),
    }


def current_round(ledger: TaskLedger, now: int) -> str:
    """For people: which round it is."""
    params = ledger.params
    if now < params.start:
        return "not started"
    number = (now - params.start) // params.round_seconds
    return "over" if number >= params.rounds else str(number)


def answer_table(answers: Sequence[Answer], now: int) -> Table:
    """One line a round, and one for each challenge below it."""
    table = Table("round", "standing", "units", "why", "until", "transaction", box=None, pad_edge=False)
    for one in answers:
        shown = one.paid_in or one.committed_in
        table.add_row(
            str(one.round),
            one.standing.value,
            str(one.units) if one.units else "",
            one.text,
            date(one.next_date, now),
            shorten(shown),
        )
        answered = [contest for contest in one.contests if _is_answered(contest)]
        if answered:
            table.add_row("", "", "", f"  answered: {len(answered)} demands for data (DataJudge)", "", "")
        for contest in one.contests:
            if not _is_answered(contest):
                until = None if contest.closed_in else contest.decided_by
                changed = contest.closed_in or contest.opened_in
                table.add_row("", "", "", _told(contest), date(until, now), shorten(changed))
    return table


def answer_details(answer: Answer, now: int) -> str:
    """One round with nothing left out: a fact a line."""
    facts = [
        ("why", answer.text),
        ("units", f"{answer.units}, {answer.amount:,} of the token's smallest unit" if answer.units else ""),
        ("until", date(answer.next_date, now)),
        ("committed in", answer.committed_in or ""),
        ("paid in", answer.paid_in or ""),
    ]
    lines = [f"round {answer.round}: {answer.standing.value}", *_facts(facts)]
    for contest in answer.contests:
        facts = [
            ("observed", contest.observed),
            ("allowed", contest.allowed),
            ("detail", contest.detail),
            ("document", _hex(contest.document) or ""),
            ("by", contest.challenger),
            ("opened in", contest.opened_in),
            ("closed in", contest.closed_in or ""),
            ("verdict until", "" if contest.closed_in else date(contest.decided_by, now)),
        ]
        lines += [f"  challenge {_charge(contest)}", *_facts(facts)]
    return "\n".join(lines)


def _facts(facts: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {name:<14}{value}" for name, value in facts if value]


def task_table(tasks: Sequence[TaskLedger], now: int) -> Table:
    """One line a task, the newest last."""
    table = Table(
        "task", "round", "members", "commitments", "versions", "challenges", box=None, pad_edge=False
    )
    for ledger in tasks:
        values = plain_task(ledger, now)
        commitments = sum(member["commitments"] for member in values["members"])
        table.add_row(
            str(values["task"]),
            f"{values['round']} of {values['rounds']}",
            str(len(values["members"])),
            str(commitments),
            str(values["versions_posted"]),
            str(values["open_challenges"]),
        )
    return table


def member_table(ledger: TaskLedger) -> Table:
    """One line a member."""
    table = Table(
        _whole("node"), "state", "commitments", "units", "paid", "challenges", box=None, pad_edge=False
    )
    for node in ledger.members:
        values = plain_member(ledger, node)
        names = ("node", "state", "commitments", "units", "units_paid", "open_challenges")
        table.add_row(*(str(values[name]) for name in names))
    return table


def _whole(name: str) -> Column:
    """A column whose cells go on in the next line where the window is too narrow."""
    return Column(name, overflow="fold")


def date(time: int | None, now: int) -> str:
    """A chain time in UTC, and how far off it is."""
    if time is None:
        return ""
    moment = datetime.fromtimestamp(time, UTC).strftime("%m-%d %H:%M:%S")
    return f"{moment} ({time - now:+d} s)"


def shorten(digest: str | None) -> str:
    """The beginning of a hash: enough to find it by."""
    return "" if digest is None else digest[:_HEX_SHOWN] + "…"


def _told(contest: Contest) -> str:
    numbers = f"; observed {contest.observed}" if contest.observed else ""
    numbers += f", allowed {contest.allowed}" if contest.allowed else ""
    return f"  {_charge(contest)}, by {shorten(contest.challenger)}{numbers}"


def _is_answered(contest: Contest) -> bool:
    """A demand whose part was shown: nothing is left of it. Honest nodes answer many."""
    return contest.judge == "DataJudge" and contest.status is ChallengeStatus.DISMISSED


def _charge(contest: Contest) -> str:
    where = "" if contest.rollout is None else f", rollout {contest.rollout}"
    status = contest.status.name.lower().replace("_", " ")
    return f"{status}: {contest.accusation}{where} ({contest.judge})"


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else "0x" + digest.hex()
