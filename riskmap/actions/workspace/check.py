"""Whether a workspace is sound: its files against its ledger, the ledger itself, caches, sums, tiers, disk, clock.

Nothing is changed here: every finding says where, what, and what to do.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from riskmap.actions.episode.roster import roster_findings
from riskmap.actions.figures import figures_of
from riskmap.actions.inventory.forms import form_faults
from riskmap.actions.inventory.listing import summarise
from riskmap.actions.inventory.record_lists import list_faults
from riskmap.actions.publishing import publications_of, statements_of
from riskmap.actions.readings import series_file
from riskmap.actions.readings.checking import readings_findings
from riskmap.actions.records.handed_in import handed_in
from riskmap.actions.records.scoring import learned_of
from riskmap.actions.records.work import overdue_text, registers, work_list
from riskmap.actions.terrain.factors import read_relief
from riskmap.actions.tier_models import outdated
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.backup import backup_text, last_backup
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.catalog.flow import Law
from riskmap.catalog.layer import pieces
from riskmap.errors import Lang, RiskmapError, Text
from riskmap.io.tables.kept_columns import taker
from riskmap.ledger.store import file_of, stored_moment
from riskmap.moments import local_now, utc_now
from riskmap.rules.arrays import Misfit, codes_of, column_of, numbers_of, pc
from riskmap.rules.extras import extra_keys, header_of, holds_people, is_extra, masked
from riskmap.rules.laws import broken_laws, law_text, named_in
from riskmap.selection.checklists import expired_ids
from riskmap.selection.snapshot_files import altered
from riskmap.selection.table import FLAG_BIT
from riskmap.texts import newer_text
from riskmap.values.attachments import files_key

Severity = Literal["note", "warning", "error"]


_ORDER: Final[tuple[Severity, ...]] = ("error", "warning", "note")


_NAMED: Final = 3  # records that a finding shows


_LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


_AHEAD: Final = dt.timedelta(minutes=5)  # clocks of two machines of one office differ by less


_LITTLE: Final = 100 << 20  # bytes: with less a write of the ledger may fail


_ROOM: Final = 1 << 30  # bytes: an export, a snapshot and the ledger's log


_RESTORE: Final = Text("用 riskmap restore 从备份恢复", "bring a backup back with riskmap restore")


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """Something to look at: `what` is the kind of check, `where` the file, layer › field › code, or folder."""

    severity: Severity
    what: str
    where: str
    message: Text
    remedy: Text

    def as_json(self, lang: Lang = "zh") -> dict[str, str]:
        """Return one finding of `riskmap check --json`."""
        said = {"message": self.message.text(lang), "remedy": self.remedy.text(lang)}
        return {"severity": self.severity, "what": self.what, "where": self.where, **said}


def all_well(findings: Sequence[CheckFinding]) -> bool:
    """Return whether there is nothing to look at but notes."""
    return all(one.severity == "note" for one in findings)


def check(ws: Workspace, *, head: str | None = None) -> list[CheckFinding]:
    """Return all that is to be looked at, the gravest first; an empty list where all is well.

    `head`: the chain's head (or how it begins) as an export printed it: was the ledger ever in that state?
    A check that cannot be made is an error of its own. LedgerError where there is no ledger to look at.
    """
    _ = ws.ledger
    found: list[CheckFinding] = []
    for what, look in _CHECKS.items():
        try:
            found += look(ws)
        except RiskmapError as problem:
            found.append(_refused(what, str(ws.root), problem))
    if head is not None:
        found.append(_printed_head(ws, head))
    return sorted(found, key=lambda one: _ORDER.index(one.severity))


def _refused(what: str, where: str, problem: RiskmapError) -> CheckFinding:
    zh, en = (problem.as_json(lang)["remedy"] or "" for lang in _LANGS)
    return CheckFinding("error", what, where, problem.say, Text(zh, en))


def standing_faults(ws: Workspace) -> list[CheckFinding]:
    """Return what every page has to say: the files that cannot be used, and values that are not shown."""
    return [*_files(ws), *_unreadable(ws)]


def _files(ws: Workspace) -> Iterator[CheckFinding]:
    for fault in ws.catalog.faults:
        for one in fault.problems:
            yield CheckFinding(
                "error", "catalog", one.place, Text(one.text("zh"), one.text("en")), one.remedy
            )
    for name in ws.config.files:
        if not ws.path(name).is_file():
            yield CheckFinding(
                "error",
                "catalog",
                name,
                Text(
                    f"{name}：workspace.toml 指明的文件不在",
                    f"{name}: workspace.toml names it, it is not there",
                ),
                Text("放回该文件，或改 workspace.toml", "put the file back, or change workspace.toml"),
            )


def _lists(ws: Workspace) -> Iterator[CheckFinding]:
    for one in list_faults(ws):
        yield CheckFinding("error", "list", one.place, Text(one.text("zh"), one.text("en")), one.remedy)


def _forms(ws: Workspace) -> Iterator[CheckFinding]:
    """Look for mappings of forms that cannot be used."""
    for one in form_faults(ws):
        yield CheckFinding("error", "form", one.place, Text(one.text("zh"), one.text("en")), one.remedy)


def _figures(ws: Workspace) -> Iterator[CheckFinding]:
    """Look for figures and statements of the workspace that cannot be read."""
    figures = figures_of(ws)
    for one in (*figures.failed, *statements_of(ws, figures).failed):
        yield CheckFinding("error", "figure", one.id, one.message, one.remedy)


def _publications(ws: Workspace) -> Iterator[CheckFinding]:
    """Look for files of publications that are not as they were published."""
    store = publications_of(ws)
    restore = Text(
        "从备份恢复 publications/ 下的这个文件夹", "bring this folder of publications/ back from a backup"
    )
    for name in store.names():
        try:
            differences = store.differences(name)
        except RiskmapError as problem:
            yield CheckFinding("error", "publication", name, problem.say, restore)
            continue
        for one in differences[:_NAMED]:
            said = Text(
                f"发布 {name} › {one.path}：{one.what.zh}", f"publication {name} › {one.path}: {one.what.en}"
            )
            yield CheckFinding("error", "publication", name, said, restore)


def _unreadable(ws: Workspace) -> Iterator[CheckFinding]:
    snapshot = current_snapshot(ws)
    bit = FLAG_BIT["unreadable"]
    if not (snapshot.flags & bit).any():
        return
    for layer, table in snapshot.tables.items():
        if n := int(np.count_nonzero(numbers_of(table["flags"]) & bit)):
            title = ws.catalog.title(layer)
            yield CheckFinding(
                "error",
                "field",
                layer,
                Text(
                    f"{title.zh}：{n} 条记录有读不出的值，按缺失处理",
                    f"{title.en}: {n} records hold values that cannot be read, shown as missing",
                ),
                Text("更正这些值，或改回图层文件", "correct the values, or put the layer file back"),
            )


def _kept(ws: Workspace) -> Iterator[CheckFinding]:
    """Look for what the ledger holds and no layer file speaks of."""
    for layer_id, fields in ws.ledger.fields_kept().items():
        if layer_id not in ws.catalog.layers:
            if all(fault.id != layer_id for fault in ws.catalog.faults):  # else its file is named
                n = fields[None]
                yield CheckFinding(
                    "error",
                    "catalog",
                    layer_id,
                    Text(
                        f"{layer_id}：台账有 {n} 条记录，没有图层文件",
                        f"{layer_id}: {n} records and no layer file",
                    ),
                    Text("放回图层文件 layers/*.toml", "put the layer file back into layers/"),
                )
            continue
        layer = ws.catalog.layer(layer_id)
        known = {*layer.field_ids, *(files_key(field.id) for field in layer.files)}
        for field, n in fields.items():
            if field is not None and field not in known and not is_extra(field):
                yield CheckFinding(
                    "warning",
                    "field",
                    f"{layer_id} › {field}",
                    Text(
                        f"{layer_id} › {field}：{n} 条记录有值，图层文件没有这个字段，不再显示",
                        f"{layer_id} › {field}: {n} records hold a value, the layer file has no such field; "
                        "it is not shown",
                    ),
                    Text(
                        "把字段放回图层文件，或改回原来的标识",
                        "put the field back into the layer file, or its old id",
                    ),
                )


def _values(ws: Workspace) -> Iterator[CheckFinding]:
    """Look for stored values that the layer files of today cannot mean, one finding for each field."""
    for layer in ws.catalog.layers.values():
        found = ws.ledger.layer_columns(layer)
        by_field: dict[str, list[Misfit]] = {}
        for one in found.broken:
            by_field.setdefault(one.field.id if one.field else "", []).append(one)
        for field, misfits in by_field.items():
            yield _misfits(layer, field, misfits)
        yield from _unknown_choices(layer, found.table)
        yield from _not_taken_up(layer, found.table)


def _not_taken_up(layer: Layer, table: pa.Table) -> Iterator[CheckFinding]:
    """Look for kept texts under a header of a field that cannot read them."""
    for key in extra_keys(table.column_names):
        found, rows = taker(layer, key), np.flatnonzero(pc.is_valid(table[key]).to_numpy())
        if found is None or not len(rows):
            continue
        header, code = header_of(key), table["code"][int(rows[0])].as_py()
        text = masked(table[key][int(rows[0])].as_py(), personal=holds_people(header))
        title = found[0].title
        yield CheckFinding(
            "warning",
            "field",
            f"{layer.id} › {found[0].id} › {code}",
            Text(
                f"{layer.title.zh} › {header}：{len(rows)} 条保留的文字（如 {text!r}）不能读入字段“{title.zh}”",
                f"{layer.id} › {header}: {len(rows)} kept texts (such as {text!r}) cannot be read as {title.en}",
            ),
            Text(
                "补充字段的选项或别名，或改正后重新导入这一列",
                "give the field more choices or aliases, or import the column again, corrected",
            ),
        )


def _misfits(layer: Layer, field: str, misfits: list[Misfit]) -> CheckFinding:
    first, more = misfits[0], len(misfits) - 1
    said = first.error().say
    zh, en = said.zh.partition("；")[0], said.en.partition("; ")[0]
    return CheckFinding(
        "error",
        "field" if first.field else "record",
        " › ".join(part for part in (layer.id, field, first.code) if part),
        Text(zh + (f"；另有 {more} 条" if more else ""), en + (f"; and {more} more records" if more else "")),
        Text(
            "更正该值，或改回图层文件中的字段类型", "correct the value or put the type in the layer file back"
        )
        if first.field
        else _RESTORE,
    )


def _unknown_choices(layer: Layer, table: Any) -> Iterator[CheckFinding]:
    for field in layer.fields:
        if field.type != "choice" or field.open:  # an open one keeps the words of a list as they are
            continue
        known = {choice.id for choice in field.choices}
        at, words = codes_of(table[column_of(field.id)])
        for number, word in enumerate(words):
            rows = np.flatnonzero(at == number)
            if len(rows) and not known.issuperset(pieces(word) if field.several else (word,)):
                code = table["code"][int(rows[0])].as_py()
                yield CheckFinding(
                    "error",
                    "field",
                    f"{layer.id} › {field.id} › {code}",
                    Text(
                        f"{layer.title.zh} › {field.title.zh}：{len(rows)} 条记录为 {word!r}，图层文件没有这个选项",
                        f"{layer.id} › {field.id}: {len(rows)} records hold {word!r}, which is no choice of the field",
                    ),
                    Text(
                        "把选项放回图层文件，或更正这些值",
                        "put the choice back into the layer file, or correct the values",
                    ),
                )


def _store(ws: Workspace) -> Iterator[CheckFinding]:
    for line in ws.ledger.check():
        yield CheckFinding(
            "error",
            "integrity",
            str(file_of(ws.store)),
            Text(f"台账不完好：{line}", f"the ledger is not sound: {line}"),
            _RESTORE,
        )


def _printed_head(ws: Workspace, head: str) -> CheckFinding:
    where = str(file_of(ws.store))
    link = ws.ledger.link(head)
    if link is None:
        return CheckFinding(
            "error",
            "chain",
            where,
            Text(f"台账从未有过校验链 {head}", f"the ledger never had the chain's head {head}"),
            Text(
                "核对抄写；若无误，则该文件出自另一份台账，或台账在此之后被替换、改动",
                "check the digits; if they are right, the file came from another ledger, or this one was replaced "
                "or altered since",
            ),
        )
    at = _told(stored_moment(ws.ledger.written_at(link.changeset) or ""))
    return CheckFinding(
        "note",
        "chain",
        where,
        Text(
            f"校验链 {head} 是第 {link.changeset} 次写入（{at}）之后的台账",
            f"the head {head} is that of the ledger after changeset {link.changeset} ({at})",
        ),
        Text("无需处理", "nothing to do"),
    )


def _attached_files(ws: Workspace) -> Iterator[CheckFinding]:
    """Compare ledger and folder of attached files both ways, every file by its digest."""
    found: dict[str, list[str]] = {}
    for fault, name in ws.files.faults(ws.ledger.attachments()):
        found.setdefault(fault, []).append(name)
    if not found:
        return
    places = {
        f"{one.file.digest}.{one.file.kind}": f"{layer} › {code} › {one.name}"
        for layer in ws.catalog.layers
        for code, files in ws.ledger.attached(layer).items()
        for one in files
    }
    for fault, names in found.items():
        severity, told, remedy = _FILE_FAULTS[fault]
        some = [places.get(name, name) for name in names[:_SOME]]
        more = "…" if len(names) > _SOME else ""
        yield CheckFinding(
            severity,
            "files",
            some[0],
            Text(
                f"附件 {len(names)} 个{told.zh}：{'、'.join(some)}{more}",
                f"{len(names)} attached files {told.en}: {', '.join(some)}{more}",
            ),
            remedy,
        )


_SOME: Final = 5  # files that a finding names


_BRING_FILES: Final = Text(
    "运行 riskmap restore 备份 --files（只补附件；台账不动）",
    "run riskmap restore BACKUP --files (the ledger stays as it is)",
)


_FILE_FAULTS: Final[dict[str, tuple[Severity, Text, Text]]] = {
    "missing": ("error", Text("不在 data/files", "are not in data/files"), _BRING_FILES),
    "altered": (
        "error",
        Text("被改动过，与入库时的摘要不符", "were altered since they were taken in"),
        _BRING_FILES,
    ),
    "orphan": (
        "note",
        Text(
            "没有记录用到（附加时中断，或来自别的台账）", "belong to no record (an attach that was cut off)"
        ),
        Text("无需处理；重新附上即可用，也可移走", "nothing to do; attach them again, or move them away"),
    ),
}


def _caches(ws: Workspace) -> Iterator[CheckFinding]:
    spoiled = [home for home in sorted(ws.cache_dir.glob("snapshot-*")) if altered(home)]
    for bounds in sorted(ws.cache_dir.glob("relief-*.json")):
        try:
            read_relief(bounds)
        except (OSError, ValueError):
            spoiled.append(bounds)
    for path in spoiled:
        yield CheckFinding(
            "warning",
            "cache",
            path.relative_to(ws.root).as_posix(),
            Text(
                "缓存被改动或截断；不会被使用，用到时重建",
                "the cache was altered or cut off; it is made anew when needed",
            ),
            Text("检查磁盘和往该目录写文件的程序", "check the disk, and what else writes into this folder"),
        )


def _sums(ws: Workspace) -> Iterator[CheckFinding]:
    for one in summarise(ws)["differences"]:
        gap = f"{one['expected']} ≠ {one['found']}"
        codes = one["codes"][:5]
        unrated = bool(one.get("layer"))
        yield CheckFinding(
            "warning" if unrated else "error",
            "sums",
            " › ".join([one.get("layer", ""), *codes[:1]]).strip(" ›") or "summary",
            Text(f"{one['what']}（{gap}）：{'、'.join(codes)}", f"{one['what']} ({gap}): {', '.join(codes)}"),
            Text("补齐缺少的指标后运行 riskmap assess", "fill in what is missing, then run riskmap assess")
            if unrated
            else _RESTORE,
        )


def _tiers(ws: Workspace) -> Iterator[CheckFinding]:
    for one in outdated(ws):
        zh, en = (newer_text(ws.catalog.title(one.layer), one.made, one.adopted, lang) for lang in _LANGS)
        yield CheckFinding(
            "warning",
            "tiers",
            one.layer,
            Text(zh, en),
            Text(f"运行 riskmap assess {one.layer}", f"run riskmap assess {one.layer}"),
        )
    for layer in ws.catalog.scored:
        try:
            learned_of(ws, layer)
        except RiskmapError as problem:
            yield _refused("model", layer, problem)


def _disk(ws: Workspace) -> Iterator[CheckFinding]:
    store = file_of(ws.store)
    need = _ROOM + 2 * store.stat().st_size  # a backup and a restore beside it
    for folder in dict.fromkeys((store.parent, ws.root)):
        free = shutil.disk_usage(folder).free
        if free < need:
            yield CheckFinding(
                "error" if free < _LITTLE else "warning",
                "disk",
                str(folder),
                Text(
                    f"磁盘只剩 {free >> 20:,} MB，应有 {need >> 20:,} MB",
                    f"{free >> 20:,} MB free of {need >> 20:,} MB needed",
                ),
                Text("清理磁盘", "free some space"),
            )
            return


def _rights(ws: Workspace) -> Iterator[CheckFinding]:
    """Name what other accounts of this machine may read: the ledger and its copies, who lives where, caches, messages."""
    store, outbox = file_of(ws.store), ws.path(ws.config.outbox.folder)
    kept = [ws.root / "data", *sorted(store.parent.glob(f"{store.name}*")), ws.cache_dir, outbox]
    kept += sorted(series_file(ws).parent.glob(f"{series_file(ws).name}*"))
    kept += [ws.people_table] if ws.people_table else []
    shown = [path for path in kept if os.name == "posix" and path.exists() and path.stat().st_mode & 0o077]
    if shown:
        names = [
            path.relative_to(ws.root).as_posix() if path.is_relative_to(ws.root) else str(path)
            for path in shown
        ]
        top = [path for path in shown if not set(path.parents) & set(shown)]
        command = f"chmod -R go= {shlex.join(map(str, top))}"
        yield CheckFinding(
            "note",
            "rights",
            names[0],
            Text(
                f"本机其他账户可以读：{'、'.join(names)}（台账含联系人等个人信息）",
                f"other accounts of this machine may read {', '.join(names)} (the ledger holds contacts)",
            ),
            Text(f"运行 {command}", f"run {command}"),
        )


def _clock(ws: Workspace) -> Iterator[CheckFinding]:
    last, now = _last_write(ws), utc_now()
    if last and last > now + _AHEAD:
        yield CheckFinding(
            "error",
            "clock",
            str(file_of(ws.store)),
            Text(
                f"台账最后一次写入在 {_told(last)}，本机时钟为 {_told(now)}：其中一个不对",
                f"the ledger was last written at {_told(last)}, this machine's clock says {_told(now)}: one is wrong",
            ),
            Text("校准本机时钟；在此之前不要写入", "set this machine's clock right; write nothing before"),
        )


def _readings(ws: Workspace) -> Iterator[CheckFinding]:
    for one in readings_findings(ws):
        yield CheckFinding(*one)


def _backups(ws: Workspace) -> Iterator[CheckFinding]:
    found = last_backup(ws, now=utc_now())
    if found is not None:
        yield CheckFinding(
            "warning" if found.overdue or found.gone else "note",
            "backup",
            found.path or str(file_of(ws.store)),
            backup_text(found, utc_now()),
            Text("运行 riskmap backup 文件", "run riskmap backup FILE")
            if found.behind or found.gone
            else Text(
                "无需处理；恢复演练见 docs/backup.md", "nothing to do; a restore drill: docs/backup.md"
            ),
        )


_NAMED_STREETS: Final = 8  # streets that a message lists


def _deadlines(ws: Workspace) -> Iterator[CheckFinding]:
    """Name the registers with open records past their deadline, and those that are due soon."""
    if not registers(ws):
        return
    work = work_list(ws)
    late = Counter(one.record.layer for one in work.items if one.overdue)
    for layer, n in late.items():
        title = ws.catalog.title(layer)
        yield CheckFinding(
            "warning",
            "overdue",
            layer,
            Text(f"{title.zh}：超期 {n} 件", f"{title.en}: {n} overdue"),
            Text("运行 riskmap work --overdue 查看", "see riskmap work --overdue"),
        )
    if work.counts["due"]:
        yield CheckFinding(
            "note",
            "due",
            str(ws.root),
            overdue_text(work),
            Text("运行 riskmap work --due 7 查看", "see riskmap work --due 7"),
        )


def _sums_stated(ws: Workspace) -> Iterator[CheckFinding]:
    """Name the records that break a law that only warns and speaks of sums: no write of their own tells it."""
    snapshot = current_snapshot(ws)
    for layer in ws.catalog.layers.values():
        laws = [law for law in layer.sum_laws if law.otherwise == "warn"]
        if not laws or layer.id not in snapshot.layers:
            continue
        table = snapshot.table(layer.id)
        names = {name for name in named_in(laws) if name in layer.field_ids}
        values = {name: table[column_of(name)].to_pylist() for name in names}
        said: dict[str, list[int]] = {}
        for row, one in broken_laws(layer, values, len(table), today=local_now().date(), laws=laws):
            said.setdefault(one.rule, []).append(row)
        for law in laws:
            if rows := said.get(law.id):
                yield _sum_stated(layer, law, rows, values, table["code"].to_pylist())


def _sum_stated(
    layer: Layer, law: Law, rows: Sequence[int], values: Mapping[str, Sequence[Any]], codes: Sequence[str]
) -> CheckFinding:
    """Say how many records break a law, and of some of them what both sides are."""
    title, text, more = layer.title, law_text(layer, law), "…" if len(rows) > _NAMED else ""
    some = ", ".join(
        " ".join([codes[row], *(f"{values[name][row]}" for name in (law.field, law.than) if name in values)])
        for row in rows[:_NAMED]
    )
    return CheckFinding(
        "warning",
        "stated",
        f"{layer.id} › {law.id}",
        Text(
            f"{title.zh}：{len(rows)} 条 {text.zh}（{some}{more}）",
            f"{title.en}: {len(rows)} where {text.en} ({some}{more})",
        ),
        Text(
            f"核对后改正其中一处；riskmap select {layer.id} --json 列出两个数",
            f"check and mend one of the two; riskmap select {layer.id} --json shows both",
        ),
    )


def _lists_handed_in(ws: Workspace) -> Iterator[CheckFinding]:
    """Name the streets whose list of this month has not come: once the last day has passed, aloud."""
    today = local_now().date()
    for one in handed_in(ws):
        if not one.missing:
            continue
        title, n, names = ws.catalog.title(one.layer), len(one.missing), one.missing[:_NAMED_STREETS]
        zh, en = "、".join(names), ", ".join(names)
        more = "…" if n > len(names) else ""
        yield CheckFinding(
            "warning" if one.late(today) else "note",
            "handed_in",
            one.layer,
            Text(
                f"{title.zh} {one.month}：{n} 个街道未报送（{one.by} 前）：{zh}{more}",
                f"{title.en} {one.month}: {n} streets have not handed in (by {one.by}): {en}{more}",
            ),
            Text(
                "运行 riskmap handed-in 查看，riskmap remind 发提醒",
                "see riskmap handed-in; riskmap remind reminds them",
            ),
        )


def _items_past(ws: Workspace) -> Iterator[CheckFinding]:
    """Name the layers with items of the checklist past their last valid day: they count as not met."""
    snapshot = current_snapshot(ws)
    for layer in ws.catalog.layers.values():
        late = expired_ids(snapshot.table(layer.id), layer, local_now().date()) if layer.checklist else []
        records, items = sum(map(bool, late)), sum(map(len, late))
        if records:
            yield CheckFinding(
                "warning",
                "expired_items",
                layer.id,
                Text(
                    f"{layer.title.zh}：{records} 条记录的 {items} 个检查项已过有效期",
                    f"{layer.title.en}: {items} checklist items of {records} records are past their last valid day",
                ),
                Text(
                    "运行 riskmap list expired_items_list 查看，重新核实后改有效期",
                    "see riskmap list expired_items_list; verify them again and state the new day",
                ),
            )


def _last_write(ws: Workspace) -> dt.datetime | None:
    return next((stored_moment(one.at) for one in ws.ledger.changesets(limit=1)), None)


def _told(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


def _duty_roster(ws: Workspace) -> Iterator[CheckFinding]:
    for one in roster_findings(ws):
        yield CheckFinding("warning", "duty", *one)


_CHECKS: Final[dict[str, Callable[[Workspace], Iterator[CheckFinding]]]] = {
    "integrity": _store,
    "catalog": _files,
    "fields": _kept,
    "field": _values,
    "files": _attached_files,
    "cache": _caches,
    "list": _lists,
    "form": _forms,
    "figure": _figures,
    "publication": _publications,
    "sums": _sums,
    "tiers": _tiers,
    "disk": _disk,
    "rights": _rights,
    "clock": _clock,
    "readings": _readings,
    "backup": _backups,
    "overdue": _deadlines,
    "stated": _sums_stated,
    "handed_in": _lists_handed_in,
    "expired_items": _items_past,
    "duty": _duty_roster,
}
