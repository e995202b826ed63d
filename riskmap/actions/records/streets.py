"""Streets and communities that are renamed or merged: seen before, done as one changeset, read under either name after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riskmap.actions.records.scoring import one_commit
from riskmap.actions.workspace import Workspace
from riskmap.catalog.problems import closest
from riskmap.errors import RiskmapError, Text, UnknownNameError, meant
from riskmap.json_documents import Document
from riskmap.ledger import Level, Renamed
from riskmap.rules.permissions import Actor, may
from riskmap.rules.subdistricts import naming

LEVELS = {"subdistrict": Text("街道", "street"), "community": Text("社区", "community")}
"""What is renamed, as it is called."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street or community, how many active records lie in it, by layer, and what it was called before."""

    name: str
    counts: dict[str, int]
    former: tuple[str, ...]


def streets(ws: Workspace, level: Level = "subdistrict") -> list[Street]:
    """Return the streets (or communities) that the boundaries know or a record states, those of the boundaries first."""
    held, former = ws.ledger.names_held(level), ws.former_names()[level]
    known = ws.subdistricts if level == "subdistrict" else ()
    names = dict.fromkeys((*known, *sorted(held)))
    return [
        Street(name, held.get(name, {}), tuple(old for old, new in former.items() if new == name))
        for name in names
    ]


def streets_json(found: Sequence[Street]) -> Document:
    """Return the document of `riskmap streets --json`."""
    return {
        "streets": [{"name": one.name, "layers": one.counts, "former": list(one.former)} for one in found]
    }


def plan_rename(ws: Workspace, olds: Sequence[str], new: str, *, level: Level = "subdistrict") -> Renamed:
    """Return what calling some streets by one new name would do, layer by layer; nothing is written.

    UnknownNameError where there is no street of an old name, RiskmapError without a new one.
    """
    there = [one.name for one in streets(ws, level)]
    now = new.strip()
    if not now:
        raise RiskmapError("新名称为空；请写明", "the new name is empty; state it")
    names = {old: now for word in olds if (old := _named(level, word, there)) != now}
    if not names:
        raise RiskmapError(
            f"{now}：已经是这个名称，没有要改的",
            f"{now}: it is called so already, there is nothing to rename",
        )
    held = ws.ledger.names_held(level)
    return Renamed(level, names, {old: held.get(old, {}) for old in names})


def _named(level: Level, word: str, there: Sequence[str]) -> str:
    name, _ = naming(there).canonical(word) if level == "subdistrict" else (word.strip(), True)
    if name in there:
        return name
    end, title = meant(closest(name, there)), LEVELS[level]
    raise UnknownNameError(
        f"{title.zh} {word}：没有记录或边界写这个名称{end.zh}",
        f"{title.en} {word}: no record and no boundary has this name{end.en}",
    )


def rename_streets(
    ws: Workspace, olds: Sequence[str], new: str, *, level: Level = "subdistrict", by: Actor, why: str
) -> Renamed:
    """Call some streets (or communities) by one new name, in all layers at once; one changeset, one undo.

    Later files that state an old name are read as the new one, and say so; so are the boundaries. Lists and figures of an
    earlier day keep the old one. More than one old name merges them.
    """
    may(by, "edit")
    if not why.strip():
        raise RiskmapError(
            "请写明原因：每次改动都要留下是谁、为什么", "state the reason: every change keeps who and why"
        )
    plan = plan_rename(ws, olds, new, level=level)
    with one_commit(ws, by=by, why=why, rated=True):
        return ws.ledger.rename_streets(plan.names, level, by=by.name, why=why)


def renamed_json(plan: Renamed) -> Document:
    """Return the document of `riskmap streets rename --json`; `changeset` is null where nothing was written."""
    return {
        "level": plan.level,
        "names": dict(plan.names),
        "counts": {old: dict(layers) for old, layers in plan.counts.items()},
        "records": plan.records,
        "changeset": plan.changeset,
    }
