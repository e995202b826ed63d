"""Documents of a period from Word templates: every number a figure, in a content control and in the table at the end."""

from __future__ import annotations

import datetime as dt
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from riskmap.actions.figures import engine_of, period_of
from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.inventory.record_lists import CORE, cell_words, list_named, listed
from riskmap.actions.publishing import as_published
from riskmap.actions.records.editing import may_unmask, note_unmasked
from riskmap.actions.workspace import Workspace
from riskmap.catalog.problems import no_such
from riskmap.errors import CatalogError, ExportError, Lang, RiskmapError, Text, UnknownNameError
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.io.files.leftovers import mark
from riskmap.io.writers import export
from riskmap.io.writers.paper import FORMATS, check_ending
from riskmap.later import later
from riskmap.moments import as_of_text, beijing_text, local_day, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.figures import Engine, FigureValue, State, stands_on_stock
from riskmap.reports.figures.definition import base_of
from riskmap.reports.periods import SHIFTS, Period, shifted
from riskmap.reports.templates import FOLDER, Declaration, period_words, read_declaration, shipped
from riskmap.rules.permissions import Actor
from riskmap.texts import t
from riskmap.units import unit_title
from riskmap.values.inventory import DEMO_MARK

if TYPE_CHECKING:
    from riskmap.io.writers import word_pdf, word_template
    from riskmap.io.writers.word_template import Cell, Tagged, WordTable
else:  # Word and its template language are loaded by who writes a document
    word_pdf = later("riskmap.io.writers.word_pdf")
    word_template = later("riskmap.io.writers.word_template")

_SHAPES: Final[Mapping[str, str]] = {"major": "▲", "large": "◆", "general": "●", "low": "○"}
"""What stands before a tier, so that it is seen without colour."""


_LARGEST: Final = 50_000_000  # bytes of a template: it is held in memory


_FIRST_WIDE: Final = 0x2500  # letters from here on are as wide as two


@dataclass(frozen=True, slots=True)
class DocumentTemplate:
    """A template: `content` None where it cannot be used, for what `problem` says. `own`: a file of the workspace."""

    id: str
    file: str
    own: bool
    about: Declaration
    problem: RiskmapError | None = None

    def as_json(self, lang: Lang = "zh") -> dict[str, Any]:
        """Return one template of `riskmap report --list --json`."""
        return {
            "id": self.id,
            "title": self.about.title.text(lang),
            "period": self.about.period,
            "subdistrict": self.about.street,
            "pack": self.about.pack,
            "file": self.file,
            "default": not self.own,
            "problem": None if self.problem is None else self.problem.text(lang),
        }


def templates_of(ws: Workspace) -> list[DocumentTemplate]:
    """Return every template there is, those of the workspace in place of shipped ones of their name, in their order."""
    files = shipped()
    found = {
        name.removesuffix(".toml"): (f"riskmap/{FOLDER}/{name}", content, False)
        for name, content in files.items()
        if name.endswith(".toml")
    }
    for path in sorted((ws.root / FOLDER).glob("*.docx")):
        if path.stem.endswith(".en") or path.name.startswith(
            "~$"
        ):  # the English one of a pair; Word's own lock
            continue
        beside = path.with_suffix(".toml")
        content = beside.read_bytes() if beside.is_file() else None
        before = found.get(path.stem)
        if content is None and before is not None:
            content = before[1]
        found[path.stem] = (f"{FOLDER}/{path.stem}.toml", content or b"", True)
    made = [_template(one, file, content, own=own) for one, (file, content, own) in found.items()]
    return sorted(made, key=lambda one: (one.about.order, one.id))


def _template(name: str, file: str, content: bytes, *, own: bool) -> DocumentTemplate:
    plain = Declaration(title=Text(name, name))
    try:
        about = read_declaration(content.decode("utf-8"), file) if content else plain
    except (CatalogError, UnicodeDecodeError) as problem:
        said = (
            problem
            if isinstance(problem, CatalogError)
            else ExportError(
                f"{file}：不是 UTF-8 文本；请另存为 UTF-8", f"{file}: not UTF-8; save it as UTF-8"
            )
        )
        return DocumentTemplate(name, file, own, plain, said)
    return DocumentTemplate(name, file, own, about)


