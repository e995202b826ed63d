"""What a statement is: the frozen values of `reports/statements/*.toml`, read, and held against the figures there are.

A statement is one table with what must hold of figures; it runs before anything is published. Its id is the file's
name and its key: `points.tiers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

from pydantic import Field as Key
from pydantic import create_model

from riskmap.catalog.problems import Items, Part, Slug, TomlFile, Words, closest, one_of, shown
from riskmap.errors import CatalogError, CatalogProblem, Text
from riskmap.reports.figures import Bound, FailedFigure, Figures
from riskmap.reports.figures.definition import PlainTitle, base_of, one_of_ids
from riskmap.reports.periods import SHIFTS, Shift

FOLDER: Final = "reports/statements"
"""Where a workspace keeps statements of its own."""


Severity = Literal["block", "warn"]


KINDS: Final = ("equal", "at_most", "falling", "partition", "printed", "one_name", "unchanged")
"""What a statement may say; it says one of them at least."""


# An expression, or a number as it is stated elsewhere.
Side = Annotated[Words | int | float, Key(union_mode="left_to_right")]
Pair = Annotated[tuple[Side, Side], Key(strict=False)]


_TERM: Final = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)|(?:(?P<sum>sum)\((?P<grouped>[a-z0-9_]+\.[^\s()@+]+)\)|(?P<figure>[a-z0-9_]+\.[^\s()@+]+))"
    r"(?:@(?P<shift>-1[ymw]))?"
)


class Statement(Part):
    """A statement as its table says it. `equal` and `at_most` compare two expressions of figures: + and - with blanks
    around them, `sum(id)` over the groups of a figure, `id@-1y`, and numbers; nothing else.

    `falling`: the groups of one figure, or several figures, none greater than the one before it. `partition`: each
    record of a layer is in exactly one group of a field. `printed`: what is printed somewhere, `is` the figure that it
    says, or `change` the figure whose change `against` a period it says; compared at its printed places. `one_name`:
    `figures` that go by one name have one value. `unchanged`: a layer, a field of it (or tier), and the publication since
    which that says the same of each record that it has. `names = "records"`: the records by which two sides differ are named.
    `by`: two sides are compared in each group of their figures. `severity`: whether it keeps from publishing.
    """

    title: PlainTitle | None = None
    severity: Severity = "block"
    source: Words | None = None
    equal: Pair | None = None
    at_most: Pair | None = None
    falling: Items[Words] | None = None
    partition: Annotated[tuple[Slug, Words], Key(strict=False)] | None = None
    printed: Words | None = None
    is_: Words | None = Key(default=None, validation_alias="is")
    change: Words | None = None
    against: Shift = "-1y"
    one_name: Words | None = None
    figures: Items[Words] = ()
    unchanged: Annotated[tuple[Slug, Words, Words], Key(strict=False)] | None = None
    names: Literal["records"] | None = None
    by: Words | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it says."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression: a number, a figure (of a period before, where `shift` says so), or the sum of its groups."""

    sign: int
    number: str = ""
    figure: str = ""
    summed: bool = False
    shift: Shift | None = None

    def __str__(self) -> str:
        what = self.number or (f"sum({self.figure})" if self.summed else self.figure)
        return f"{what}@{self.shift}" if self.shift else what


@lru_cache(maxsize=512)
def terms_of(side: str) -> tuple[Term, ...]:
    """Return the terms of an expression, which stand with blanks around + and -. ValueError names what cannot be read."""
    words = side.split()
    found: list[Term] = []
    for i, word in enumerate(["+", *words]):
        if i % 2 == 0:
            if word not in {"+", "-"}:
                raise ValueError(word)
            continue
        match = _TERM.fullmatch(word)
        if match is None:
            raise ValueError(word)
        sign = -1 if ["+", *words][i - 1] == "-" else 1
        shift: Shift | None = next((one for one in SHIFTS if one == match["shift"]), None)
        figure = match["grouped"] or match["figure"] or ""
        found.append(Term(sign, match["number"] or "", figure, bool(match["sum"]), shift))
    if len(words) % 2 == 0:
        raise ValueError(words[-1] if words else side)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement whose figures are there."""

    id: str
    file: str
    own: bool
    statement: Statement
    title: Text


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a workspace. `failed`: own ones that cannot be judged, and those about a figure that cannot be
    told; `idle`: shipped ones over figures that this workspace does not have.
    """

    usable: Mapping[str, BoundStatement]
    failed: tuple[FailedFigure, ...] = ()
    idle: Mapping[str, FailedFigure] = field(default_factory=dict[str, FailedFigure])


