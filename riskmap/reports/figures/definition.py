"""What a figure is: the frozen values of `reports/figures/*.toml`, read, and held against the layers of a workspace.

A figure is one table of its file with exactly one measure; what the file states beside its tables holds for each of
them that does not say otherwise. Its id is the file's name and its key: `hazards.rate`. A figure that cannot be read
is named and the others go on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field as Key
from pydantic import StringConstraints, create_model

from riskmap.catalog.flow import STATE, Day, Flow
from riskmap.catalog.layer import Field, Kinds, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, CONTACT_PREFIX, LINK_PREFIX, Condition
from riskmap.catalog.problems import (
    Items,
    Part,
    Slug,
    TitleTable,
    TomlFile,
    Words,
    WrittenAs,
    closest,
    one_of,
    shown,
)
from riskmap.catalog.roles import Counts
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogError, CatalogProblem, SelectionError, Text
from riskmap.reports.periods import Shift
from riskmap.selection import parse_where

FOLDER: Final = "reports/figures"
"""Where a workspace keeps figures of its own."""


# An id: the file's name, a dot, the key.
FigureId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}\.[a-z0-9_]{1,63}$")]


# A title in one language, or in both.
PlainTitle = Annotated[
    Text,
    WrittenAs(
        Text,
        Words | TitleTable,
        lambda said: Text(said, said) if isinstance(said, str) else Text(said.zh, said.en),
    ),
]


Share = Literal["percent", "permille", "per_10000", "per_km", "plain"]


UNIT_OF_SHARE: Final[Mapping[str, str]] = {
    "percent": "%",
    "permille": "‰",
    "per_10000": "/万",
    "per_km": "/km",
    "plain": "",
}


MEASURES: Final = (
    *("count", "sum", "balance", "mean", "min", "max", "distinct"),
    *("ratio", "total", "minus", "change", "funnel", "nearest", "checklist", "tally", "given"),
)


OF_FIGURES: Final = ("ratio", "total", "minus", "change")
"""Measures that are worked out of other figures."""


BY: Final = ("layer", "subdistrict", "tier", "month", "week", "item", "field")
"""What a figure may be grouped by beside the fields of its layers."""


ALL: Final = "all"
"""Every item of a checklist; as what a figure is counted over, every layer."""


Tally = Literal[
    "rejected",
    "held",
    "open",
    "overdue",
    "due",
    "to_accept",
    "alerts",
    "reminders",
    "handed_in",
    "desks",
    "scenarios",
    "storm_raised",
    "storm_unjudged",
    "storm_closed",
    "tiers_moved",
    "tiers_worse",
    "tiers_caused",
    "tiers_first",
]
"""What the ledger keeps beside its records, and how many there are of it: rows of files that were sent back or wait
for a person, what is open in the registers, reminders that are due, lists that came this month, desks on duty, scenarios and
what the last one that is no drill raises, tiers that changed in a period.
"""


MOVED: Final = "tiers_"
"""What the tallies begin with that a period cuts."""


PRESENT: Final = "fields.present"


class Figure(Part):
    """A figure as its table states it; one of `MEASURES` is set.

    `over`: the layers whose records it looks at: an id, several, what they count as (`"risk"`), or what they are
    (`{ role = "shelter" }`). `where`: conditions as `--where` takes them, all of which hold. `by`: what it is grouped
    by. `date`: the field whose day a period cuts, by default the layer's moment; without one the figure is a stock:
    the ledger of a day and no period. `names`: the words by which reports call it. `formerly`: ids it was published under.

    `tally`: what the ledger keeps beside its records, in the groups that it has (`Tally`): by layer, of tiers that
    changed by the two tiers, by cause, or by the first one.

    `to`: of moves the state that they lead to, `move` the move itself; of the closest record the layer whose records
    are measured from, `where` then holds for those that are looked for. `children`: of which layer the children are
    counted, where several hang on the record. `on` and `by` of a given number: the day it was stated, and who did.
    """

    title: PlainTitle | None = None
    names: Items[Words] = ()
    formerly: Items[FigureId] = ()
    publisher: Words | None = None
    over: Slug | Items[Slug] | Kinds | None = None
    where: Items[Words] = ()
    by: Words | Items[Words] | None = None
    date: Slug | None = None
    period: Words | None = None
    unit: str | None = None
    decimals: int | None = Key(default=None, ge=0, le=6)
    status: Literal["provisional"] | None = None

    count: Literal["records", "children", "moves"] | None = None
    children: Slug | None = None
    to: Slug | None = None
    move: Slug | None = None
    sum: Words | None = None
    balance: Slug | None = None
    mean: Words | None = None
    min: Words | None = None
    max: Words | None = None
    distinct: Words | None = None
    ratio: Annotated[tuple[Words, Words], Key(strict=False)] | None = None
    total: Items[Words] | None = None
    minus: Items[Words] | None = None
    change: Words | None = None
    against: Shift = "-1y"
    funnel: Items[Slug] | None = None
    field: Slug | None = None
    nearest: Slug | Kinds | None = None
    stat: Literal["median", "max", "share_within"] = "median"
    within: float | None = Key(default=None, gt=0)
    checklist: Words | None = None
    tally: Tally | None = None
    given: int | float | None = None
    source: Words | None = None
    on: Day | dt.date | None = None
    share: Share | Literal["delta"] | None = Key(default=None, validation_alias="as")

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """The measures that are stated: one, where the table is sound."""
        return tuple(name for name in MEASURES if getattr(self, name) is not None)

    @property
    def measure(self) -> str:
        """The one measure that it has."""
        return self.measures[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """What it is grouped by; of a given number `by` is who gave it."""
        if self.by is None or self.given is not None:
            return ()
        return (self.by,) if isinstance(self.by, str) else self.by

    @property
    def of(self) -> tuple[str, ...]:
        """The figures that it is worked out of, in their order."""
        if self.change is not None:
            return (self.change,)
        return self.ratio or self.total or self.minus or ()

    @property
    def field_read(self) -> str:
        """The field that a sum, mean, least, most or number of kinds reads, "" of any other measure."""
        return self.sum or self.balance or self.mean or self.min or self.max or self.distinct or ""


_DEFAULTS: Final = ("over", "where", "date", "period", "unit", "publisher", "title", "source")


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure whose layers, fields and conditions are there.

    `layers`: those whose records it looks at; `prefix`: what stands before a condition on the parent of a child;
    `conditions`: those that mean the same on every day, None where one speaks of today. `dates`: layer → the field
    that a period cuts, () where it is a stock. `decimals` None: as many as the number has.
    """

    id: str
    file: str
    own: bool
    figure: Figure
    title: Text
    unit: str
    decimals: int | None
    layers: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict[str, str])
    measured: str = ""
    targets: tuple[str, ...] = ()

    @property
    def stock(self) -> bool:
        """Whether no period cuts it."""
        return not self.dates and self.figure.count != "moves" and not self.moved

    @property
    def moved(self) -> bool:
        """Whether it tells which tiers changed: only of a period."""
        return (self.figure.tally or "").startswith(MOVED)


