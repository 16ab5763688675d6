"""A plan is read whole or refused with the key to correct."""

from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.task import Pinned
from cupel.protocol.task.plan import load_plan
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import HUB, NODE

PLAN = """
[terms]
round_seconds = 20
commit_seconds = 12
rounds = 4
problems_per_round = 32
group_size = 16
problem_count = 1048576
chunk_tokens = 32
topk = 128
max_tokens = 9
max_staleness = 2
bounty = "1000000000000000000000"
rate = "100"
stake = "5000"
bond = "10"
challenge_window = 20
dispute_seconds = 30
exit_margin = 5

[spec]
name = "sort eight digits"
environment = {id = "cupel/sorting", version = 1}
sampling = {temperature_millionths = 1000000, tolerance_millionths = 1000}

[spec.model]
architecture = "cupel/tiny-transformer-v1"
vocabulary = 64
layers = 2
width = 64
heads = 4
feed_forward = 192
positions = 32

[spec.aggregation]
learning_rate_numerator = 1
learning_rate_denominator = 1
momentum_numerator = 0
momentum_denominator = 1

[spec.thresholds]
max_exponent_mismatches = 4
max_mantissa_mean_thousandths = 500
max_mantissa_median_thousandths = 500

[spec.recipe]
inner_steps = 4
learning_rate_billionths = 800000
final_learning_rate_billionths = 100000
clip_millionths = 200000
max_ratio_millionths = 4000000
advantage_std = true
gradient_clip_millionths = 1000000
max_exponent_offset = 24
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "task.toml"
    path.write_text(text)
    return path


def test_a_plan_becomes_parameters(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, PLAN))
    assert plan.spec == example_spec()
    params = plan.params(NODE, HUB, bytes(32), 1000, Pinned(HUB, bytes(32)), (Pinned(NODE, bytes(32)),))
    assert (params.start, params.rounds, params.rate, plan.bounty) == (1000, 4, 100, 10**21)
    assert params.spec_digest == plan.spec.digest


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("rounds = 4", "", "terms"),
        ("rounds = 4", "rounds = 4\nsurprise = 1", "surprise"),
        ("rounds = 4", 'rounds = "4"', "plan.terms.rounds"),
        ('rate = "100"', 'rate = "-100"', "terms.rate"),
        ("temperature_millionths = 1000000", "temperature_millionths = 0", "temperature"),
        ("[terms]", "[terms", "TOML"),
    ],
)
def test_a_bad_plan_names_the_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_plan(write(tmp_path, PLAN.replace(old, new)))


def test_a_missing_plan_is_an_operator_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_plan(tmp_path / "absent.toml")
