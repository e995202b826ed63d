"""What is to be done at a record before, during and after a hazard: a layer's plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast

from pydantic import Field as Key

from riskmap.catalog.problems import Items, Part, Slug, TomlFile, Words, closest, shown
from riskmap.errors import CatalogProblem, Text

PHASES: Final[Mapping[str, Text]] = {
    "before_48": Text("影响前48小时", "48 h before"),
    "before_24": Text("影响前24小时", "24 h before"),
    "before_12": Text("影响前12小时", "12 h before"),
    "before_6": Text("影响前6小时", "6 h before"),
    "during": Text("影响期间", "during"),
    "after": Text("影响过后", "after"),
}


_MOST_DAYS = 36_525


class ActionText(Part):
    """`{ zh = "…", en = "…", tiers = ["major"] }`: one thing to do.

    `tiers`: the raised tiers for which it is done, () for all.
    """

    zh: Words
    en: Words
    tiers: Items[Literal["major", "large", "general", "low"]] = ()

    @property
    def text(self) -> Text:
        """What to do, in both languages."""
        return Text(self.zh, self.en)


class PlanAction(ActionText):
    """One thing to do and the phase in which it is done."""

    phase: str


class RecordPlan(Part):
    """The `[plan]` of a layer.

    `field` is a text field of the layer that holds a record's own plan (一点一策) or the name of
    the file that does, "" where the layer has none; `own` says whether it adds to the actions here
    or replaces them. `verified_days`: contacts checked longer ago count as expired; None means the
    layer's `stale_after_days`.
    """

    source: str = Key(min_length=1, max_length=600)
    status: Literal["draft", "adopted"]
    field: Slug = ""
    own: Literal["adds", "replaces"] = "adds"
    verified_days: int | None = Key(default=None, ge=1, le=_MOST_DAYS)
    before_48: Items[ActionText] = ()
    before_24: Items[ActionText] = ()
    before_12: Items[ActionText] = ()
    before_6: Items[ActionText] = ()
    during: Items[ActionText] = ()
    after: Items[ActionText] = ()

    @property
    def actions(self) -> tuple[PlanAction, ...]:
        """Everything to do, in the order of the phases."""
        return tuple(
            PlanAction.model_construct(phase=phase, zh=one.zh, en=one.en, tiers=one.tiers)
            for phase in PHASES
            for one in cast("tuple[ActionText, ...]", getattr(self, phase))
        )


def plan_problems(source: TomlFile, common: TomlFile) -> Iterator[CatalogProblem]:
    """Return what no type can say of a plan: no actions, one action twice, a field that is no text."""
    plan = source.at(("plan",))
    if not isinstance(plan, dict):
        return
    stated = cast("dict[str, Any]", plan)
    if not any(stated.get(phase) for phase in PHASES):
        expected = Text(
            "至少一个阶段的措施：" + "、".join(PHASES), "actions of a phase: " + ", ".join(PHASES)
        )
        yield source.problem(("plan",), expected)
    for phase in PHASES:
        yield from _twice(source, phase)
    name = stated.get("field")
    if isinstance(name, str):
        kinds = {**_kinds(common), **_kinds(source)}
        texts = [field for field, kind in kinds.items() if kind == "text"]
        if name not in texts:
            expected = Text("本图层的文字字段", "a text field of this layer")
            yield source.problem(("plan", "field"), expected, found=shown(name), hint=closest(name, texts))
    elif "own" in stated:
        expected = Text(
            "同时写明 field：own 说的是该字段里的一点一策",
            "field beside it: own speaks of the plan in that field",
        )
        yield source.problem(("plan", "own"), expected)


def _twice(source: TomlFile, phase: str) -> Iterator[CatalogProblem]:
    seen: set[str] = set()
    for path, action in source.tables("plan", phase):
        text = action.get("zh")
        if isinstance(text, str) and text in seen:
            expected = Text("本阶段没有写过的措施", "an action not yet listed in this phase")
            yield source.problem((*path, "zh"), expected, found=shown(text))
        seen.add(str(text))


def _kinds(source: TomlFile) -> dict[str, object]:
    return {str(field.get("id")): field.get("type") for _, field in source.tables("fields")}
