"""What the protocol says of a peer's misbehaviour.

    Rejected            a claim, file or message that breaks a rule: carries a `Reason`

A reason code is language-neutral: golden vectors, evidence files and other implementations assert on it,
never on the wording of `detail`.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a peer's claim is refused."""

    ENCODING = "encoding"
    SIZE = "size"
    SCHEMA = "schema"
    CID = "cid"
    BLOCK_HASH = "block-hash"
    DAG = "dag"
    ENDPOINT = "endpoint"
    RELEASE = "release"
    MERKLE_EMPTY = "merkle-empty"
    TASK_PARAMETERS = "task-parameters"
    TASK_SPEC = "task-spec"
    UNKNOWN_ENVIRONMENT = "unknown-environment"
    MANIFEST = "manifest"
    COMMITMENT_ROOT = "commitment-root"
    UNITS = "units"
    POLICY_VERSION = "policy-version"
    POLICY_DIGEST = "policy-digest"
    WRONG_PROBLEM = "wrong-problem"
    WRONG_SEED = "wrong-seed"
    WRONG_REWARD = "wrong-reward"
    WRONG_REPLY = "wrong-reply"
    TERMINATION = "termination"
    SAMPLING = "sampling"
    TOKEN_DISTRIBUTION = "token-distribution"
    TOPLOC_BASE64 = "toploc-base64"
    TOPLOC_COUNT = "toploc-count"
    TOPLOC_LENGTH = "toploc-length"
    TOPLOC_MODULUS = "toploc-modulus"
    TOPLOC_COEFFICIENT = "toploc-coefficient"
    TOPLOC_DEGENERATE = "toploc-degenerate"
    TOPLOC_DTYPE = "toploc-dtype"
    TOPLOC_NON_FINITE = "toploc-non-finite"
    TOPLOC_EXPONENT = "toploc-exponent"
    TOPLOC_MANTISSA_MEAN = "toploc-mantissa-mean"
    TOPLOC_MANTISSA_MEDIAN = "toploc-mantissa-median"
    TOPLOC_CONSTANT = "toploc-constant"
    TOPLOC_POOLED = "toploc-pooled"
    TOPLOC_REPEATED = "toploc-repeated"
    TOPLOC_SUPPORT = "toploc-support"
    TOPLOC_OFF_SUPPORT = "toploc-off-support"
    TOPLOC_SKETCH = "toploc-sketch"
    TOPLOC_LAYER = "toploc-layer"
    UPDATE = "update"
    ZERO_UPDATE = "zero-update"
    TRAINING = "training"
    CHECKPOINT = "checkpoint"
    REFEREE_MOVE = "referee-move"
    COLLECTIVE_MEMBER = "collective-member"
    COLLECTIVE_NAME = "collective-name"
    COLLECTIVE_SILENT = "collective-silent"
    COLLECTIVE_LOST = "collective-lost"
    COLLECTIVE_NON_FINITE = "collective-non-finite"
    COLLECTIVE_QUORUM = "collective-quorum"
    COLLECTIVE_CHECK = "collective-check"
    COLLECTIVE_STATE = "collective-state"


class Rejected(Exception):
    """A peer's claim that breaks a protocol rule: an expected outcome, raised or passed on as a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rejected) and (self.reason, self.detail) == (other.reason, other.detail)

    def __hash__(self) -> int:
        return hash((self.reason, self.detail))
