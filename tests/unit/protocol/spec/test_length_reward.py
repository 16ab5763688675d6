"""Length rewards worked out by hand, in the three published forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.length_reward import FORMS, LengthRule, check_length_rule, trained_reward
from cupel.protocol.spec.units import MILLION


def rule(form: str, penalty: int = 300, delta: int = 500_000) -> LengthRule:
    """INTELLECT-2's short targets: 1000, 2000, 3000, 4000."""
    return LengthRule(form, penalty, delta, least_target=1000, target_step=1000, num_targets=4)


@pytest.mark.parametrize(
    ("form", "reward", "num_tokens", "target", "trained"),
    [
        # 1 - 0.0003 * |2000 - 2500| = 0.85, on either side
        ("exact", 1_000_000, 2500, 2000, 850_000),
        ("exact", 1_000_000, 1500, 2000, 850_000),
        ("exact", 1_000_000, 2000, 2000, 1_000_000),
        # a wrong answer of the wrong length: 0 - 0.0003 * 500
        ("exact", 0, 2500, 2000, -150_000),
        # 1 * (0.0003 * (2000 - 2500) + 0.5) = 0.35
        ("max", 1_000_000, 2500, 2000, 350_000),
        ("max", 1_000_000, 2000, 2000, 500_000),
        # 0.0003 * 1800 + 0.5 = 1.04, clipped to 1
        ("max", 1_000_000, 200, 2000, 1_000_000),
        # 0.0003 * -2000 + 0.5 = -0.1, clipped to 0
        ("max", 1_000_000, 4000, 2000, 0),
        ("max", 0, 200, 2000, 0),
        # 333 333 * 0.35 = 116 666.55, rounded down
        ("max", 333_333, 2500, 2000, 116_666),
        ("clip", 700_000, 2000, 2000, 700_000),
        ("clip", 700_000, 2001, 2000, 0),
    ],
)
def test_by_hand(form: str, reward: int, num_tokens: int, target: int, trained: int) -> None:
    assert trained_reward(rule(form), reward, num_tokens, target) == trained


def test_targets_rise_in_equal_steps() -> None:
    assert [rule("exact").target(index) for index in range(4)] == [1000, 2000, 3000, 4000]


@given(
    st.sampled_from(FORMS),
    st.integers(0, 10_000),
    st.integers(0, MILLION),
    st.integers(0, MILLION),
    st.integers(1, 40_000),
    st.integers(1, 40_000),
)
def test_no_form_pays_more_than_the_answer_earns(
    form: str, penalty: int, delta: int, reward: int, num_tokens: int, target: int
) -> None:
    given_rule = rule(form, penalty, delta)
    trained = trained_reward(given_rule, reward, num_tokens, target)
    assert trained <= reward
    # Beyond the target every further token costs, or at least pays nothing.
    longer = max(num_tokens, target)
    assert trained_reward(given_rule, reward, longer + 1, target) <= trained_reward(
        given_rule, reward, longer, target
    )


@pytest.mark.parametrize(
    "changed",
    [
        LengthRule("soft", 300, 0, 1, 1, 1),
        LengthRule("exact", 300, 0, 1, 1, 0),
        LengthRule("exact", 300, 0, 0, 1, 1),
        LengthRule("exact", 300, 0, 1, 0, 2),
    ],
)
def test_a_rule_that_cannot_be_applied_is_refused(changed: LengthRule) -> None:
    with pytest.raises(Rejected) as caught:
        check_length_rule(changed)
    assert caught.value.reason is Reason.TASK_SPEC
