"""Publishing: ledger, layers, models, figures and statements of one moment under a name and a digest.

Every statement runs first; one that does not hold keeps from publishing, unless somebody says why and a second
person agrees. What was published can be verified on its own, and made again from the ledger at any later day.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pyarrow as pa

import riskmap
from riskmap.actions.figures import SHIPPED, figure_files, figures_of, state_of
from riskmap.actions.workspace import Workspace, taking_over
from riskmap.catalog import load_catalog
from riskmap.catalog.problems import read_text
from riskmap.errors import (
    CatalogError,
    Lang,
    NotAllowedError,
    RefusedError,
    RiskmapError,
    Text,
    WorkspaceError,
)
from riskmap.interface import option
from riskmap.io.files.publications import (
    CONTACTS,
    Difference,
    Manifest,
    Publications,
    PublishedFile,
    canonical_csv,
    digest_of,
    read_canonical,
)
from riskmap.json_documents import Document, dumps
from riskmap.moments import last_moment, local_now, parse_as_of, utc_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.comparing import LayerChanges, PublicationChanges, PublishedLayer, compare_layer
from riskmap.reports.figures import FOLDER as FIGURES
from riskmap.reports.figures import Engine, Figures, FigureValue, State, bind_figures, default_figures
from riskmap.reports.periods import Period, Weekday, parse_period
from riskmap.reports.statements import FOLDER as STATEMENTS
from riskmap.reports.statements import Statements, Verdict, bind_statements, default_statements, judge
from riskmap.rules.arrays import bools_of, column_of, is_part, numbers_of, pc
from riskmap.rules.extras import masked
from riskmap.rules.permissions import Actor, may
from riskmap.selection import Snapshot
from riskmap.selection.records import masked_extras
from riskmap.selection.table import CLASS
from riskmap.selection.where import plain
from riskmap.vocabulary import STANDINGS, TIERS

_LEFT_OUT: Final = frozenset({"feature_id", "flags", "rank", "checklist", CLASS})
"""Columns of a snapshot that say nothing of the record, or hang on the day: flags, freshness, numbers of the store."""


_DEFINITIONS: Final = "definitions"


_DIGITS: Final = r"\d{7}|\d{3,4}[-\s]\d{7}"  # what may be the number of a person


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing: `manifest` None where statements kept from it; `verdicts` of all statements."""

    name: str
    manifest: Manifest | None
    path: Path | None
    verdicts: tuple[Verdict, ...]

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """The statements that do not hold and keep from publishing."""
        return tuple(one for one in self.verdicts if one.blocks)

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap publish --json`."""
        made = self.manifest
        return {
            "published": made is not None,
            "name": self.name,
            "path": None if self.path is None else str(self.path),
            "as_of": None if made is None else made.as_of,
            "ledger_state": None if made is None else made.ledger_state,
            "digest": None if made is None else made.digest,
            "open_digest": None if made is None else made.open_digest,
            "files": 0 if made is None else len(made.files),
            "despite": [] if made is None else list(made.despite),
            "statements": [one.as_json(lang) for one in self.verdicts],
        }


@dataclass(frozen=True, slots=True)
class Proven:
    """Whether a publication is what it says (verified), or what the ledger says of that moment (reproduced)."""

    name: str
    manifest: Manifest
    digest: str
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def as_json(self, what: str, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap publish --verify|--reproduce --json`; `what` is the key of the answer."""
        return {
            what: self.holds,
            "name": self.name,
            "as_of": self.manifest.as_of,
            "ledger_state": self.manifest.ledger_state,
            "digest": self.manifest.digest,
            "found": self.digest,
            "differences": [{"path": one.path, "message": one.what.text(lang)} for one in self.differences],
        }


def publications_of(ws: Workspace) -> Publications:
    """Return what was published of a workspace."""
    return Publications(ws.root)


def statements_of(ws: Workspace, figures: Figures | None = None) -> Statements:
    """Return every statement of a workspace, held against its figures."""
    files = figure_files(ws.root, STATEMENTS, default_statements())
    return bind_statements(files, figures or figures_of(ws), list(ws.catalog.layers))


def _beside(ws: Workspace, state: State, publication: str, layer: str) -> tuple[pa.Table, pa.Table]:
    """Return the records of a layer as they were published, and as they are in a state of the ledger, as text."""
    store = publications_of(ws)
    then = _published(store, store.manifest(publication), layer)
    now = read_canonical(canonical_csv(open_table(ws, state.snapshot, layer)))
    return (now.slice(0, 0) if then is None else then.table), now


def publish(
    ws: Workspace,
    name: str,
    *,
    by: Actor,
    why: str,
    despite: Sequence[str] = (),
    second: Actor | None = None,
    period: Period | None = None,
    progress: Progress = UNWATCHED,
) -> Published:
    """Publish the ledger of now under a name; nothing is written where a statement keeps from it.

    `despite`: ids of statements that are passed although they do not hold: that takes `why` and a `second` person.
    A name that is taken gets #2. RefusedError where what was passed, the reason or the second person is amiss,
    NotAllowedError where the actor may not publish.
    """
    may(by, "publish")
    store = publications_of(ws)
    taken = store.free_name(name)
    moment = utc_now()
    state = state_of(ws, moment)
    figures = figures_of(ws)
    engine = Engine(figures, state, period)
    statements = statements_of(ws, figures)
    verdicts = tuple(judge(statements, engine, as_published=partial(_beside, ws, state)))
    _refuse(verdicts, statements, despite, by=by, why=why, second=second)
    left = [one for one in verdicts if one.blocks and one.id not in despite]
    if left:
        return Published(taken, None, None, verdicts)
    contacts = _may_read_contacts(by)
    contents = dict(_contents(ws, engine, verdicts, moment, contacts=contacts, progress=progress))
    contents |= dict(_definitions(ws))
    passed = tuple(one.id for one in verdicts if one.blocks)
    head = ws.ledger.head(state=state.snapshot.state)
    manifest = Manifest(
        name=taken,
        district=ws.config.district,
        as_of=_moment_text(moment),
        ledger_state=state.snapshot.state,
        period=None if period is None else period.text,
        by=by.name,
        second=second.name if second is not None and passed else None,
        why=why,
        despite=passed,
        own=tuple(
            file
            for folder, defaults in _REPORTS
            for file, _, own in figure_files(ws.root, folder, defaults())
            if own
        ),
        week_starts=ws.config.week_starts,
        files=tuple(
            PublishedFile.of(path, content, rows) for path, (content, rows) in sorted(contents.items())
        ),
        made_at=utc_now().isoformat(timespec="seconds"),
        made_with={
            "riskmap": riskmap.__version__,
            "pyarrow": pa.__version__,
            "python": platform.python_version(),
        },
        head=head.digest if head else "",
        demo=ws.demo,
        models={
            layer: (
                ws.ledger.assessed_digest(layer, as_of=moment),
                ws.ledger.assessed_fit(layer, as_of=moment),
            )
            for layer in ws.catalog.scored
        },
    )
    path = store.write(taken, manifest, {path: content for path, (content, _) in contents.items()})
    ws.ledger.record_export(by=by.name, why=why, what=f"publication {taken}", unmasked=contacts)
    return Published(taken, manifest, path, verdicts)


def _moment_text(moment: dt.datetime) -> str:
    """Return a moment as a publication keeps it: UTC, to the microsecond, as the ledger writes its own."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _may_read_contacts(by: Actor) -> bool:
    try:
        may(by, "read_contacts")
    except NotAllowedError:
        return False
    return True


