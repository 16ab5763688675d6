"""Which judge settled which attack, and why some of them still take the jury. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cupel.devnet.attacks.base import Fate
from cupel.devnet.attacks.table import Row, table

JURY: Final = "JuryJudge"
_FILE: Final = "the chain has the digest of the file, and reads none"
_ODDS: Final = "needs the odds of tokens: the chain computes states, but neither logits nor noise"
WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sampling": _ODDS,
        "termination": _ODDS,
        "token-distribution": _ODDS,
        "toploc-pooled": "a mean over many chunks; the chain's verdict is about one",
        "training": "training is in floating point, and too long for the chain",
        "zero-update": "whether there was something to learn takes training again",
        "policy-digest": "no judge compares a leaf's digest with the version that stood in its round",
        "commitment-root": _FILE,
        "manifest": _FILE,
        "encoding": _FILE,
        "schema": _FILE,
        "size": _FILE,
        "cid": _FILE,
        "update": _FILE,
    }
)
"""By the reason code that a charge before the jury had."""


def settled(rows: Sequence[Row]) -> str:
    """The convictions by judge, then those before the jury by reason, as Markdown."""
    slashed = [row for row in rows if row.found == Fate.SLASHED]
    alone = [row for row in slashed if row.judge != JURY]
    before_jury = [row for row in slashed if row.judge == JURY]
    lines = [
        f"## {len(alone)} of {len(slashed)} convictions took no jury",
        "",
        *table(("judge", "attacks"), _grouped(alone, _judge)),
        "",
        f"The other {len(before_jury)}, before an honest-majority jury:",
        "",
        *table(
            ("reason", "attacks", "why a jury"),
            ((reason, names, WHY.get(reason, "")) for reason, names in _grouped(before_jury, _reason)),
        ),
        "",
    ]
    return "\n".join(lines)


def _judge(row: Row) -> str:
    return row.judge


def _reason(row: Row) -> str:
    return row.check.rpartition(": ")[2]


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> Iterator[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row.attack)
    return ((name, ", ".join(attacks)) for name, attacks in sorted(groups.items()))
