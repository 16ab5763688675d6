"""What the pages have to know of a plan, taken from the classes that Python checks plans with. Pure."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Final, get_args, get_type_hints

from cupel.protocol.spec import recipe, task
from cupel.protocol.spec.diloco import sparse
from cupel.protocol.spec.documents import MAX_INTEGER
from cupel.protocol.spec.environment_ref import MAX_TURNS, PACKAGED_VERSION
from cupel.protocol.spec.environments import text
from cupel.protocol.spec.environments.base import BUILT_IN, SORTING, Dialogue, get_environment
from cupel.protocol.spec.length_reward import FORMS
from cupel.protocol.spec.units import MILLION
from cupel.protocol.task import price
from cupel.protocol.task.plan import TaskPlan

_PLAIN: Final = {int: "integer", str: "string", bool: "boolean"}


def plan_schema() -> dict[str, Any]:
    """Fields, defaults, choices and limits of a plan; `site/plan.js` reads it."""
    classes: dict[str, list[dict[str, Any]]] = {}
    _describe(TaskPlan, classes)
    return {
        "kind": task.SPEC_KIND,
        "root": TaskPlan.__name__,
        "classes": classes,
        "choices": {
            "spec.recipe.objective": [recipe.GRPO, recipe.SFT, recipe.DPO],
            "spec.recipe.trust_region": [recipe.CLIP, recipe.MASK],
            "spec.recipe.reference": [recipe.GENESIS, recipe.SAMPLER],
            "spec.recipe.kl_estimator": [recipe.K1, recipe.K2, recipe.K3],
            "spec.aggregation.codec": ["mxint8", "mxint4", *_sparse_codecs()],
            "spec.aggregation.rule": [task.MEAN, task.TRIMMED_MEAN],
            "spec.length.form": list(FORMS),
        },
        "limits": {
            "integer": str(MAX_INTEGER),
            "chunk_elements": task.MAX_CHUNK_ELEMENTS,
            "topk": task.MIN_TOPK,
            "staleness": task.MAX_STALENESS,
            "term": task.MAX_TERM,
            "million": MILLION,
            "packaged_version": PACKAGED_VERSION,
            "turns": MAX_TURNS,
            "spec_bytes": task.MAX_SPEC_BYTES,
        },
        "environments": [_environment(reference) for reference in BUILT_IN],
        "packaged": {"vocabulary": text.VOCABULARY, "targets": len(text.TARGET_TOKENS)},
        "gas": {
            "approve": price.APPROVE_GAS,
            "create": price.CREATE_GAS,
            "refund": price.REFUND_GAS,
            "withdraw": price.WITHDRAW_GAS,
        },
    }


def _describe(cls: type, classes: dict[str, list[dict[str, Any]]]) -> None:
    hints = get_type_hints(cls)
    fields = []
    for field in dataclasses.fields(cls):
        kind, may_be_absent = hints[field.name], False
        if isinstance(kind, types.UnionType):
            (kind,) = (one for one in get_args(kind) if one is not types.NoneType)
            may_be_absent = True
        described: dict[str, Any] = {"name": field.name, "kind": _PLAIN.get(kind, kind.__name__)}
        if may_be_absent:
            described["absent"] = True
        elif field.default is not dataclasses.MISSING:
            described["default"] = field.default
        fields.append(described)
        if kind not in _PLAIN:
            _describe(kind, classes)
    classes[cls.__name__] = fields


def _environment(reference: task.EnvironmentRef) -> dict[str, Any]:
    environment = get_environment(reference)
    dialogue = environment if isinstance(environment, Dialogue) else None
    return {
        "id": reference.id,
        "version": reference.version,
        "vocabulary": environment.vocabulary,
        "prompt_tokens": environment.prompt_tokens,
        "answer_tokens": environment.max_tokens,
        "targets": len(environment.target_tokens),
        "has_reward_rule": reference == SORTING,
        "turns": 1 if dialogue is None else dialogue.turns,
        "reply_tokens": 0 if dialogue is None else dialogue.reply_tokens,
    }


def _sparse_codecs() -> list[str]:
    return [f"sparse-{kept}" for kept in range(1, sparse.MAX_KEPT + 1)]