@dataclass(frozen=True, slots=True)
class FailedFigure:
    """A figure that cannot be told, and why: it is missing by name, the others go on."""

    id: str
    problem: CatalogProblem | None
    message: Text
    remedy: Text
    own: bool = True

    @classmethod
    def of(cls, figure_id: str, problem: CatalogProblem, *, own: bool) -> FailedFigure:
        """Return a figure that a mistake in its file keeps from use."""
        said = Text(problem.text("zh"), problem.text("en"))
        return cls(figure_id, problem, said, problem.remedy, own)


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a workspace: those that can be told, in the order of their files.

    `failed`: those of the workspace's own files that cannot. `idle`: shipped ones over layers or fields that this
    workspace does not have, with what is missing: they are no mistake. `former`: id of before → id of today.
    """

    usable: Mapping[str, Bound]
    failed: tuple[FailedFigure, ...] = ()
    idle: Mapping[str, FailedFigure] = field(default_factory=dict[str, FailedFigure])

    @property
    def former(self) -> dict[str, str]:
        """Ids under which figures were published before → those of today."""
        return {old: one.id for one in self.usable.values() for old in one.figure.formerly}

    def named(self, words: str, *, unit: str | None = None) -> tuple[Bound, ...]:
        """Return the figures that reports call by these words: by title or one of `names`, of a unit where one is given."""
        wanted = "".join(words.split())
        return tuple(
            one
            for one in self.usable.values()
            if wanted in {"".join(name.split()) for name in (one.title.zh, one.title.en, *one.figure.names)}
            and unit in {None, one.unit}
        )


def default_figures() -> dict[str, str]:
    """Return the figures that riskmap ships, file name → text; a workspace's file of the same name replaces one."""
    return _texts_of("riskmap.reports.figures")


