"""A warning or its lifting as it came, and what is left of the warnings once liftings are applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from riskmap.hazards import IssuedWarning


@dataclass(frozen=True, slots=True)
class Notice:
    """`lifts`: it ends the warnings of its kind in its sub-districts; its colour then means nothing."""

    warning: IssuedWarning
    lifts: bool = False


def settled(notices: Iterable[Notice]) -> list[IssuedWarning]:
    """Return the warnings in the order of issue, each ended where a later notice lifts it.

    A lifting for some sub-districts of a warning ends it there and leaves it in the others. One for
    sub-districts does not touch a warning of the whole district: which others there are is not known here,
    and a warning is never dropped by guess.
    """
    standing: list[IssuedWarning] = []
    for notice in sorted(notices, key=lambda n: (n.warning.issued, n.lifts)):
        if not notice.lifts:
            standing.append(notice.warning)
            continue
        standing = [part for warning in standing for part in _lifted(warning, notice.warning)]
    return standing


def _lifted(warning: IssuedWarning, by: IssuedWarning) -> list[IssuedWarning]:
    ended = warning.expires is not None and warning.expires <= by.issued
    if warning.kind != by.kind or ended or warning.issued >= by.issued:
        return [warning]
    if not by.subdistricts:
        return [replace(warning, expires=by.issued)]
    inside = tuple(name for name in warning.subdistricts if name in by.subdistricts)
    if not inside:
        return [warning]
    outside = tuple(name for name in warning.subdistricts if name not in by.subdistricts)
    parts = [replace(warning, subdistricts=inside, expires=by.issued)]
    return [*parts, replace(warning, subdistricts=outside)] if outside else parts
