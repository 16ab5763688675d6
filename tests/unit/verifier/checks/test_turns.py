"""Dialogues: what an honest node makes passes every check, and each lie about who said what is found."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.spec.dialogue import own_tokens, read_spans
from cupel.protocol.spec.environments.guessing import LARGER, SMALLER, Guessing
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rollout import Rollout
from cupel.verifier.audit import examine, recheck
from cupel.verifier.checks.base import MOST_FAILURES, FetchedSubmission, Finding
from cupel.verifier.checks.turns import Turns

EVERY = tuple(range(8))


def audit(world: Any, submission: FetchedSubmission) -> Finding | None:
    """All checks of all rollouts."""
    found = examine(submission)
    return found or recheck(submission, world.recomputed(submission, EVERY)).finding


def reward_of(rollout: Rollout) -> int:
    return Guessing().reward(rollout.problem, rollout.tokens)


def spoken(world: Any) -> tuple[int, Rollout]:
    """A rollout in which the environment replied."""
    return next((index, one) for index, one in enumerate(world.rollouts) if len(one.spans) > 1)


def test_what_an_honest_node_makes_passes_every_check(dialogues: Any) -> None:
    assert {len(one.spans) for one in dialogues.rollouts} == {5}, (
        "a policy that knows nothing uses all its turns"
    )
    assert any(len(one.proofs) > 1 for one in dialogues.rollouts), "a chunk holds tokens of both"
    assert audit(dialogues, dialogues.submission()) is None


def test_another_reply_is_found(dialogues: Any) -> None:
    index, one = spoken(dialogues)
    place = one.spans[0]
    tokens = list(one.tokens)
    tokens[place] = LARGER if tokens[place] == SMALLER else SMALLER
    finding = audit(dialogues, dialogues.submission(dialogues.changed(index, tokens=tuple(tokens))))
    assert finding is not None
    assert (finding.check, finding.reason, finding.rollout) == ("termination", Reason.WRONG_REPLY, index)
    assert finding.objective is None, "no contract knows the replies: the jury decides"


def test_a_token_of_its_own_that_is_passed_off_as_a_reply_is_found(dialogues: Any) -> None:
    """Spans that hide sampled tokens from the sampling check."""
    index, one = spoken(dialogues)
    count = len(one.tokens)
    for spans in ((1, count - 2, 1), (count - 2, 1, 1), (count,), ()):
        changed = dialogues.changed(index, spans=spans)
        if not spans:
            changed = [dataclasses.replace(other, spans=()) for other in changed]
        finding = audit(dialogues, dialogues.submission(changed))
        assert finding is not None
        where = index if spans else 0
        assert (finding.check, finding.reason, finding.rollout) == ("termination", Reason.SCHEMA, where)


@pytest.mark.parametrize("turn", [0, 1])
def test_a_chosen_token_of_any_turn_is_found(dialogues: Any, turn: int) -> None:
    """Also behind a reply, where it is judged by the noise of its place in the whole dialogue."""
    index, one = spoken(dialogues)
    place = sum(one.spans[: 2 * turn])
    # Neither token is a guess nor ends the turn, so the replies stay what they are.
    token = 20 if one.tokens[place] != 20 else 21
    changed = dataclasses.replace(one, tokens=(*one.tokens[:place], token, *one.tokens[place + 1 :]))
    assert read_spans(Guessing(), one.problem, changed.tokens) == one.spans
    changed = dataclasses.replace(changed, reward=reward_of(changed))
    rollouts = [changed if number == index else other for number, other in enumerate(dialogues.rollouts)]
    submission = dialogues.submission(rollouts)
    assert examine(submission) is None
    finding = recheck(submission, dialogues.recomputed(submission, (index,))).finding
    assert finding is not None
    assert finding.rollout == index
    assert finding.reason in (Reason.SAMPLING, Reason.TERMINATION) or finding.check == "toploc"


def test_replies_are_not_held_against_the_node(dialogues: Any) -> None:
    """Its replies are no choices of the policy: most lie far below the seeded one, and nobody is blamed."""
    submission = dialogues.submission()
    recomputed = dialogues.recomputed(submission, EVERY)
    far = 0
    for row, one in enumerate(submission.rollouts):
        own = own_tokens(one.spans, len(one.tokens))
        best = recomputed.logits[row, : len(own)].argmax(axis=1)
        far += int((best != np.array(one.tokens))[~own].sum())
    assert far > 0
    assert recheck(submission, recomputed).finding is None


def test_a_dialogue_cut_short_is_found(dialogues: Any) -> None:
    index, one = spoken(dialogues)
    length = one.spans[0]
    cut = dialogues.changed(index, tokens=one.tokens[:length], spans=(length,), proofs=one.proofs[:1])
    finding = audit(dialogues, dialogues.submission(cut))
    assert finding is not None
    assert (finding.check, finding.reason) == ("termination", Reason.WRONG_REPLY)


def test_a_task_of_single_turns_has_no_spans(world: Any) -> None:
    one = world.rollouts[0]
    finding = examine(
        world.submission([dataclasses.replace(r, spans=(len(r.tokens),)) for r in world.rollouts])
    )
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.observed) == (Reason.SCHEMA, 0, str(len(one.tokens)))


class Silent(Guessing):
    """An environment that fails on every reply, and counts how often it is asked."""

    asked = 0

    def reply(self, problem: int, turns: object) -> tuple[int, ...]:
        type(self).asked += 1
        raise EnvironmentFailed("no answer within 20 s")


def test_without_replies_nobody_is_accused_and_other_lies_are_found(dialogues: Any) -> None:
    Silent.asked = 0
    submission = dialogues.submission()
    rules = dataclasses.replace(submission.rules, environment=Silent())
    with pytest.raises(EnvironmentFailed, match="no answer"):
        examine(dataclasses.replace(submission, rules=rules))
    assert Silent.asked == MOST_FAILURES
    false = dialogues.submission(dialogues.changed(3, reward=999_999))
    with pytest.raises(EnvironmentFailed):
        Turns().run(dataclasses.replace(false, rules=rules), (), None)
    finding = examine(dataclasses.replace(false, rules=rules))
    assert finding is not None
    assert (finding.reason, finding.rollout) == (Reason.WRONG_REWARD, 3)