@lru_cache(maxsize=4)
def _texts_of(package: str) -> dict[str, str]:
    found = ((one.name, one) for one in resources.files(package).iterdir() if one.name.endswith(".toml"))
    return {name: one.read_text(encoding="utf-8") for name, one in sorted(found)}


def bind_figures(
    files: Sequence[tuple[str, str | CatalogError, bool]],
    layers: Mapping[str, Layer],
    broken: Mapping[str, CatalogProblem],
) -> Figures:
    """Return the figures of some files (name, text or why it cannot be read, whether it is the workspace's own).

    `broken`: layers whose file cannot be used → why; a figure over one of them fails by name.
    """
    usable: dict[str, Bound] = {}
    failed: list[FailedFigure] = []
    idle: dict[str, FailedFigure] = {}

    def lost(figure_id: str, problems: Sequence[CatalogProblem], *, own: bool, loud: bool = False) -> None:
        one = FailedFigure.of(figure_id, problems[0], own=own)
        if own or loud:
            failed.append(one)
        else:
            idle[figure_id] = one

    stated: dict[str, tuple[Figure, TomlFile, bool]] = {}
    for name, text, own in files:
        stem = name.rpartition("/")[2].removesuffix(".toml")
        try:
            source = TomlFile.parse(_text(text), name)
        except CatalogError as problem:
            lost(stem, problem.problems, own=own)
            continue
        for key, found in _tables(source):
            if isinstance(found, Figure):
                stated[f"{stem}.{key}"] = (found, source, own)
            else:
                lost(f"{stem}.{key}" if key else stem, found, own=own)
    for figure_id, (figure, source, own) in stated.items():
        key = figure_id.partition(".")[2]
        missing = next((broken[one] for one in _asked_layers(figure) if one in broken), None)
        if missing is not None:
            lost(figure_id, (missing,), own=own, loud=True)
            continue
        binder = _Binder(figure_id, figure, source, key, layers, stated, own)
        problems = tuple(binder.problems())
        if problems:
            lost(figure_id, problems, own=own)
        else:
            usable[figure_id] = binder.bound()
    _drop_broken_chains(usable, stated, lost)
    return Figures(usable, tuple(failed), idle)


def _text(text: str | CatalogError) -> str:
    if isinstance(text, CatalogError):
        raise text
    return text.replace("\r\n", "\n")


def _tables(source: TomlFile) -> Iterator[tuple[str, Figure | list[CatalogProblem]]]:
    """Yield the figures of a file, or what is wrong with each; under "" what is wrong with the file itself."""
    tables = {k: v for k, v in source.data.items() if isinstance(v, dict) and k not in _DEFAULTS}
    shared = {k: v for k, v in source.data.items() if k not in tables}
    wrong = [key for key in shared if key not in _DEFAULTS]
    if wrong:
        expected = one_of(_DEFAULTS)
        yield "", [source.problem((key,), expected, found=key, hint=closest(key, _DEFAULTS)) for key in wrong]
        return
    shared.pop("title", None)  # what the file is called: no figure's own
    for key, table in tables.items():
        merged = {**shared, **table}
        if "given" in table:  # nobody counts it: what the others are counted over is not its own
            merged = {k: v for k, v in merged.items() if k in table or k in {"publisher", "unit", "source"}}
        elif any(name in table for name in OF_FIGURES):
            merged = {k: v for k, v in merged.items() if k in table or k == "publisher"}
        else:
            # What is counted has no source, and a share is no number of what the file counts.
            for name in ("source", *(["unit"] if "checklist" in table else [])):
                if name not in table:
                    merged.pop(name, None)
        yield key, _read_one(source, key, merged)


def _read_one(source: TomlFile, key: str, merged: Mapping[str, Any]) -> Figure | list[CatalogProblem]:
    try:
        return Figure.model_validate(merged, by_alias=True, by_name=False)
    except ValueError:  # told by a model of the whole file, so that every mistake has its place
        keys: Any = {key: (Figure, ...)}
        shape: type[Part] = create_model("File", __base__=Part, **keys)
        _, problems = TomlFile(source.file, source.text, {key: dict(merged)}).check(shape)
        return problems


