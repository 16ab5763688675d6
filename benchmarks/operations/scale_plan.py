"""The same sizes after the plan of docs/scale.md: rosters of 256, one level of sums above them, and a rollup.

None of it is built. What a process computes is still today's code, on a roster of the planned size, so these are loads
that the plan's parts would have if each did no more than it must.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

SHARD: Final = 256
ROLLUP: Final = "a rollup, a tenth of 40 Mgas/s"


def planned_loads(
    nodes: int,
    round_seconds: float,
    spec_seconds: Callable[[int], Mapping[str, float]],
    update_bytes: Mapping[str, float],
    link: float,
    gas: Callable[[int, int], int],
    gas_a_second: float,
    sum_seconds: Callable[[int], float],
    audit_seconds: float,
) -> dict[str, float]:
    """Parts of a round's time, as `scale.loads_of`; `gas` is of so many nodes in so many shards."""
    size, shards = min(SHARD, nodes), -(-nodes // SHARD)
    seconds = spec_seconds(size)
    look = seconds["look once (roster, own standing)"] + seconds["whose turn it is, once"]
    # The members' updates, and of every other shard one sum of as many bytes; eight bytes for four that overlap.
    parts = size + 2 * (shards - 1)
    by_ring = 2 + 2 * (shards - 1)
    return {
        "a node's look at every half second": 2 * look,
        "placement, four passes a round": 4 * seconds["placement of the round's items"] / round_seconds,
        "sum of the updates and the shards' sums, 0.1 M": sum_seconds(parts) / round_seconds,
        **{
            f"downloading them, {name}": parts * size_of / link / round_seconds
            for name, size_of in update_bytes.items()
        },
        **{
            f"a ring inside the shard instead, {name}": by_ring * size_of / link / round_seconds
            for name, size_of in update_bytes.items()
        },
        f"gas, {ROLLUP}, relayed in batches of 32": gas(nodes, shards) / gas_a_second / round_seconds,
        "checking, if every node checks one other": audit_seconds / round_seconds,
    }