def _refuse(
    verdicts: Sequence[Verdict],
    statements: Statements,
    despite: Sequence[str],
    *,
    by: Actor,
    why: str,
    second: Actor | None,
) -> None:
    """Refuse what cannot be passed: an unknown statement, no reason, no second person, or twice the same one."""
    known = [*statements.usable, *(one.id for one in statements.failed)]
    for one in despite:
        if one not in known:
            raise RefusedError.of([_no_statement(one, known)])
    passed = [one for one in verdicts if one.blocks and one.id in despite]
    if not passed:
        return
    if not why.strip():
        raise RefusedError.of(
            [
                Text(
                    f"有陈述不成立仍要发布，须写明理由：{option('why')}",
                    f"publishing although a statement does not hold takes a reason: {option('why', 'en')}",
                )
            ]
        )
    if second is None or not second.name.strip():
        raise RefusedError.of(
            [
                Text(
                    f"有陈述不成立仍要发布，须有第二人：{option('second')}",
                    f"publishing although a statement does not hold takes a second person: {option('second', 'en')}",
                )
            ]
        )
    accounts = (by.account, second.account)
    same = accounts[0] == accounts[1] if None not in accounts else plain(by.name) == plain(second.name)
    if same:
        raise RefusedError.of(
            [
                Text(
                    f"第二人 {second.name} 与发布人是同一人；请由另一人复核",
                    f"the second person, {second.name}, is the one who publishes; another one has to agree",
                )
            ]
        )


def _no_statement(word: str, known: Sequence[str]) -> Text:
    listed = "、".join(known[:12])
    return Text(f"没有陈述 {word}；现有：{listed}", f"no statement {word}; there are: {listed}")


