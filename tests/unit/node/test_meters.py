"""A node's numbers: what its events move, and that every one has a word on it."""

from typing import Any

from cupel.node.meters import HELP, counted, node_meters


class Silent:
    def emit(self, event: str, **fields: Any) -> None:
        pass


def busy() -> str:
    meters = node_meters(Silent())
    meters.gauges = lambda: {"round": 3, "demands": 1}
    meters.emit("phase", phase="training", round=3, progress=0, detail="")
    meters.emit("phase", phase="committed", round=3, progress=0, detail="")
    meters.emit("phase", phase="missed", round=4, progress=0, detail="")
    meters.emit("committed", units=8, round=3)
    meters.emit("claimed", units=8, amount="80")
    meters.emit("transaction", action="commit", gas=36_000, hash="0x")
    meters.emit("disclosed", part="leaf", round=3, index=1)
    meters.emit("low_balance", account="0x", wei="5", gas_left=1)
    meters.emit("error", message="the disk is full")
    meters.emit("slashed")
    return meters.prometheus()


def test_what_events_move() -> None:
    lines = busy().splitlines()
    for line in (
        'cupel_node_rounds_total{outcome="committed"} 1',
        'cupel_node_rounds_total{outcome="missed"} 1',
        "cupel_node_units_total 8",
        "cupel_node_claimed_units_total 8",
        'cupel_node_transactions_total{action="commit"} 1',
        'cupel_node_gas_total{action="commit"} 36000',
        'cupel_node_answered_total{part="leaf"} 1',
        "cupel_node_low_balance_total 1",
        "cupel_node_errors_total 1",
        "cupel_node_slashed_total 1",
        "cupel_node_round 3",
        "cupel_node_demands 1",
    ):
        assert line in lines


def test_every_name_has_a_word_on_it() -> None:
    assert all(HELP[name] for (name, _), _ in counted("transaction", {"action": "commit", "gas": 1}))
    assert all(text.endswith(".") for text in HELP.values())
