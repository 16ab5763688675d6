"""Installed environments that reply: texts to tokens and back, and every way in which a reply can go wrong."""

import dataclasses
from collections.abc import Iterator

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.environments.installed import InstalledDialogue, check_environment, open_environment
from cupel.protocol.environments.process import EnvironmentFailed, EnvironmentProcess
from cupel.protocol.spec.dialogue import read_spans
from cupel.protocol.spec.encoding import canonical_json
from cupel.protocol.spec.environments import text
from cupel.protocol.spec.environments.base import Dialogue, longest_dialogue
from cupel.protocol.spec.task import EnvironmentRef
from cupel.protocol.testing.waiting import HANG_SECONDS

REFERENCE = EnvironmentRef(
    "talk/any", 1, "echo-environment==2.1", "{}", prompt_tokens=16, answer_tokens=4, turns=3, reply_tokens=5
)
HELLO, BYE = (*b"hey", text.END), (*b"bye", text.END)
FIRST = (text.BEGIN, *b"1.")


def reference(fault: str) -> EnvironmentRef:
    return dataclasses.replace(REFERENCE, arguments=canonical_json({"fault": fault}).decode())


def failing(fault: str) -> InstalledDialogue:
    chosen = reference(fault)
    return InstalledDialogue(chosen, EnvironmentProcess(chosen.id, chosen.arguments, HANG_SECONDS))


@pytest.fixture
def talk(echo_package: str) -> Iterator[InstalledDialogue]:
    environment = check_environment(REFERENCE)
    assert isinstance(environment, InstalledDialogue)
    yield environment
    environment.close()


def test_it_replies_in_tokens_until_it_is_done(talk: InstalledDialogue) -> None:
    assert isinstance(talk, Dialogue)
    assert longest_dialogue(talk) == 3 * 4 + 2 * 5
    assert talk.reply(1, [HELLO]) == FIRST
    assert talk.reply(1, [HELLO, BYE]) == ()
    whole = (*HELLO, *FIRST, *BYE)
    assert read_spans(talk, 1, whole) == (4, 3, 4)
    assert talk.reward(1, whole) == 1_000_000
    assert talk.reward(1, BYE) == 1_000_000
    unfinished = (*HELLO, *FIRST, *HELLO, text.BEGIN, *b"2.", *HELLO)
    assert talk.reward(1, unfinished) == 300_000, "after its last turn nobody replies"


def test_what_is_no_dialogue_of_it_earns_nothing(talk: InstalledDialogue) -> None:
    assert talk.reward(1, HELLO) == 0
    assert talk.reward(1, (*HELLO, text.BEGIN, *b"9.", *BYE)) == 0


@pytest.mark.parametrize("fault", ["raise", "nan", "flood"])
def test_a_reply_that_raises_or_is_too_long_ends_the_dialogue_on_every_machine(
    echo_package: str, fault: str
) -> None:
    for _ in range(2):
        environment = failing(fault)
        expected = (text.BEGIN, *b"nan") if fault == "nan" else ()
        assert environment.reply(1, [HELLO]) == expected
        assert text.render(environment.prompt(2)) == "say 2"
        environment.close()


def test_a_reply_that_hangs_is_a_fault_of_this_machine(
    echo_package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = failing("hang")
    environment.prompt(1)
    with monkeypatch.context() as patch:
        patch.setattr(environment._process, "_answer_seconds", 1.0)
        with pytest.raises(EnvironmentFailed, match="no answer within"):
            environment.reply(1, [HELLO])
    assert text.render(environment.prompt(4)) == "say 4"
    environment.close()


def test_an_environment_that_does_not_reply_is_refused_before_a_stake(echo_package: str) -> None:
    with pytest.raises(ConfigError, match="it does not reply: AttributeError"):
        check_environment(dataclasses.replace(REFERENCE, id="echo/any"))


def test_with_one_turn_it_is_an_environment_like_any_other(echo_package: str) -> None:
    single = dataclasses.replace(REFERENCE, turns=1, reply_tokens=0)
    assert not isinstance(open_environment(single), Dialogue)