_REPORTS: Final = ((FIGURES, default_figures), (STATEMENTS, default_statements))


def _definitions(ws: Workspace) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Yield the files that say what was published: layers, models, figures and statements, shipped ones among them."""
    for part in ("layers", "models"):
        for path in sorted((ws.root / part).iterdir()):
            if path.is_file() and path.name[0] != ".":
                yield f"{_DEFINITIONS}/{part}/{path.name}", (path.read_bytes(), 0)
    for folder, defaults in _REPORTS:
        for name, text, own in figure_files(ws.root, folder, defaults()):
            content = (ws.root / name).read_bytes() if own else str(text).encode()
            yield f"{_DEFINITIONS}/{folder}/{name.rpartition('/')[2]}", (content, 0)


def _contents(
    ws: Workspace,
    engine: Engine,
    verdicts: Sequence[Verdict],
    moment: dt.datetime,
    *,
    contacts: bool,
    progress: Progress,
) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Yield path → content and rows of what the ledger says: tables of records, moves, persons, figures, statements."""
    snapshot = engine.state.snapshot
    for i, layer in enumerate(snapshot.layers):
        progress.step(i, len(snapshot.layers), ws.catalog.layer(layer).title)
        table = open_table(ws, snapshot, layer)
        yield f"data/{layer}.csv.gz", (canonical_csv(table), len(table))
    moves = _moves(ws, engine.state)
    yield "data/moves.csv.gz", (canonical_csv(moves), len(moves))
    if contacts:
        people = _people(ws, snapshot, moment)
        yield CONTACTS, (canonical_csv(people), len(people))
    values = list(_values(engine))
    told = {"figures": [_frozen(one) for one in values]}
    yield "figures.json", (dumps(told, indent=True) + b"\n", len(values))
    said = {"statements": [one.as_json("zh") for one in verdicts]}
    yield "statements.json", (dumps(said, indent=True) + b"\n", len(verdicts))


def _values(engine: Engine) -> Iterator[FigureValue]:
    for one in sorted(engine.figures.usable):
        try:
            yield engine.value(one)
        except RiskmapError:  # it is missing by name; statements over it do not hold
            continue


def _frozen(one: FigureValue) -> dict[str, Any]:
    """Return a figure as it is published: without its address, whose words a later version may write otherwise."""
    body = dict(one.as_json("zh"))
    groups = body.get("groups")
    body.pop("query")
    if isinstance(groups, list):
        body["groups"] = [
            {k: v for k, v in group.items() if k != "query"} for group in groups if isinstance(group, dict)
        ]
    return body


def open_table(ws: Workspace, snapshot: Snapshot, layer: str) -> pa.Table:
    """Return the records of a layer as they may be given away: no persons, people masked in what no field reads, numbers
    of people masked in free text.

    Rows by code; the snapshot's columns, its tier as a word, a column for each item of the checklist.
    """
    definition, table = ws.catalog.layer(layer), masked_extras(snapshot.table(layer))
    personal = {column_of(field.id) for field in definition.fields if field.personal}
    columns: dict[str, Any] = {}
    for name in table.column_names:
        if name == "rank":
            words = pa.array(STANDINGS, pa.string())
            columns["tier"] = words.take(pa.array(numbers_of(table["rank"]).astype(np.int64)))
        elif name == "checklist" and definition.checklist is not None:
            marks = table[name].to_pylist()
            for i, item in enumerate(definition.checklist.items):
                cells = [None if row is None or i >= len(row) else row[i] for row in marks]
                columns[f"checklist.{item.id}"] = pa.array(cells, pa.bool_())
        elif name not in _LEFT_OUT and name not in personal and not is_part(name):
            columns[name] = table[name] if name == "code" else _without_numbers(table[name])
    return pa.table(columns)  # a snapshot's rows stand in the order of their codes