def _asked_layers(figure: Figure) -> tuple[str, ...]:
    over = figure.over
    named = () if over is None or isinstance(over, Kinds) else (over,) if isinstance(over, str) else over
    more = [one for one in (figure.nearest, figure.to, figure.children) if isinstance(one, str)]
    return (*named, *more)


def _refuse_circles(usable: Mapping[str, Bound]) -> None:
    made_of = {one.id: [base_of(each, usable) for each in one.figure.of] for one in usable.values()}
    TopologicalSorter(made_of).prepare()


def base_of(figure_id: str, known: Mapping[str, object]) -> str:
    """Return the figure of which an id names a member: points.tier of points.tier.major; the id itself where it is one."""
    if figure_id in known:
        return figure_id
    file, _, rest = figure_id.partition(".")
    return f"{file}.{rest.partition('.')[0]}"


def _drop_broken_chains(
    usable: dict[str, Bound],
    stated: Mapping[str, tuple[Figure, TomlFile, bool]],
    lost: Callable[..., None],
) -> None:
    """Leave out the figures that are made of ones that are missing, or of themselves by way of others."""
    while True:
        gone = [
            (one, each)
            for one in usable.values()
            for each in one.figure.of
            if base_of(each, usable) not in usable
        ]
        for one, each in {one.id: (one, each) for one, each in gone}.values():
            _, source, own = stated[one.id]
            path = (one.id.partition(".")[2], one.figure.measure)
            known = base_of(each, stated) in stated
            expected = Text("可用的指标", "a figure that can be told") if known else one_of_ids(each, stated)
            hint = "" if known else closest(each, stated)
            lost(one.id, (source.problem(path, expected, found=shown(each), hint=hint),), own=own)
            del usable[one.id]
        if gone:
            continue
        try:
            _refuse_circles(usable)
            return  # noqa: TRY300 - the way out
        except CycleError as circle:
            members = [*dict.fromkeys(circle.args[1])]
            said = " → ".join(circle.args[1])
            for one in members:
                _, source, own = stated[one]
                path = (one.partition(".")[2], usable[one].figure.measure)
                expected = Text(
                    f"不绕回自身的指标（{said}）", f"figures that do not lead back to it ({said})"
                )
                lost(one, (source.problem(path, expected),), own=own)
                del usable[one]


def one_of_ids(figure_id: str, known: Mapping[str, object]) -> Text:
    """Return what may stand where an id is that no figure has."""
    file = figure_id.partition(".")[0]
    near = [one for one in known if one.startswith(f"{file}.")] or list(known)[:12]
    return Text(f"已有的指标，如 {'、'.join(near[:8])}", f"the id of a figure, such as {', '.join(near[:8])}")


