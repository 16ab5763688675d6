"""Parameters of an audit task: each of its rounds is about the audited task's round before."""

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.audits import target_span
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import Pinned
from cupel.protocol.task.auditing import AuditTerms, audit_params
from cupel.protocol.testing.vectors import example_params

CHECKED = example_params()
JUDGES = (Pinned("0x" + "0a" * 20, b"\1" * 32),)
TERMS = AuditTerms(auditors=2, answers=5, rate=7)
TASK = b"\x0c" * 32


def made(now: int, needed: int = 10) -> object:
    return audit_params(CHECKED, TASK, TERMS, JUDGES, needed, now)


def test_every_round_of_the_audited_task_is_some_audit_rounds_matter() -> None:
    audit = audit_params(CHECKED, TASK, TERMS, JUDGES, 10, CHECKED.start - 100)
    assert audit.genesis_digest == TASK
    assert (audit.units_per_round, audit.rate, audit.rounds) == (5, 7, CHECKED.rounds)
    for index in range(CHECKED.rounds):
        rounds = range(round_start(CHECKED, index), round_start(CHECKED, index + 1))
        assert target_span(audit, index) == rounds


def test_what_has_begun_is_left_out() -> None:
    audit = audit_params(CHECKED, TASK, TERMS, JUDGES, 10, round_start(CHECKED, 3) + 1)
    assert audit.rounds == CHECKED.rounds - 4
    assert target_span(audit, 0).start == round_start(CHECKED, 4)
    with pytest.raises(ConfigError, match="its last round has begun"):
        made(round_start(CHECKED, CHECKED.rounds - 1))


def test_disputes_last_as_long_as_the_judge_needs() -> None:
    assert audit_params(CHECKED, TASK, TERMS, JUDGES, 10, 0).dispute_seconds == CHECKED.dispute_seconds
    needed = CHECKED.dispute_seconds + 1
    assert audit_params(CHECKED, TASK, TERMS, JUDGES, needed, 0).dispute_seconds == needed


def test_terms_that_make_no_task_are_named() -> None:
    assert TERMS.problem is None
    assert AuditTerms(0, 5, 7).problem is not None
    assert AuditTerms(2, 5, 0).problem is not None
    assert AuditTerms(2, 4097, 7).problem == "a commitment holds 1 to 4096 answers"
