"""What a verifier must not forget between two runs: its secret, its votes, what it has checked and whom it suspects.

One JSON file per task, replaced as a whole, so that a crash leaves the old state or the new one. Our challenges are
not in it: the chain tells them.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from pathlib import Path
from typing import Any, Final

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.protocol.storage import StorageError
from cupel.protocol.storage.replacing import replace_file
from cupel.verifier.dispute.solver import Vote
from cupel.verifier.draw import SECRET_BYTES

SALT_BYTES: Final = 32
MAX_PASSED: Final = 8192
"""Commitments remembered, the newest: the rings of 128 nodes. Older ones are past their windows."""
MAX_VOTES: Final = 1024
"""Votes remembered, the newest: a vote is of no use once its jury has closed."""


class Journal:
    """The state of one task's verifier on disk. Every change is on disk when the method returns."""

    def __init__(self, folder: Path, task: bytes) -> None:
        """Open or start the journal. StorageError if the folder fails, ConfigError if the file is not a journal."""
        self._path = folder / f"verifier-{task.hex()}.json"
        self.secret = secrets.token_bytes(SECRET_BYTES)
        self.votes: dict[tuple[int, int], Vote] = {}
        """By challenge and round."""
        self.passed: dict[str, None] = {}
        """Roots, oldest first."""
        self.pools: dict[str, Pool] = {}
        """By node, the errors of all its commitments in `passed`, as far as they were recomputed."""
        self.suspects: set[str] = set()
        """Nodes whose every rollout is recomputed."""
        if self._path.exists():
            self._read()
        else:
            self._write()

    def vote(self, challenge_id: int, round_index: int, guilty: bool) -> Vote:
        """Our vote in a round of a trial: the stored one, or a new one with a fresh salt.

        A vote whose hash is on-chain can only be revealed with its own salt, so the first one stays.
        """
        place = challenge_id, round_index
        if place not in self.votes:
            self.votes[place] = Vote(guilty, secrets.token_bytes(SALT_BYTES))
            _forget(self.votes, MAX_VOTES)
            self._write()
        return self.votes[place]

    def record_pass(self, root: bytes, node: str, pool: Pool, *, is_suspect: bool = False) -> None:
        """Remember that nothing in the commitment with this root can be challenged, and its errors with the node's.

        Once: a commitment that was recorded before adds nothing.
        """
        if not self.has_passed(root):
            self.passed[root.hex()] = None
            _forget(self.passed, MAX_PASSED)
            self.pools[node] = self.pools.get(node, Pool()) + pool
        if is_suspect:
            self.suspects.add(node)
        self._write()

    def has_passed(self, root: bytes) -> bool:
        """Whether the commitment with this root passed before. A root binds node, sequence and round."""
        return root.hex() in self.passed

    def _read(self) -> None:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            self.secret = bytes.fromhex(document["secret"])
            self.votes = {
                (vote["challenge"], vote["round"]): Vote(vote["guilty"], bytes.fromhex(vote["salt"]))
                for vote in document["votes"]
            }
            self.passed = dict.fromkeys(document["passed"])
            self.pools = {node: Pool(*map(int, sums)) for node, sums in document["pools"].items()}
            self.suspects = set(document["suspects"])
        except OSError as error:
            raise StorageError(
                f"cannot read {self._path}: {error.strerror}", "check the data folder"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError):
            problem = f"{self._path} is not a verifier's journal"
            raise ConfigError(
                "data_dir", problem, "Move it away; votes not yet revealed are lost then"
            ) from None

    def _write(self) -> None:
        document = {
            "secret": self.secret.hex(),
            "votes": [
                {"challenge": number, "round": index, "guilty": vote.guilty, "salt": vote.salt.hex()}
                for (number, index), vote in self.votes.items()
            ],
            "passed": list(self.passed),
            "pools": {node: dataclasses.astuple(pool) for node, pool in self.pools.items()},
            "suspects": sorted(self.suspects),
        }
        # Nobody else may know beforehand which rollouts we recompute, or how we vote.
        replace_file(self._path, json.dumps(document).encode(), mode=0o600)


def _forget(oldest_first: dict[Any, Any], limit: int) -> None:
    while len(oldest_first) > limit:
        del oldest_first[next(iter(oldest_first))]
