"""A policy's weights in one of fewer layers. Every engine numbers its layers in the names of their tensors, and
numbers nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from cupel.protocol.model.policy import Policy


def transplant(source: Policy, target: Policy, kept: Sequence[int]) -> None:
    """Copy, in place, what lies outside the layers, and the `kept` layers of the source in their order as the target's
    first ones."""
    places = {old: new for new, old in enumerate(kept)}
    own = dict(target.named_parameters())
    with torch.no_grad():
        for name, weights in source.named_parameters():
            renamed = _renamed(name, places)
            if renamed is not None:
                own[renamed].copy_(weights)


def _renamed(name: str, places: Mapping[int, int]) -> str | None:
    """A tensor's name where its layer has another place; None if the layer has none."""
    parts = name.split(".")
    for index, part in enumerate(parts):
        if part.isdigit():
            place = places.get(int(part))
            return None if place is None else ".".join([*parts[:index], str(place), *parts[index + 1 :]])
    return name