def _without_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return a column with the telephone and identity numbers in its texts masked."""
    if not pa.types.is_string(column.type):
        return column
    suspect = np.flatnonzero(
        bools_of(pc.fill_null(pc.match_substring_regex(column, _DIGITS), fill_value=False))
    )
    if not len(suspect):
        return column
    texts = column.to_pylist()
    for row in suspect.tolist():
        texts[row] = masked(texts[row], personal=False)
    return pa.array(texts, pa.string())


def _moves(ws: Workspace, state: State) -> pa.Table:
    rows = [
        (layer.id, one.code, one.before, one.after, one.on, one.version)
        for layer in ws.catalog.layers.values()
        if layer.flow is not None
        for one in state.moves(layer.id)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 6
    kinds = (*(pa.string(),) * 5, pa.int64())
    names = ("layer", "code", "before", "after", "on", "version")
    return pa.table(
        {name: pa.array(list(some), kind) for name, some, kind in zip(names, columns, kinds, strict=True)}
    )


def _people(ws: Workspace, snapshot: Snapshot, moment: dt.datetime) -> pa.Table:
    """Return every person of every record, and the fields that are personal data: unmasked, for who may read them."""
    rows: list[tuple[str | None, ...]] = []
    for layer in ws.catalog.layers.values():
        if layer.contacts:
            for code, people in sorted(ws.ledger.contacts(layer.id, as_of=moment).items()):
                rows += [
                    (layer.id, code, one.role, one.name, one.phone, one.post, one.verified_on)
                    for one in people
                ]
        table = snapshot.table(layer.id)
        for field in layer.fields:
            if field.personal and column_of(field.id) in table.column_names:
                cells = zip(table["code"].to_pylist(), table[column_of(field.id)].to_pylist(), strict=True)
                rows += [
                    (layer.id, code, column_of(field.id), cell, None, None, None)
                    for code, cell in cells
                    if cell is not None
                ]
    columns = list(zip(*rows, strict=True)) or [()] * 7
    names = ("layer", "code", "role", "name", "phone", "post", "verified")
    return pa.table(
        {
            name: pa.array([None if v is None else str(v) for v in some], pa.string())
            for name, some in zip(names, columns, strict=True)
        }
    )


def verify(ws: Workspace, name: str) -> Proven:
    """Return whether a publication's files are what its manifest says."""
    store = publications_of(ws)
    manifest = store.manifest(name)
    differences = tuple(store.differences(name))
    return Proven(name, manifest, manifest.digest if not differences else "", differences)


