"""`cupel topology show`: numbers known in closed form, the coupling with momentum, mistakes by their option."""

import json
import math

import pytest
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.topology.cli import EXIT_WARNED, app


def run(*options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["show", *options], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_a_ring_has_the_gap_of_its_closed_form() -> None:
    code, output, _ = run("--kind", "ring", "--nodes", "16", "--momentum", "1/2", "--json")
    found = json.loads(output)
    gap = 1 - (1 + 2 * math.cos(2 * math.pi / 16)) / 3
    assert code == 0
    assert found["fixed_gap"] == pytest.approx(gap)
    assert found["fixed_rounds"] == math.ceil(math.log(1000) / -math.log(1 - gap))
    assert (found["mean_degree"], found["largest_degree"], found["warning"]) == (2, 2, None)
    # Drawn anew it mixes like a random graph.
    assert found["redrawn_rounds"] < found["fixed_rounds"] / 4


def test_a_seed_stands_for_the_beacons() -> None:
    options = ("--kind", "expander", "--nodes", "32", "--momentum", "1/2", "--json")
    one, same, other = (run(*options, "--seed", seed)[1] for seed in ("1", "1", "2"))
    assert one == same != other


@pytest.mark.parametrize(("kind", "momentum", "warned"), [("ring", "9/10", True), ("full", "9/10", False)])
def test_a_long_memory_with_neighbours_only_is_warned_of(kind: str, momentum: str, warned: bool) -> None:
    code, output, errors = run("--kind", kind, "--nodes", "8", "--momentum", momentum)
    assert (code == EXIT_WARNED) == warned
    assert ("outer momentum 9/10" in errors) == warned
    assert "rounds to a thousandth" in output


def test_fixed_pairs_never_agree() -> None:
    assert "never agrees" in run("--kind", "pair", "--nodes", "8", "--momentum", "1/2")[1]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (("--kind", "star"), "--kind"),
        (("--kind", "ring", "--momentum", "half"), "--momentum"),
        (("--kind", "ring", "--momentum", "2/2"), "--momentum"),
        (("--kind", "ring", "--momentum", "1/0"), "--momentum"),
    ],
)
def test_a_mistake_names_its_option(options: tuple[str, ...], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run("--nodes", "8", *options)
    assert caught.value.key == key
