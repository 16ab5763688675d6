"""A seed says what goes wrong, all of it, and seeds differ."""

import pytest

from cupel.devnet.attacks.catalogue import strategies
from cupel.devnet.chaos.scenario import COMMIT_SECONDS, LEAD_SECONDS, LIES, Kill, draw_scenario


def test_the_same_seed_is_the_same_run() -> None:
    assert draw_scenario(7) == draw_scenario(7)
    assert len({repr(draw_scenario(seed)) for seed in range(50)}) == 50


def test_every_kind_of_trouble_comes_within_a_few_seeds() -> None:
    runs = [draw_scenario(seed) for seed in range(40)]
    for kind in ("lies", "partitions", "outages", "kills", "reorganisations"):
        with_it = sum(bool(getattr(run, kind)) for run in runs)
        assert 10 <= with_it < 40, kind


def test_nothing_happens_before_the_task_is_joined() -> None:
    for seed in range(40):
        run = draw_scenario(seed)
        begins = [*(one.begins for one in (*run.partitions, *run.outages))]
        begins += [one.at for one in (*run.kills, *run.reorganisations)]
        assert all(at >= LEAD_SECONDS for at in begins)


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_an_attack_that_is_slashed(lie: str) -> None:
    assert strategies()[lie].fate.value == "slashed"


def test_a_node_is_disturbed_by_what_falls_into_its_time() -> None:
    run = next(run for seed in range(99) if (run := draw_scenario(seed)).kills and not run.partitions)
    kill: Kill = run.kills[0]
    assert run.disturbed("node-1", kill.at - 1, kill.at + 1)
    assert not run.disturbed("node-1", -COMMIT_SECONDS, 0)