def parsed_conditions(
    where: Sequence[str], layers: Sequence[Layer], catalog: Mapping[str, Layer], today: dt.date
) -> tuple[Condition, ...]:
    """Return conditions as the selection has them, on a day. SelectionError names one that cannot be read."""
    return tuple(
        _parsed(
            text, tuple(layers), _Catalog(catalog), today if "today" in text or "今" in text else dt.date.min
        )
        for text in where
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Catalog:
    """Layers as the object that they are, so that conditions need be read once."""

    layers: Mapping[str, Layer]

    def __hash__(self) -> int:
        return id(self.layers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Catalog) and other.layers is self.layers


@lru_cache(maxsize=2048)
def _read_condition(text: str, layers: tuple[str, ...], catalog: _Catalog, today: dt.date) -> Condition:
    chosen = [catalog.layers[one] for one in layers]
    return parse_where(text, chosen, today=today, catalog=catalog.layers)


def _parsed(text: str, layers: tuple[Layer, ...], catalog: _Catalog, today: dt.date) -> Condition:
    return _read_condition(text, tuple(one.id for one in layers), catalog, today)


@dataclass(slots=True)
class _Binder:
    """One figure held against the layers: what is wrong with it, and what it becomes."""

    id: str
    figure: Figure
    source: TomlFile
    key: str
    layers: Mapping[str, Layer]
    stated: Mapping[str, tuple[Figure, TomlFile, bool]]
    own: bool
    chosen: list[Layer] = field(default_factory=list[Layer])
    where: tuple[str, ...] = ()
    dates: dict[str, str] = field(default_factory=dict[str, str])
    measured: str = ""
    targets: tuple[str, ...] = ()

    def problem(
        self, key: str, expected: Text, *, found: str | None = None, hint: str = ""
    ) -> CatalogProblem:
        """Return a problem at a key of this figure, or where its file says it for all."""
        path: KeyPath = (self.key, key) if self.source.at((self.key, key)) is not None else (key,)
        path = path if self.source.at(path) is not None else (self.key,)
        return self.source.problem(path, expected, found=found, hint=hint)

    def problems(self) -> Iterator[CatalogProblem]:
        """Yield what keeps the figure from use; nothing where it is sound."""
        figure = self.figure
        if len(figure.measures) != 1:
            expected = Text(
                f"恰好一个算法（{'、'.join(MEASURES)}）", f"exactly one measure ({', '.join(MEASURES)})"
            )
            yield self.source.problem((self.key,), expected, found="、".join(figure.measures) or "—")
            return
        if figure.measure == "given":
            yield from self._given()
        elif figure.measure in OF_FIGURES:
            yield from self._of_figures()
        elif figure.measure == "tally":
            if figure.by is not None:
                yield self.problem("by", Text("不分组", "no groups"))
        else:
            yield from self._counted()

    def _given(self) -> Iterator[CatalogProblem]:
        for key in ("source", "on"):
            if getattr(self.figure, key) is None:
                expected = Text("来源（source）和日期（on）", "where it comes from (source) and its day (on)")
                yield self.problem(key, expected, found="—")

    def _of_figures(self) -> Iterator[CatalogProblem]:
        figure, known = self.figure, self.stated
        unknown = False
        for each in figure.of:
            if base_of(each, known) not in known:
                unknown = True
                yield self.problem(
                    figure.measure, one_of_ids(each, known), found=shown(each), hint=closest(each, known)
                )
        if figure.measure == "ratio" and figure.share == "delta":
            yield self.problem("as", one_of(UNIT_OF_SHARE))
        if figure.measure == "change" and figure.share not in {None, "percent", "delta"}:
            yield self.problem("as", one_of(("percent", "delta")))
        if figure.measure == "minus" and len(figure.of) < 2:
            yield self.problem("minus", Text("至少两个指标", "two figures at least"))
        if unknown:
            return
        units = [self._unit_of(each) for each in figure.of]
        alike = figure.measure in {"total", "minus"} or (
            figure.measure == "ratio" and figure.share in {None, "percent", "permille"}
        )
        if alike and len(set(units)) > 1:
            said = "、".join(f"{one} {unit or '—'}" for one, unit in zip(figure.of, units, strict=True))
            expected = Text("单位相同的指标", "figures of one unit")
            yield self.problem(figure.measure, expected, found=said)

    def _unit_of(self, figure_id: str, depth: int = 0) -> str:
        found, _, _ = self.stated[base_of(figure_id, self.stated)]
        if found.unit is not None or depth > 8:
            return found.unit or ""
        if found.measures and found.measure in {"total", "minus", "change"} and found.of:
            first = found.of[0]
            if base_of(first, self.stated) in self.stated and found.share != "percent":
                return self._unit_of(first, depth + 1)
        if found.measures and found.measure in {"ratio", "checklist"}:
            return UNIT_OF_SHARE[found.share or "percent"]
        if found.field_read and isinstance(found.over, str) and found.over in self.layers:
            layer = self.layers[found.over]
            return layer.field(found.field_read).unit if found.field_read in layer.field_ids else ""
        return ""

    def _counted(self) -> Iterator[CatalogProblem]:
        yield from self._over()
        if not self.chosen:
            return
        yield from self._as_children()
        yield from self._conditions()
        yield from self._period()
        yield from self._measure()
        yield from self._groups()

    def _over(self) -> Iterator[CatalogProblem]:
        over, key = self.figure.over, "over"
        if self.figure.measure == "nearest":
            over, key = self.figure.to, "to"
        if over is None:
            yield self.problem(
                key, Text("写明对哪个图层计数", "the layer whose records are counted"), found="—"
            )
            return
        if isinstance(over, Kinds):
            self.chosen = [one for one in self.layers.values() if over.takes(one)]
        elif over == ALL:
            self.chosen = list(self.layers.values())
        elif isinstance(over, str) and over in get_args(Counts):
            self.chosen = [one for one in self.layers.values() if one.counts == over]
        else:
            for each in (over,) if isinstance(over, str) else over:
                if each not in self.layers:
                    known = [*self.layers, *get_args(Counts), ALL]
                    expected = Text(
                        "能用的图层文件的标识（登记册用 riskmap layer add 加入）",
                        "the id of a layer file that can be used (riskmap layer add takes a register in)",
                    )
                    yield self.problem(key, expected, found=shown(each), hint=closest(each, known))
                    self.chosen = []
                    return
                self.chosen.append(self.layers[each])
        if not self.chosen:
            expected = Text(
                "至少有一个图层符合的种类（本工作区没有）", "what some layer is (none of this workspace)"
            )
            yield self.problem(key, expected)

    def _as_children(self) -> Iterator[CatalogProblem]:
        """Turn what is asked of the children of a record into what is asked of the child layer itself."""
        figure = self.figure
        self.where = () if figure.measure == "nearest" else figure.where  # met by what is looked for
        self.measured = figure.field_read
        child, dot, measured = figure.field_read.partition(".")
        child = child if dot else figure.children or ""
        if not dot and figure.count != "children":
            return
        parent = self.chosen[0]
        hanging = [
            one
            for one in self.layers.values()
            if one.belongs_to is not None and one.belongs_to.layer == parent.id
        ]
        chosen = [one for one in hanging if child in {"", one.id}]
        if len(self.chosen) != 1 or len(chosen) != 1:
            expected = Text(
                f"挂在这个图层下的图层：{'、'.join(one.id for one in hanging) or '（无）'}",
                f"a layer whose records hang on those of this one: {', '.join(one.id for one in hanging) or '(none)'}",
            )
            yield self.problem(
                "children" if figure.count else figure.measure, expected, found=shown(child or "—")
            )
            self.chosen = []
            return
        self.chosen = chosen
        link = chosen[0].belongs_to
        assert link is not None
        self.where = (
            f"{link.field} present",
            *(f"{LINK_PREFIX}{link.field}.{text}" for text in figure.where),
        )
        self.measured = measured

    def _conditions(self) -> Iterator[CatalogProblem]:
        for text in self.where:
            try:
                parsed_conditions([text], self.chosen, self.layers, dt.date(2000, 1, 1))
            except SelectionError as problem:
                yield self.problem("where", Text(problem.text("zh"), problem.text("en")), found=shown(text))

    def _period(self) -> Iterator[CatalogProblem]:
        figure = self.figure
        if figure.period not in {None, "none"}:
            yield self.problem("period", Text('"none"（不随时段）', '"none" (no period cuts it)'))
        stock = {"balance", "funnel", "nearest", "checklist"}
        if figure.period == "none" or (figure.measure in stock and figure.date is None):
            return
        if figure.count == "moves":
            return
        for layer in self.chosen:
            name = figure.date or layer.moment
            if not name:
                continue
            found = layer.field(name) if name in layer.field_ids else None
            if found is None or found.type not in {"date", "moment"}:
                known = [f.id for f in layer.fields if f.type in {"date", "moment"}]
                yield self.problem("date", one_of(known), found=shown(name), hint=closest(name, known))
            else:
                self.dates[layer.id] = name
        if self.dates and len(self.dates) < len(self.chosen):
            without = next(one for one in self.chosen if one.id not in self.dates)
            expected = Text(
                f'每个图层都有的日期，或 period = "none"（{without.id} 没有）',
                f'a date that every layer has, or period = "none" ({without.id} has none)',
            )
            yield self.problem("over", expected)
        elif len(set(self.dates.values())) > 1:
            expected = Text("各图层同名的日期字段", "a date that goes by one id in all of the layers")
            yield self.problem("over", expected, found="、".join(dict.fromkeys(self.dates.values())))

    def _measure(self) -> Iterator[CatalogProblem]:
        figure = self.figure
        if figure.count == "moves":
            yield from self._moves()
        elif figure.measure == "funnel":
            yield from self._funnel()
        elif figure.measure == "nearest":
            yield from self._nearest()
        elif figure.measure == "checklist":
            yield from self._checklist()
        elif self.measured:
            yield from self._field()

    def _field(self) -> Iterator[CatalogProblem]:
        measure, name = self.figure.measure, self.measured
        having = [one for one in self.chosen if name in one.field_ids]
        if not having:
            known = [f.id for one in self.chosen for f in one.fields]
            yield self.problem(measure, one_of(known), found=shown(name), hint=closest(name, known))
            return
        fields = [one.field(name) for one in having]
        if measure != "distinct" and any(f.type not in {"integer", "number"} for f in fields):
            yield self.problem(measure, Text("数值字段", "a field of numbers"), found=shown(name))
        if measure == "distinct" and any(f.personal for f in fields):
            yield self.problem(
                measure, Text("非个人信息的字段", "a field that is not personal data"), found=shown(name)
            )
        units = {f.unit for f in fields}
        if len(units) > 1 and measure != "distinct":
            yield self.problem(measure, Text("单位相同的字段", "fields of one unit"), found=shown(name))
        (unit,) = units if len(units) == 1 else ("",)
        stated = self.figure.unit
        if measure != "distinct" and stated is not None and unit and stated != unit:
            expected = Text(f"字段的单位 {unit}", f"the unit of the field, {unit}")
            yield self.problem("unit", expected, found=shown(stated))
        if measure == "balance" and not any(r.id == name and r.terms for one in having for r in one.rollups):
            expected = Text("由出入库累计的字段（plus、minus）", "a rollup that is a balance (plus, minus)")
            yield self.problem("balance", expected, found=shown(name))

    def _moves(self) -> Iterator[CatalogProblem]:
        figure = self.figure
        if (figure.to is None) == (figure.move is None):
            yield self.problem(
                "count", Text("to（到哪个状态）或 move（哪个动作）之一", "one of to (a state) and move")
            )
            return
        for layer in self.chosen:
            flow: Flow | None = layer.flow
            if flow is None:
                yield self.problem(
                    "over", Text("有流转（flow）的图层", "a layer with a flow"), found=layer.id
                )
                continue
            known = [one.id for one in (flow.states if figure.to else flow.moves)]
            key = "to" if figure.to else "move"
            word = figure.to or figure.move
            if word not in known:
                yield self.problem(key, one_of(known), hint=closest(str(word), known))

    def _funnel(self) -> Iterator[CatalogProblem]:
        name = self.figure.field or STATE
        for layer in self.chosen:
            if name not in layer.field_ids or layer.field(name).type != "choice":
                known = [f.id for f in layer.fields if f.type == "choice"]
                yield self.problem("field", one_of(known), found=shown(name), hint=closest(name, known))
                continue
            known = [choice.id for choice in layer.field(name).choices]
            for step in self.figure.funnel or ():
                if step not in known:
                    yield self.problem("funnel", one_of(known), found=shown(step), hint=closest(step, known))

    def _nearest(self) -> Iterator[CatalogProblem]:
        figure = self.figure
        of = figure.nearest
        found = (
            [one for one in self.layers.values() if of.takes(one)]
            if isinstance(of, Kinds)
            else [self.layers[of]]
            if isinstance(of, str) and of in self.layers
            else []
        )
        if not found:
            expected = Text("能用的图层文件的标识", "the id of a layer file that can be used")
            yield self.problem("nearest", expected, hint=closest(str(of), self.layers))
            return
        self.targets = tuple(one.id for one in found)
        for text in figure.where:
            try:
                parsed_conditions([text], found, self.layers, dt.date(2000, 1, 1))
            except SelectionError as problem:
                yield self.problem("where", Text(problem.text("zh"), problem.text("en")), found=shown(text))
        if figure.stat == "share_within" and figure.within is None:
            yield self.problem("stat", Text("距离 within（米）", "within, a distance in metres"))

    def _checklist(self) -> Iterator[CatalogProblem]:
        for layer in self.chosen:
            word, known = self.figure.checklist or "", checkable(layer)
            if word not in known:
                expected = one_of(known)
                yield self.problem("checklist", expected, found=shown(word), hint=closest(word, known))

    def _groups(self) -> Iterator[CatalogProblem]:
        figure = self.figure
        if len(figure.keys) > 2:
            yield self.problem("by", Text("至多两项", "two at most"))
        special = {"item": ALL, "field": PRESENT}
        for key in figure.keys:
            if key in special:
                if figure.checklist != special[key]:
                    expected = Text(f'checklist = "{special[key]}"', f'checklist = "{special[key]}"')
                    yield self.problem("by", expected, found=shown(key))
                continue
            if key in {"month", "week"}:
                if not self.dates and figure.count != "moves":
                    yield self.problem(
                        "by", Text("有日期（date）的指标", "a figure with a date"), found=shown(key)
                    )
                continue
            if key in BY:
                continue
            fields = [one.field(key) for one in self.chosen if key in one.field_ids]
            if not fields or any(
                f.personal or f.type not in {"choice", "boolean", "text", "record"} for f in fields
            ):
                known = [
                    *BY,
                    *(f.id for one in self.chosen for f in one.fields if f.type in {"choice", "boolean"}),
                ]
                yield self.problem("by", one_of(known), found=shown(key), hint=closest(key, known))
        if figure.keys and figure.measure in {"funnel", "nearest", *OF_FIGURES, "given"}:
            yield self.problem("by", Text("不分组", "no groups"))

    def bound(self) -> Bound:
        """Return the figure with what it is counted over."""
        figure = self.figure
        unit = self._unit()
        return Bound(
            self.id,
            self.source.file,
            self.own,
            figure,
            figure.title or self._title(),
            unit,
            _decimals(figure),
            tuple(one.id for one in self.chosen),
            self.where,
            self.dates,
            self.measured,
            self.targets,
        )

    def _unit(self) -> str:
        figure = self.figure
        if figure.unit is not None:
            return figure.unit
        if figure.measure in {"ratio", "checklist"}:
            return UNIT_OF_SHARE[figure.share or "percent"]
        if figure.measure == "change":
            of = self._unit_of(figure.of[0])
            # From 93 % to 97 % are four points, not four per cent.
            return "%" if figure.share in {None, "percent"} else "个百分点" if of == "%" else of
        if figure.of:
            return self._unit_of(figure.of[0])
        if figure.measure == "nearest":
            return "%" if figure.stat == "share_within" else "m"
        fields = [one.field(self.measured) for one in self.chosen if self.measured in one.field_ids]
        return fields[0].unit if fields and figure.measure != "distinct" else ""

    def _title(self) -> Text:
        figure = self.figure
        if not self.chosen:
            return Text(self.id, self.id)
        title = self.chosen[0].title if len(self.chosen) == 1 else Text(self.key, self.key)
        if self.measured:
            fields = [one.field(self.measured) for one in self.chosen if self.measured in one.field_ids]
            title = Text(f"{title.zh} › {fields[0].title.zh}", f"{title.en} › {fields[0].title.en}")
        for key in figure.keys:
            by = group_title(key, self.chosen)
            title = Text(f"{title.zh}（按{by.zh}）", f"{title.en} (by {by.en.lower()})")
        return title


_GROUP_TITLES: Final[Mapping[str, Text]] = {
    "layer": Text("图层", "Layer"),
    "subdistrict": Text("街道", "Sub-district"),
    "tier": Text("等级", "Tier"),
    "month": Text("月", "Month"),
    "week": Text("周", "Week"),
    "item": Text("项", "Item"),
    "field": Text("字段", "Field"),
}


def group_title(key: str, layers: Sequence[Layer]) -> Text:
    """Return what a figure is grouped by, in words."""
    if key in _GROUP_TITLES:
        return _GROUP_TITLES[key]
    return next((one.field(key).title for one in layers if key in one.field_ids), Text(key, key))


def _decimals(figure: Figure) -> int | None:
    if figure.decimals is not None:
        return figure.decimals
    if figure.measure in {"ratio", "change", "checklist"}:
        return 2
    if figure.measure == "mean":
        return 2
    if figure.measure == "nearest":
        return 1 if figure.stat == "share_within" else 0
    return None


def checkable(layer: Layer) -> tuple[str, ...]:
    """Return what a figure may tell the coverage of: items, roles of contacts, fields of yes and no, all items, fields."""
    items = () if layer.checklist is None else (ALL, *(one.id for one in layer.checklist.items))
    roles = tuple(f"{CONTACT_PREFIX}{one.id}" for one in layer.contacts)
    yes = tuple(one.id for one in layer.fields if one.type == "boolean")
    return (*items, *roles, *yes, PRESENT)


def stated_fields(layer: Layer) -> tuple[Field, ...]:
    """Return the fields whose completeness is told: what the layer's own file asks somebody to state."""
    return tuple(one for one in layer.own_fields if not one.derived and not one.item)


def item_column(layer: Layer, word: str) -> str:
    """Return what a condition calls what a figure tells the coverage of."""
    items = () if layer.checklist is None else tuple(one.id for one in layer.checklist.items)
    return f"{CHECKLIST_PREFIX}{word}" if word in items else word
