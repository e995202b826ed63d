"""Reading the `[plan]` section of a layer file, and every mistake in it at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

from pydantic import Field as Key

from riskmap.catalog.plan import PHASES, Action, Plan
from riskmap.catalog.problems import Items, Part, Slug, TomlFile, Words, closest, shown
from riskmap.errors import CatalogProblem, Say

_MOST_DAYS = 36_525


class ActionPart(Part):
    """`{ zh = "…", en = "…", tiers = ["major"] }`."""

    zh: Words
    en: Words
    tiers: Items[Literal["major", "large", "general", "low"]] = ()


class PlanPart(Part):
    """`[plan]`."""

    source: str = Key(min_length=1, max_length=600)
    status: Literal["draft", "adopted"]
    field: Slug | None = None
    own: Literal["adds", "replaces"] = "adds"
    verified_days: int | None = Key(default=None, ge=1, le=_MOST_DAYS)
    before_48: Items[ActionPart] = ()
    before_24: Items[ActionPart] = ()
    before_12: Items[ActionPart] = ()
    before_6: Items[ActionPart] = ()
    during: Items[ActionPart] = ()
    after: Items[ActionPart] = ()

    def value(self) -> Plan:
        """Return the section as the value that travels."""
        return Plan(
            actions=tuple(
                Action(phase, Say(part.zh, part.en), tuple(part.tiers))
                for phase in PHASES
                for part in cast("tuple[ActionPart, ...]", getattr(self, phase))
            ),
            field=self.field or "",
            own=self.own,
            verified_days=self.verified_days,
            source=self.source,
            status=self.status,
        )


def plan_problems(source: TomlFile, common: TomlFile) -> Iterator[CatalogProblem]:
    """Return what no type can say of a plan: no actions, one action twice, a field that is no text."""
    plan = source.at(("plan",))
    if not isinstance(plan, dict):
        return
    stated = cast("dict[str, Any]", plan)
    if not any(stated.get(phase) for phase in PHASES):
        expected = Say("至少一个阶段的措施：" + "、".join(PHASES), "actions of a phase: " + ", ".join(PHASES))
        yield source.problem(("plan",), expected)
    for phase in PHASES:
        yield from _twice(source, phase)
    name = stated.get("field")
    if isinstance(name, str):
        kinds = {**_kinds(common), **_kinds(source)}
        texts = [field for field, kind in kinds.items() if kind == "text"]
        if name not in texts:
            expected = Say("本图层的文字字段", "a text field of this layer")
            yield source.problem(("plan", "field"), expected, found=shown(name), hint=closest(name, texts))
    elif "own" in stated:
        expected = Say(
            "同时写明 field：own 说的是该字段里的一点一策",
            "field beside it: own speaks of the plan in that field",
        )
        yield source.problem(("plan", "own"), expected)


def _twice(source: TomlFile, phase: str) -> Iterator[CatalogProblem]:
    seen: set[str] = set()
    for path, action in source.tables("plan", phase):
        text = action.get("zh")
        if isinstance(text, str) and text in seen:
            expected = Say("本阶段没有写过的措施", "an action not yet listed in this phase")
            yield source.problem((*path, "zh"), expected, found=shown(text))
        seen.add(str(text))


def _kinds(source: TomlFile) -> dict[str, object]:
    return {str(field.get("id")): field.get("type") for _, field in source.tables("fields")}