def template_named(ws: Workspace, word: str) -> DocumentTemplate:
    """Return a template by its id or title. UnknownNameError names those there are; why one cannot be used is raised."""
    known = templates_of(ws)
    for one in known:
        if word in {one.id, f"{one.id}.docx", one.about.title.zh, one.about.title.en}:
            if one.problem is not None:
                raise one.problem
            return one
    raise no_such(Text("文件模板", "template"), word, [one.id for one in known])


def _content(ws: Workspace, one: DocumentTemplate, lang: Lang) -> tuple[str, bytes]:
    """Return name and bytes of the template in a language, of Chinese where it has no other."""
    names = [f"{one.id}.{lang}.docx", f"{one.id}.docx"]
    for name in names:
        path = ws.root / FOLDER / name
        if one.own and path.is_file():
            if path.stat().st_size > _LARGEST:
                raise ExportError(
                    f"{name}：模板超过 50 MB；请删去图片",
                    f"{name}: a template over 50 MB; remove its pictures",
                )
            return f"{FOLDER}/{name}", path.read_bytes()
    files = shipped()
    name = next(name for name in names if name in files)
    return name, files[name]


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """A document as bytes, with its title, the period and the figures that it prints (by alias)."""

    template: str
    title: str
    content: bytes
    period: Period | None
    subdistrict: str
    figures: tuple[str, ...]
    numbers: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a document is made of beside its template. `number`: the document's (文号); `unmasked`: contacts in full."""

    period: str | None = None
    as_of: dt.date | None = None
    subdistrict: str = ""
    title: str = ""
    number: str = ""
    unmasked: bool = False
    lang: Lang = "zh"


@dataclass(slots=True)
class _Row:
    """A group of a figure as a template's loop sees it."""

    title: str
    number: str
    member: str


