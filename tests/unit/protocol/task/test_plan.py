"""A plan is read whole or refused with the key to correct."""

from pathlib import Path

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.task import Pinned, Pooling, Thresholds
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

[spec.pooling]
max_error_millionths = 250000

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


def test_what_has_a_default_may_be_left_out_or_written_down(tmp_path: Path) -> None:
    short = load_plan(write(tmp_path, PLAN.replace("max_staleness = 2\n", "")))
    long = load_plan(write(tmp_path, PLAN + 'objective = "grpo"\nkl_millionths = 0\n'))
    assert short == long == load_plan(write(tmp_path, PLAN))
    other = load_plan(write(tmp_path, PLAN + "kl_millionths = 1000\n"))
    assert (other.spec.recipe.kl_millionths, other.spec.digest == short.spec.digest) == (1000, False)


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
        ("momentum_denominator = 1", 'momentum_denominator = 1\ncodec = "int4"', "aggregation.codec"),
        ("momentum_denominator = 1", 'momentum_denominator = 1\ntopology = "ring"', "topology"),
        ("[terms]", "[terms", "TOML"),
    ],
)
def test_a_bad_plan_names_the_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_plan(write(tmp_path, PLAN.replace(old, new)))


def packaged(arguments: str) -> str:
    reference = f"""{{id = "gym/sums", version = 1, package = "gym==1.2", arguments = {arguments},
    prompt_tokens = 9, answer_tokens = 5}}""".replace("\n", "")
    return PLAN.replace('{id = "cupel/sorting", version = 1}', reference)


def test_arguments_of_an_environment_may_be_a_table(tmp_path: Path) -> None:
    table = load_plan(write(tmp_path, packaged('{size = 3, kind = "easy"}')))
    written = load_plan(write(tmp_path, packaged("""'{"kind":"easy","size":3}'""")))
    assert table == written
    assert table.spec.environment.arguments == '{"kind":"easy","size":3}'


def test_a_fraction_among_the_arguments_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"spec\.environment\.arguments"):
        load_plan(write(tmp_path, packaged("{rate = 0.5}")))


def test_a_missing_plan_is_an_operator_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_plan(tmp_path / "absent.toml")


CRITERIA = """
[thresholds]
max_exponent_mismatches = 2
max_mantissa_mean_thousandths = 30
max_mantissa_median_thousandths = 0

[pooling]
max_error_millionths = 600

[sampling]
tolerance_millionths = 12

[scope]
chunk_tokens = 32
topk = 128
max_tokens = 9
temperature_millionths = 1000000
environment = {id = "cupel/sorting", version = 1}

[scope.model]
architecture = "cupel/tiny-transformer-v1"
vocabulary = 64
layers = 2
width = 64
heads = 4
feed_forward = 192
positions = 32

[anything]
else = "is for people"
"""
CALIBRATED_PLAN = (
    PLAN.replace(", tolerance_millionths = 1000", "")
    .replace('name = "sort', 'thresholds = "criteria.toml"\nname = "sort')
    .replace(PLAN[PLAN.index("[spec.thresholds]") : PLAN.index("[spec.recipe]")], "")
)


def write_both(folder: Path, plan: str = CALIBRATED_PLAN, criteria: str = CRITERIA) -> Path:
    (folder / "criteria.toml").write_text(criteria)
    return write(folder, plan)


def test_thresholds_come_from_a_calibration(tmp_path: Path) -> None:
    spec = load_plan(write_both(tmp_path)).spec
    assert (spec.thresholds, spec.sampling.tolerance_millionths) == (Thresholds(2, 30, 0), 12)
    assert spec.pooling == Pooling(600)


def test_the_plan_s_own_tolerance_and_pooling_win(tmp_path: Path) -> None:
    plan = CALIBRATED_PLAN.replace("1000000}", "1000000, tolerance_millionths = 99}")
    plan += "\n[spec.pooling]\nmax_error_millionths = 777\n"
    spec = load_plan(write_both(tmp_path, plan)).spec
    assert (spec.sampling.tolerance_millionths, spec.pooling) == (99, Pooling(777))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("chunk_tokens = 32", "chunk_tokens = 16", "chunk_tokens"),
        ("topk = 128", "topk = 64", "topk"),
        ("temperature_millionths = 1000000", "temperature_millionths = 900000", "temperature_millionths"),
        ("layers = 2", "layers = 3", "model"),
    ],
)
def test_a_calibration_of_something_else_is_refused(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in CALIBRATED_PLAN
    with pytest.raises(ConfigError, match=f"calibrated for another {field}") as caught:
        load_plan(write_both(tmp_path, CALIBRATED_PLAN.replace(old, new)))
    assert caught.value.key == "spec.thresholds"


@pytest.mark.parametrize(
    "criteria",
    [
        "[thresholds",
        "",
        CRITERIA.replace("topk = 128", ""),
        CRITERIA.replace("= 30", "= -30"),
        CRITERIA.replace("max_error_millionths = 600", ""),
    ],
)
def test_a_broken_calibration_is_an_operator_mistake(tmp_path: Path, criteria: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(write_both(tmp_path, criteria=criteria))
    assert caught.value.key == "spec.thresholds"


def test_a_missing_calibration_is_an_operator_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cupel calibrate"):
        load_plan(write(tmp_path, CALIBRATED_PLAN))


@pytest.mark.parametrize("plan", [PLAN, CALIBRATED_PLAN])
def test_a_placeholder_stands_for_thresholds_not_found_yet(tmp_path: Path, plan: str) -> None:
    """Whatever the plan says of them, and without reading the file it names."""
    assert load_plan(write(tmp_path, plan), Thresholds(0, 0, 0)).spec.thresholds == Thresholds(0, 0, 0)