@lru_cache(maxsize=1)
def default_statements() -> dict[str, str]:
    """Return the statements that riskmap ships, file name → text; a workspace's file of the same name replaces one."""
    folder = resources.files("riskmap.reports.statements")
    found = ((one.name, one) for one in folder.iterdir() if one.name.endswith(".toml"))
    return {name: one.read_text(encoding="utf-8") for name, one in sorted(found)}


def bind_statements(
    files: Sequence[tuple[str, str | CatalogError, bool]], figures: Figures, layers: Sequence[str]
) -> Statements:
    """Return the statements of some files (name, text or why it cannot be read, whether it is the workspace's own)."""
    usable: dict[str, BoundStatement] = {}
    failed: list[FailedFigure] = []
    idle: dict[str, FailedFigure] = {}
    lost = {one.id for one in figures.failed}
    for name, text, own in files:
        stem = name.rpartition("/")[2].removesuffix(".toml")
        for key, found, source in _tables(name, text):
            statement_id = f"{stem}.{key}" if key else stem
            problems = (
                found if isinstance(found, list) else list(_problems(found, source, key, figures, layers))
            )
            if isinstance(found, Statement) and not problems:
                title = found.title or Text(statement_id, statement_id)
                usable[statement_id] = BoundStatement(statement_id, name, own, found, title)
            elif own or (isinstance(found, Statement) and lost & set(mentioned(found))):
                failed.append(FailedFigure.of(statement_id, problems[0], own=own))
            else:
                idle[statement_id] = FailedFigure.of(statement_id, problems[0], own=False)
    return Statements(usable, tuple(failed), idle)


def _tables(
    name: str, text: str | CatalogError
) -> Iterator[tuple[str, Statement | list[CatalogProblem], TomlFile]]:
    try:
        if isinstance(text, CatalogError):
            raise text
        source = TomlFile.parse(text.replace("\r\n", "\n"), name)
    except CatalogError as problem:
        yield "", list(problem.problems), TomlFile(name, "", {})
        return
    for key, table in source.data.items():
        if key == "title":
            continue
        try:
            yield key, Statement.model_validate(table, by_alias=True, by_name=False), source
        except ValueError:
            keys: Any = {key: (Statement, ...)}
            shape: type[Part] = create_model("File", __base__=Part, **keys)
            _, problems = TomlFile(name, source.text, {key: table}).check(shape)
            yield key, problems, source


def _problems(
    statement: Statement, source: TomlFile, key: str, figures: Figures, layers: Sequence[str]
) -> Iterator[CatalogProblem]:
    """Yield what keeps a statement from being judged."""
    if not statement.kinds:
        yield source.problem((key,), one_of(KINDS), found="—")
    for kind, pair in (("equal", statement.equal), ("at_most", statement.at_most)):
        if pair is None:
            continue
        unread = False
        for i, side in enumerate(pair):
            for problem in _unread(source, (key, kind, i), side, figures, by=statement.by is not None):
                unread = True
                yield problem
        if not unread and _same(*pair, figures):
            expected = Text(
                "两个不同的指标（自己和自己比较，永远成立）", "two figures (one is always equal to itself)"
            )
            yield source.problem((key, kind), expected)
        if statement.names and not unread and not all(_countable(side, figures) for side in pair):
            expected = Text("两边都是清点记录的指标（count）", "two sides that count records (count)")
            yield source.problem((key, "names"), expected)
    for i, word in enumerate(statement.falling or ()):
        yield from _unknown(source, (key, "falling", i), word, figures)
    if statement.falling is not None and len(statement.falling) == 1:
        base = base_of(statement.falling[0], figures.usable)
        bound = figures.usable.get(base)
        if bound is not None and bound.figure.funnel is None and not bound.figure.keys:
            yield source.problem(
                (key, "falling", 0), Text("有分组的指标，或几个指标", "a figure with groups, or several")
            )
    if statement.partition is not None and statement.partition[0] not in layers:
        expected, word = Text("图层的标识", "the id of a layer"), statement.partition[0]
        yield source.problem((key, "partition", 0), expected, found=shown(word), hint=closest(word, layers))
    if statement.unchanged is not None and statement.unchanged[0] not in layers:
        expected, word = Text("图层的标识", "the id of a layer"), statement.unchanged[0]
        yield source.problem((key, "unchanged", 0), expected, found=shown(word), hint=closest(word, layers))
    if statement.printed is not None:
        asked = statement.is_ or statement.change
        if asked is None or (statement.is_ is not None and statement.change is not None):
            expected = Text("is（哪个指标）或 change（哪个指标的变化）之一", "one of is and change, a figure")
            yield source.problem((key, "printed"), expected)
        else:
            yield from _unknown(source, (key, "is" if statement.is_ else "change"), asked, figures)
    if statement.one_name is not None:
        if len(set(statement.figures)) < 2:
            expected = Text("至少两个不同的指标（figures）", "two figures at least (figures)")
            yield source.problem((key, "figures"), expected)
        for i, word in enumerate(statement.figures):
            yield from _unknown(source, (key, "figures", i), word, figures)