@dataclass(slots=True)
class _Book:
    """What a template may ask for while it is rendered, and what it asked for."""

    ws: Workspace
    state: State
    engine: Engine
    wanted: Wanted
    used: dict[str, FigureValue] = field(default_factory=dict[str, FigureValue])
    failed: dict[str, RiskmapError] = field(default_factory=dict[str, RiskmapError])
    tables: list[Callable[[], WordTable]] = field(default_factory=list[Any])
    numbers: int = 0
    sourced: bool = False
    _engines: dict[str, Engine] = field(default_factory=dict[str, Engine])

    @property
    def lang(self) -> Lang:
        return self.wanted.lang

    def fig(self, figure: str, period: str | None = None) -> str:
        """Return a figure as it is printed, of the document's period, or another: -1y, year, 2025."""
        try:
            value = self._value(figure, period)
        except RiskmapError as problem:
            self.failed[figure if period is None else f"{figure}@{period}"] = problem
            return ""
        return str(self._number(value, value.told(self.lang), None, figure))

    def has(self, *figures: str) -> bool:
        """Return whether this workspace can tell all of these figures."""
        usable = self.engine.figures.usable
        return all(base_of(one, usable) in usable for one in figures)

    def rows(self, figure: str, period: str | None = None) -> list[_Row]:
        """Return the groups of a figure, each with `title`, `number` and `member`."""
        try:
            value = self._value(figure, period)
        except RiskmapError as problem:
            self.failed[figure] = problem
            return []
        return [
            _Row(
                word_template.plain_text(self._said(one.title)),
                str(self._number(value, one.text, one.member, figure)),
                one.member,
            )
            for one in value.groups or ()
        ]

    def table(self, *asked: str, total: Sequence[str] = (), layers: Sequence[str] = ()) -> str:
        """Return the place of a table: a list by its id, or figures by their groups, in a column each (of two keys many).

        `total`: the figures of the last row, one for each of those asked for. `layers`: of a list those records only.
        """
        try:
            first = asked[0] if asked else ""
            made = self._grouped(asked, total) if "." in first else self._listed(first, layers)
            self.tables.append(lambda: made)
        except RiskmapError as problem:
            self.failed["、".join(asked)] = problem
        return word_template.table_mark(len(self.tables) - 1)

    def sources(self) -> str:
        """Return the place of the table that says of each number which figure it is."""
        self.sourced = True
        self.tables.append(self._sources)
        return word_template.table_mark(len(self.tables) - 1)

    def _said(self, text: Text) -> str:
        return text.text(self.lang)

    def _value(self, figure: str, period: str | None) -> FigureValue:
        if period is None:
            return self.engine.value(figure)
        if self._on_stock(figure):
            raise RiskmapError(
                f"{figure}：是某一日的存量，没有时段；请去掉 period",
                f"{figure}: stands at a day and has no period; leave period out",
            )
        return self._of_period(period).value(figure)

    def _on_stock(self, figure: str) -> bool:
        figures = self.engine.figures
        bound = figures.usable.get(base_of(figures.former.get(figure, figure), figures.usable))
        return bound is not None and stands_on_stock(bound, figures)

    def _of_period(self, text: str) -> Engine:
        if text not in self._engines:
            mine = self.engine.period
            if text in SHIFTS:
                if mine is None:
                    raise RiskmapError(
                        f"{text}：这份文件没有时段，无从比较；请写 {option('period')}",
                        f"{text}: this document has no period to compare with; state {option('period', 'en')}",
                    )
                cut = shifted(mine, text, week_starts=self.ws.config.week_starts)  # pyright: ignore[reportArgumentType]
            elif text == "year":
                day = self.state.today if mine is None else min(mine.last, self.state.today)
                cut = period_of(self.ws, str(day.year))
            else:
                cut = period_of(self.ws, text)
            self._engines[text] = Engine(self.engine.figures, self.state, cut)
        return self._engines[text]

    def _number(self, value: FigureValue, text: str, member: str | None, asked: str) -> Tagged:
        """Return a number with its alias, and keep it for the table at the end."""
        name = asked if member is None else f"{value.id}.{member}"
        period = f"@{value.period}" if value.period else ""
        # Of a figure with groups the whole stands in the table at the end: the groups are its own.
        self.used.setdefault(f"{value.id if member is not None else asked}{period}", value)
        if not any(letter.isdigit() for letter in text):
            return word_template.Tagged(text, "")
        self.numbers += 1
        return word_template.Tagged(text, f"{name}{period}")

    def _listed(self, name: str, layers: Sequence[str]) -> WordTable:
        one = list_named(self.ws, name)
        streets = (self.wanted.subdistrict,) if self.wanted.subdistrict else ()
        found = listed(
            self.ws,
            one,
            as_of=self.wanted.as_of,
            layers=layers,
            subdistricts=streets,
            unmasked=self.wanted.unmasked,
        )
        columns = [name for name in found.columns if not (streets and name == "subdistrict")]
        rows: list[tuple[Cell, ...]] = [
            (str(i), *(self._cell(row, name) for name in columns)) for i, row in enumerate(found.rows, 1)
        ]
        if not rows:
            rows = [("—", *(t("document_none", self.lang) if i == 0 else "" for i in range(len(columns))))]
        header = (t("document_no", self.lang), *(self._said(found.columns[name]) for name in columns))
        return word_template.WordTable(header, rows, _shares(header, rows))

    def _cell(self, row: Mapping[str, Any], name: str) -> str:
        words = cell_words(self.ws, row, name, self.lang)
        shape = _SHAPES.get(str(row[name]), "") if name == "tier" else ""
        return f"{shape}{words}"

    def _grouped(self, asked: Sequence[str], total: Sequence[str]) -> WordTable:
        values = [self._value(one, None) for one in asked]
        titles: dict[str, str] = {}
        columns: list[tuple[str, dict[str, Cell], Cell]] = []
        of_two = [any(" · " in one.title.zh for one in value.groups or ()) for value in values]
        for i, value in enumerate(values):
            last = total[i] if i < len(total) else ""
            if not of_two[i]:
                cells: dict[str, Cell] = {}
                for one in value.groups or ():
                    titles.setdefault(one.member, self._said(one.title))
                    cells[one.member] = self._number(value, one.text, one.member, value.id)
                foot: Cell = ""
                if last:
                    whole = self._value(last, None)
                    foot = self._number(whole, whole.told(self.lang), None, last)
                # Beside its parts by a second key a figure is their sum.
                head = t("document_total", self.lang) if any(of_two) else _with_unit(value, self.lang)
                columns.append((head, cells, foot))
                continue
            for member, title, cells in self._second_keys(value, titles):
                foot = ""
                if last:
                    whole = self._value(f"{last}.{member}", None)
                    foot = self._number(whole, whole.told(self.lang), None, f"{last}.{member}")
                columns.append((title, cells, foot))
        rows: list[tuple[Cell, ...]] = [
            (title, *(cells.get(member, "—") for _, cells, _ in columns)) for member, title in titles.items()
        ]
        if total:
            rows.append((t("document_total", self.lang), *(foot for *_, foot in columns)))
        header = (self._first_column(asked[0]), *(title for title, *_ in columns))
        return word_template.WordTable(header, rows, (2.2, *(1.0,) * len(columns)))

    def _second_keys(
        self, value: FigureValue, titles: dict[str, str]
    ) -> list[tuple[str, str, dict[str, Cell]]]:
        """Return the columns of a figure of two keys: member and title of the second, and a cell for each first."""
        found: dict[str, tuple[str, dict[str, Cell]]] = {}
        for one in value.groups or ():
            first, _, second = one.member.rpartition(".")
            row, _, column = self._said(one.title).rpartition(" · ")
            titles.setdefault(first, row)
            _, cells = found.setdefault(second, (f"{_SHAPES.get(second, '')}{column}", {}))
            cells[first] = self._number(value, one.text, one.member, value.id)
        return [(member, title, cells) for member, (title, cells) in found.items()]

    def _unit(self, value: FigureValue) -> str:
        unit = unit_title(value.unit).text(self.lang)
        return unit if self.lang == "zh" else f" {unit}" if unit.isascii() and unit else ""

    def _first_column(self, figure: str) -> str:
        bound = self.engine.figures.usable[base_of(figure, self.engine.figures.usable)]
        by = bound.figure.by
        key = by if isinstance(by, str) else by[0] if by else ""
        return self._said(CORE[key]) if key in CORE else t("document_group", self.lang)

    def _sources(self) -> WordTable:
        keys = ("figure", "what", "value", "as_of", "query")
        rows: list[tuple[Cell, ...]] = []
        for alias, value in self.used.items():
            unit = "" if value.value is None or value.text.endswith(value.unit) else self._unit(value)
            name, _, period = alias.partition("@")
            what = self._said(value.title) + (f" {period}" if period else "")
            if not value.period and self.engine.period is not None:
                what += t("document_stock", self.lang)
            digits = any(letter.isdigit() for letter in value.text)
            said = word_template.Tagged(f"{value.told(self.lang)}{unit}", alias if digits else "")
            query = "" if value.query is None else unquote_plus(str(value.query))
            if not query and value.of:
                query = "、".join(value.of)
            rows.append((name, what, said, beijing_text(value.as_of)[:10], query))
        header = tuple(t(f"document_source_{key}", self.lang) for key in keys)
        return word_template.WordTable(header, rows, (2.8, 2.9, 1.5, 1.9, 4.9), small=True)


