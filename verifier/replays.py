"""Training done again, commitment by commitment of every node, in order.

AdamW's moments and what quantisation left out go from round to round, so a node's state is followed from its first
commitment on. Of every node the newest state lies on disk, twelve bytes a parameter, and survives a restart.

Where a commitment of a node was not replayed (its files were late, the budget did not allow it, or this verifier came
later), its state is not known any more, and nothing can be said of the node's further updates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cupel.protocol.network import NetworkError
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.storage.replacing import replace_file
from cupel.protocol.training.state import (
    DamagedState,
    TrainerState,
    fresh_state,
    state_from_bytes,
    state_to_bytes,
)
from cupel.verifier.auditor import Auditor
from cupel.verifier.checks.base import FetchedSubmission, Finding

MAX_VERDICTS: Final = 1024
"""Verdicts remembered, the newest: a jury asks within one window."""


class ReplayPending(NetworkError):
    """The node's commitment before this one is still being checked."""


class StateUnknown(Exception):
    """The trainer's state before a commitment is not known here, so nothing can be said of its update."""


class Replays:
    """The trainers' states of one task's nodes."""

    def __init__(self, auditor: Auditor, folder: Path) -> None:
        self._auditor = auditor
        self._folder = folder
        self._verdicts: dict[tuple[str, int], Finding | None] = {}

    @property
    def rule(self) -> ReplayRule | None:
        """The task's; None if updates are not checked by training again."""
        return self._auditor.rules.spec.replay

    async def check(
        self, submission: FetchedSubmission, before: CommittedWork | None, before_is_open: bool
    ) -> Finding | None:
        """What training again says of a commitment that every other check has passed.

        before: the node's last commitment to rollouts before this one, and whether it is being checked at the moment.
        ReplayPending while it is; PolicyPending and VersionUnavailable as `Auditor.retrain`; StateUnknown for good.
        """
        rule, work = self.rule, submission.work
        assert rule is not None, "the task's updates are checked by training again"
        place = work.node, work.sequence
        if place not in self._verdicts:
            state = self._state(before, before_is_open)
            finding, behind = await self._auditor.retrain(submission, state, rule)
            if finding is None:
                self._save(work, behind)
            self._verdicts[place] = finding
            if len(self._verdicts) > MAX_VERDICTS:
                del self._verdicts[next(iter(self._verdicts))]
        return self._verdicts[place]

    def state_file(self, before: CommittedWork | None) -> bytes | None:
        """The file of the state behind a commitment; None if the node begins afresh, or if it is not here."""
        if before is None:
            return None
        try:
            return self._path(before).read_bytes()
        except OSError:
            return None

    def _state(self, before: CommittedWork | None, before_is_open: bool) -> TrainerState:
        size = self._auditor.rules.num_parameters
        if before is None:
            return fresh_state(size)
        file, what = self.state_file(before), f"round {before.round} of {before.node}"
        if file is None and before_is_open:
            raise ReplayPending(f"{what} is not replayed yet")
        if file is None:
            raise StateUnknown(f"{what} was not replayed here")
        try:
            return state_from_bytes(file, size)
        except DamagedState as error:
            raise StateUnknown(f"the state behind {what}: {error}") from None

    def _save(self, work: CommittedWork, state: TrainerState) -> None:
        """Keep the state behind a commitment, and of the node no other. StorageError."""
        path = self._path(work)
        replace_file(path, state_to_bytes(state))
        for old in self._folder.glob(f"{work.node}-*.state"):
            if old != path:
                old.unlink(missing_ok=True)

    def _path(self, work: CommittedWork) -> Path:
        return self._folder / f"{work.node}-{work.sequence}.state"