def mentioned(statement: Statement) -> Iterator[str]:
    """Yield the figures that a statement is about, of members of groups the figure."""
    for side in (*(statement.equal or ()), *(statement.at_most or ())):
        try:
            terms = terms_of(side) if isinstance(side, str) else ()
        except ValueError:
            continue
        yield from (base_of(term.figure, {}) for term in terms if term.figure)
    more = (*(statement.falling or ()), *statement.figures, statement.is_, statement.change)
    yield from (base_of(word, {}) for word in more if word)


def _unread(
    source: TomlFile, path: tuple[str | int, ...], side: str | float, figures: Figures, *, by: bool
) -> Iterator[CatalogProblem]:
    if not isinstance(side, str):
        return
    try:
        terms = terms_of(side)
    except ValueError as problem:
        expected = Text(
            "指标、sum(指标)、指标@-1y 和数字，用 + - 连接",
            "figures, sum(figure), figure@-1y and numbers, with + and -",
        )
        yield source.problem(path, expected, found=shown(str(problem)))
        return
    for term in terms:
        if term.figure:
            yield from _unknown(source, path, term.figure, figures, grouped=term.summed or by)


def _unknown(
    source: TomlFile, path: tuple[str | int, ...], word: str, figures: Figures, *, grouped: bool = False
) -> Iterator[CatalogProblem]:
    word = figures.former.get(word, word)
    base = base_of(word, figures.usable)
    if base not in figures.usable:
        hint = closest(word, figures.usable)
        yield source.problem(path, one_of_ids(word, figures.usable), found=shown(word), hint=hint)
    elif grouped and not (figures.usable[base].figure.keys or figures.usable[base].figure.funnel):
        yield source.problem(path, Text("有分组（by）的指标", "a figure with groups (by)"), found=shown(word))


def _same(left: str | float, right: str | float, figures: Figures) -> bool:
    """Return whether two sides count the same records in the same way."""
    if not isinstance(left, str) or not isinstance(right, str):
        return left == right
    one, other = (sorted(str(_signature(term, figures)) for term in terms_of(side)) for side in (left, right))
    return one == other


def _signature(term: Term, figures: Figures) -> tuple[object, ...]:
    bound = figures.usable.get(figures.former.get(term.figure, term.figure))
    if bound is None or term.summed:
        return (term,)
    counted = bound.figure.model_dump(
        exclude={"title", "names", "formerly", "publisher", "by", "over", "unit"}
    )
    return (term.sign, term.shift, bound.layers, bound.where, tuple(bound.dates.items()), str(counted))


def _countable(side: str | float, figures: Figures) -> bool:
    """Return whether a side counts records of which each can be named."""
    if not isinstance(side, str):
        return False
    for term in terms_of(side):
        bound: Bound | None = (
            figures.usable.get(base_of(term.figure, figures.usable)) if term.figure else None
        )
        if bound is None or term.shift or bound.figure.count not in {"records", "children"}:
            return False
    return True