def _with_unit(value: FigureValue, lang: Lang) -> str:
    title, unit = value.title.text(lang), unit_title(value.unit).text(lang)
    if lang == "zh" and unit:
        return f"{title}（{unit}）"
    return f"{title} ({unit})" if unit.isascii() and unit else title


def _shares(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> tuple[float, ...]:
    """Return how wide columns are: by what stands in them, none so narrow that its header breaks badly."""
    seen = rows[:400]
    widths = []
    for i, title in enumerate(header):
        cells = [_width(str(row[i])) for row in seen]
        widest = sorted(cells)[int(len(cells) * 0.95)] if cells else 0.0
        widths.append(min(max(_width(title), widest, 4.0), 30.0) + 2.5)
    return tuple(widths)


def _width(text: str) -> float:
    """Return how wide a text is, in digits; a code of capital letters is not to be broken at its hyphens."""
    return sum(1.9 if ord(letter) >= _FIRST_WIDE else 1.4 if letter.isupper() else 1.0 for letter in text)


def made_document(
    ws: Workspace,
    word: str,
    wanted: Wanted,
    *,
    ending: str = ".docx",
    by: Actor | None = None,
    why: str = "",
    progress: Progress = UNWATCHED,
) -> MadeDocument:
    """Return a document of a template, as Word or (`ending` .pdf) laid out as PDF/A.

    RiskmapError names every name, figure and list that is not there, before anything is written; contacts in full take a
    person, a reason and the right, and are recorded by who writes it.
    """
    one = template_named(ws, word)
    if wanted.unmasked:
        may_unmask(one.id, by=by, why=why)
    return _made(ws, one, wanted, _Ledgers(ws), ending=ending, by=by, progress=progress)


@dataclass(slots=True)
class _Ledgers:
    """The ledger as documents read it: figures of one period and day are counted for all of them."""

    ws: Workspace
    _engines: dict[tuple[str, dt.date | None], Engine] = field(default_factory=dict[Any, Engine])

    def engine(self, period: Period | None, as_of: dt.date | None) -> Engine:
        key = "" if period is None else period.text, as_of
        if key not in self._engines:
            self._engines[key] = engine_of(self.ws, period=period, as_of=as_of)
        return self._engines[key]


def _made(
    ws: Workspace,
    one: DocumentTemplate,
    wanted: Wanted,
    ledgers: _Ledgers,
    *,
    ending: str = ".docx",
    by: Actor | None = None,
    progress: Progress = UNWATCHED,
) -> MadeDocument:
    lang, about = wanted.lang, one.about
    _check_street(ws, one, wanted.subdistrict)
    progress.step(0, 3, Text("清点指标", "counting the figures"))
    day = local_now().date() if wanted.as_of is None else local_day(wanted.as_of)
    period = about.period_of(period_of(ws, wanted.period), day, ws.config.week_starts)
    as_of = wanted.as_of
    if as_of is None and period is not None:
        as_of = as_published(ws, period)
    engine = ledgers.engine(period, as_of)
    book = _Book(ws, engine.state, engine, replace(wanted, as_of=as_of))
    title = wanted.title or about.title.text(lang)
    words = {
        "district": ws.config.district,
        "issuer": ws.config.sheet.publisher or ws.config.district,
        "title": title,
        "number": wanted.number,
        "date": _day_words(engine.state.today, lang),
        "period": period_words(period, lang),
        "as_of": as_of_text(as_of or engine.state.today),
        "street": wanted.subdistrict,
        "author": by.name if by else "",
        "demo": DEMO_MARK if ws.demo else "",
    }
    given: dict[str, object] = {key: word_template.plain_text(text) for key, text in words.items()}
    given |= {name: getattr(book, name) for name in ("fig", "has", "rows", "table", "sources")}
    file, content = _content(ws, one, lang)
    if unknown := sorted(word_template.names_of(content, file) - given.keys()):
        known = "、".join(given)
        raise ExportError(
            f"{file}：模板里有不认得的名称：{'、'.join(unknown)}；没有写文件，可用：{known}",
            f"{file}: the template has names that are not known: {', '.join(unknown)}; nothing was written, there are: {known}",
        )
    made = word_template.rendered(content, given, file)
    if book.failed:
        raise _failed(file, book.failed)
    progress.step(1, 3, Text("排版", "setting the document"))
    if book.used and not book.sourced:
        heading = made.docx.add_heading(t("document_sources", lang), 1)  # pyright: ignore[reportOptionalMemberAccess]
        heading.paragraph_format.page_break_before = True
        made.docx.add_paragraph(book.sources())  # pyright: ignore[reportOptionalMemberAccess]
    tables = [make() for make in book.tables]
    at = dt.datetime.combine(engine.state.today, dt.time())
    saved = word_template.finished(
        made, tables, file, title=words["title"], author=words["author"] or words["issuer"], at=at
    )
    if ending == ".pdf":
        progress.step(2, 3, Text("转成 PDF", "laying out the PDF"))
        saved = word_pdf.word_pdf(saved, file, lang=lang, day=engine.state.today)
    return MadeDocument(one.id, title, saved, period, wanted.subdistrict, tuple(book.used), book.numbers)


def _failed(file: str, failed: Mapping[str, RiskmapError]) -> ExportError:
    """Return one error that names all that a template asks for and this workspace cannot tell."""
    zh = "；".join(f"{name}：{one.text('zh')}" for name, one in failed.items())
    en = "; ".join(f"{name}: {one.text('en')}" for name, one in failed.items())
    return ExportError(
        f"{file}：有 {len(failed)} 处取不到，没有写文件。{zh}",
        f"{file}: {len(failed)} cannot be had, nothing was written. {en}",
    )


def _check_street(ws: Workspace, one: DocumentTemplate, street: str) -> None:
    if street and street not in ws.subdistricts:
        raise UnknownNameError(
            f"没有街道 {street}；现有：{'、'.join(ws.subdistricts)}",
            f"no sub-district {street}; there are: {', '.join(ws.subdistricts)}",
        )
    if one.about.street and not street:
        raise RiskmapError(
            f"“{one.about.title.zh}”按街道写；请写 {option('subdistrict')}，或用 {option('pack')} 一次写出各街道",
            f"{one.about.title.en} is of one sub-district; state {option('subdistrict', 'en')}, or write all with "
            f"{option('pack', 'en')}",
        )
    if street and not one.about.street:
        raise RiskmapError(
            f"“{one.about.title.zh}”是全区的；请去掉 {option('subdistrict')}",
            f"{one.about.title.en} is of the whole district; leave out {option('subdistrict', 'en')}",
        )


def _day_words(day: dt.date, lang: Lang) -> str:
    return f"{day:%d %B %Y}" if lang == "en" else f"{day.year}年{day.month}月{day.day}日"


def write_document(
    ws: Workspace,
    word: str,
    to: Path,
    wanted: Wanted,
    *,
    by: Actor | None = None,
    why: str = "",
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Write a document as .docx or .pdf, whole or not at all; return the document of `riskmap report --json`."""
    check_ending(to, FORMATS)
    made = made_document(ws, word, wanted, ending=to.suffix.lower(), by=by, why=why, progress=progress)
    with replacing(to, private=wanted.unmasked) as (room,):
        room.write_bytes(made.content)
        if wanted.unmasked:
            note_unmasked(ws, made.template, by=by, why=why)
    return {"path": str(to), **_told(made)}


def _told(made: MadeDocument) -> dict[str, Any]:
    return {
        "template": made.template,
        "title": made.title,
        "period": None if made.period is None else made.period.text,
        "subdistrict": made.subdistrict or None,
        "numbers": made.numbers,
        "figures": list(made.figures),
    }


def write_pack(
    ws: Workspace,
    to: Path,
    wanted: Wanted,
    *,
    by: Actor | None = None,
    why: str = "",
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Write a folder per sub-district into one .zip: its inventory and its documents. Same ledger and day, same bytes.

    Contacts are masked unless `unmasked`, which takes a person, a reason and the right, and is recorded once. A template of
    the pack that cannot be used is raised: no sub-district goes without a document in silence.
    """
    check_ending(to, (".zip",))
    streets = (wanted.subdistrict,) if wanted.subdistrict else tuple(ws.subdistricts)
    known = templates_of(ws)
    if problems := [one.problem for one in known if one.problem is not None]:
        raise problems[0]  # what cannot be read may belong to the pack
    chosen, ledgers = [one for one in known if one.about.pack], _Ledgers(ws)
    if wanted.unmasked:
        may_unmask("pack", by=by, why=why)
    told: list[dict[str, Any]] = []
    parts = progress.parts(*(1 for _ in streets)) if streets else ()
    with replacing(to, private=wanted.unmasked) as (room,):
        with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED) as archive:
            for street, part in zip(streets, parts, strict=True):
                part.step(0, 1, Text(street, street))
                for name, content, about in _of_street(ledgers, street, chosen, wanted, by=by):
                    entry = f"{street}/{name}"
                    archive.writestr(
                        zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
                    )
                    told.append({"path": entry, **about})
        if wanted.unmasked:
            note_unmasked(ws, "pack", by=by, why=why)
    return {"path": str(to), "subdistricts": len(streets), "files": told}


def _of_street(
    ledgers: _Ledgers,
    street: str,
    chosen: Sequence[DocumentTemplate],
    wanted: Wanted,
    *,
    by: Actor | None,
) -> list[tuple[str, bytes, dict[str, Any]]]:
    """Return the files of one sub-district: name, content and what is told of each."""
    ws, found = ledgers.ws, list[tuple[str, bytes, dict[str, Any]]]()
    day = local_now().date() if wanted.as_of is None else local_day(wanted.as_of)
    selection = make_selection(ws, subdistricts=[street], as_of=wanted.as_of)
    inventory = inventory_of(
        ws, selection, as_of=wanted.as_of, unmasked=wanted.unmasked, by=by, lang=wanted.lang
    )
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        name = f"{street}{t('document_inventory', wanted.lang)}.xlsx"
        export(replace(inventory, made_at=day.isoformat()), Path(folder) / name)
        found.append((name, (Path(folder) / name).read_bytes(), {"rows": len(inventory)}))
    for one in chosen:
        kind = one.about.period
        own = replace(wanted, subdistrict=street, period=wanted.period if kind == "any" else None)
        made = _made(ws, one, own, ledgers, by=by)
        found.append((f"{made.title}.docx", made.content, _told(made)))
    return found