def reproduce(ws: Workspace, name: str, *, progress: Progress = UNWATCHED) -> Proven:
    """Make a publication again from the ledger, under the definitions that it was made with, and compare the digests.

    WorkspaceError where this ledger never was in that state.
    """
    store = publications_of(ws)
    manifest = store.manifest(name)
    moment = last_moment(parse_as_of(manifest.as_of))
    if ws.ledger.state_at(moment) != manifest.ledger_state:
        raise WorkspaceError(
            f"发布 {name}：台账在 {manifest.as_of} 不是第 {manifest.ledger_state} 次变更后的状态；请从备份恢复当时的台账",
            f"publication {name}: at {manifest.as_of} this ledger was not in state {manifest.ledger_state}; make it again "
            "from the ledger of then (bring it back from a backup)",
        )
    with tempfile.TemporaryDirectory(prefix="riskmap-publication-") as folder:
        root = Path(folder)
        for one in manifest.files:
            if one.path.startswith(f"{_DEFINITIONS}/"):
                path = root / one.path.removeprefix(f"{_DEFINITIONS}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(store.content(name, one.path))
        then = ws.with_catalog(taking_over(load_catalog(root), ws.config.takeover))
        week_starts = _weekday(manifest.week_starts)
        then = _with_weeks(then, week_starts)
        figures = bind_figures(list(_files(root, FIGURES, manifest)), then.catalog.layers, {})
        period = parse_period(manifest.period, week_starts=week_starts) if manifest.period else None
        engine = Engine(figures, state_of(then, moment), period)
        statements = bind_statements(
            list(_files(root, STATEMENTS, manifest)), figures, list(then.catalog.layers)
        )
        verdicts = judge(statements, engine, as_published=partial(_beside, then, engine.state))
        contacts = any(one.path == CONTACTS for one in manifest.files)
        made = {
            path: PublishedFile.of(path, content, rows)
            for path, (content, rows) in _contents(
                then, engine, verdicts, moment, contacts=contacts, progress=progress
            )
        }
    again = [
        made.get(one.path, one) if not one.path.startswith(f"{_DEFINITIONS}/") else one
        for one in manifest.files
    ]
    differences = [
        Difference(one.path, Text("与重新算得的不同", "not what it is made to be again"))
        for one in manifest.files
        if one.path in made and made[one.path].sha256 != one.sha256
    ]
    return Proven(name, manifest, digest_of(again), tuple(differences))


def _files(root: Path, folder: str, manifest: Manifest) -> Iterator[tuple[str, str | CatalogError, bool]]:
    """Yield the files of a folder of definitions as `figure_files` does: by the names that they went by, own ones last."""
    paths = {path: f"{folder}/{path.name}" in manifest.own for path in (root / folder).glob("*.toml")}
    for path, own in sorted(paths.items(), key=lambda item: (item[1], item[0].name)):
        name = f"{folder}/{path.name}" if own else f"{SHIPPED}{folder.removeprefix('reports')}/{path.name}"
        try:
            yield name, read_text(path, name), own
        except CatalogError as problem:
            yield name, problem, own


def _weekday(word: str) -> Weekday:
    return next((one for one in get_args(Weekday) if one == word), "mon")


def _with_weeks(ws: Workspace, week_starts: Weekday) -> Workspace:
    """Return a workspace whose weeks begin on another day."""
    made = replace(ws, config=replace(ws.config, week_starts=week_starts))
    vars(made).update({key: value for key, value in vars(ws).items() if key in {"ledger", "_drawn"}})
    return made


def compared(ws: Workspace, before: str, after: str) -> PublicationChanges:
    """Return what became of the records and figures from one publication to another, from their files alone."""
    store = publications_of(ws)
    one, other = store.manifest(before), store.manifest(after)
    layers: dict[str, LayerChanges] = {}
    for layer in dict.fromkeys((*_layers(one), *_layers(other))):
        sides = [_published(store, manifest, layer) for manifest in (one, other)]
        made = [side for side in sides if side is not None]
        blank = PublishedLayer(made[0].table.slice(0, 0))
        layers[layer] = compare_layer(layer, *(blank if side is None else side for side in sides))
    texts = [_texts(store, manifest) for manifest in (one, other)]
    ids = sorted({*texts[0], *texts[1]})
    figures = {each: (texts[0].get(each), texts[1].get(each)) for each in ids}
    return PublicationChanges(
        one.name, other.name, layers, {each: pair for each, pair in figures.items() if pair[0] != pair[1]}
    )


def _layers(manifest: Manifest) -> list[str]:
    beside = {CONTACTS, "data/moves.csv.gz"}
    return [
        one.path.removeprefix("data/").removesuffix(".csv.gz")
        for one in manifest.files
        if one.path.startswith("data/") and one.path not in beside
    ]


def _published(store: Publications, manifest: Manifest, layer: str) -> PublishedLayer | None:
    path = f"data/{layer}.csv.gz"
    if path not in {one.path for one in manifest.files}:
        return None
    model, fit = manifest.models.get(layer, (None, None))
    return PublishedLayer(read_canonical(store.content(manifest.name, path)), model, fit)


def _texts(store: Publications, manifest: Manifest) -> dict[str, str]:
    """Return id → text of the figures of a publication, members of groups among them."""
    found: dict[str, str] = {}
    for one in json.loads(store.content(manifest.name, "figures.json"))["figures"]:
        found[one["id"]] = one["text"]
        found |= {f"{one['id']}.{group['member']}": group["text"] for group in one["groups"] or ()}
    return found


def published_tiers(ws: Workspace, name: str) -> tuple[Manifest, dict[str, dict[str, int]]]:
    """Return the manifest of a publication, and of each of its layers of risks tier (or "unrated") → how many."""
    store = publications_of(ws)
    manifest = store.manifest(name)
    found: dict[str, dict[str, int]] = {}
    for layer in _layers(manifest):
        side = _published(store, manifest, layer)
        if side is not None and layer in ws.catalog.risks:
            words = Counter(side.table["tier"].to_pylist())
            found[layer] = {tier: words[tier] for tier in (*TIERS, "unrated")}
    return manifest, found


def summary_compared(ws: Workspace, summary: Mapping[str, Any], name: str) -> Document:
    """Return the part `compared` of `riskmap summary --compare NAME --json`: the counts of a publication, and what changed."""
    manifest, layers = published_tiers(ws, name)
    tiers = {tier: sum(one[tier] for one in layers.values()) for tier in TIERS}
    unrated = sum(one["unrated"] for one in layers.values())
    total = sum(tiers.values()) + unrated
    return {
        "publication": manifest.name,
        "as_of": manifest.as_of,
        "total": total,
        "tiers": dict(tiers),
        "unrated": unrated,
        "change": {
            "total": summary["total"] - total,
            "tiers": {tier: summary["tiers"][tier] - tiers[tier] for tier in TIERS},
            "unrated": summary["unrated"] - unrated,
        },
    }


def as_published(ws: Workspace, period: Period) -> dt.date | None:
    """Return the moment of the last publication of a period that is over: what its figures are asked of, if nothing else
    is said. None where the period runs on, or nothing was published of it.
    """
    if period.until > local_now().date():
        return None
    store = publications_of(ws)
    found = [manifest for name in store.names() if (manifest := store.manifest(name)).period == period.text]
    return parse_as_of(found[-1].as_of) if found else None
