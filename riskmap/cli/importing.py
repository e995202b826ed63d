"""Commands that bring data in: init, import.

Commands for what waits for a person: held rows, rejected rows, changed tiers.

The command that serves the app.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    EvidenceOption,
    JsonOption,
    LayerOption,
    ListOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    read_evidence,
    reason,
    stated_pairs,
    watched,
)
from riskmap.errors import RiskmapError, Text

if TYPE_CHECKING:
    from riskmap.actions.import_outlook import ImportEffect, ImportOutlook
    from riskmap.actions.workspace import Workspace
    from riskmap.catalog import Layer
    from riskmap.catalog.roles import Counts


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    demo: Annotated[bool, typer.Option("--demo")] = False,
    points: Annotated[int, typer.Option("--points", min=1)] = 42_336,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    registers: Annotated[bool, typer.Option("--registers")] = False,
    name: Annotated[str, typer.Option("--name")] = "本区",
    by: ByOption = None,
    why: WhyOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace."""
    from riskmap.actions.workspace import create_workspace
    from riskmap.actions.workspace.demo import create_demo_workspace

    if registers and not demo:
        raise RiskmapError(
            "--registers 只与 --demo 一起用；自己的工作区用 riskmap layer add 加入登记册",
            "--registers goes with --demo; a workspace of your own takes registers with riskmap layer add",
        )
    if demo:
        who = person(by)
        with watched(as_json=as_json) as progress:
            ws = create_demo_workspace(
                directory,
                points=points,
                seed=seed,
                registers=registers,
                by=who,
                why=why,
                store=store,
                progress=progress,
            )
    else:
        ws = create_workspace(directory, name=name, store=store)
    if as_json:
        print_json({"workspace": str(ws.root), "district": ws.config.district, "demo": ws.demo})
    else:
        echo(
            f"工作区已建好：{ws.root}（{ws.config.district}）；下一步：riskmap serve --workspace {ws.root}",
            f"workspace ready: {ws.root} ({ws.config.district}); next: riskmap serve --workspace {ws.root}",
        )


@app.command("import")
def import_(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    rejects: Annotated[Path | None, typer.Option("--rejects", metavar="OUT.xlsx")] = None,
    full_list: Annotated[bool, typer.Option("--full-list")] = False,
    number: Annotated[str, typer.Option("--number", metavar="PREFIX")] = "",
    match: Annotated[str, typer.Option("--match", metavar="name")] = "",
    fill: Annotated[list[str] | None, typer.Option("--fill", metavar="FIELD")] = None,
    hidden_sheets: Annotated[bool, typer.Option("--hidden-sheets")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Import spreadsheets and layers."""
    from riskmap.actions.importing import import_files, is_assessed, rejected_rows
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if rejects and not (rejects.suffix.lower() == ".xlsx" and rejects.parent.is_dir()):
        # Said before anything is written: afterwards it would look as if the import had failed.
        raise RiskmapError(
            f"--rejects {rejects}：请写明已有文件夹里的一个 .xlsx 文件；未导入",
            f"--rejects {rejects}: name an .xlsx file in a folder that exists; nothing was imported",
        )
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        report = import_files(
            ws,
            layer,
            files,
            datum=crs,
            dry_run=dry_run,
            full_list=full_list,
            number=number,
            match=match,
            fill=fill or (),
            hidden=hidden_sheets,
            by=who,
            why=because,
            progress=progress,
        )
    if rejects and report.rejected:
        from riskmap.actions.inventory.exporting import write_rejected

        write_rejected(rejects, rejected_rows(report))
    if as_json:
        print_json(report.as_json())
    else:
        _report_import(report.as_json(), dry_run=dry_run)
        for file in report.files:
            if file.outlook is not None:
                _report_outlook(ws.catalog.layer(layer), file.outlook)
        if not dry_run and ws.catalog.layer(layer).model is not None:
            _report_tiers(layer, sum(len(file.tiers) for file in report.files), rated=is_assessed(ws, layer))
    raise typer.Exit(1 if report.rejected else 0)


def _report_import(document: dict[str, Any], *, dry_run: bool) -> None:
    for file in document["files"]:
        head = "（试导入，未写入）" if dry_run else ""
        echo(
            f"{file['file']}{head}：共 {file['rows']} 行，接收 {file['accepted']}（新增 {file['inserted']}、更新 "
            f"{file['updated']}、不变 {file['unchanged']}、待确认 {file['held']}），退回 {file['rejected']}，"
            f"非数据行 {file['skipped_non_data']}，无坐标 {file['unlocated']}",
            f"{file['file']}{' (dry run)' if dry_run else ''}: {file['rows']} rows, accepted {file['accepted']} "
            f"(new {file['inserted']}, updated {file['updated']}, unchanged {file['unchanged']}, held {file['held']}), "
            f"rejected {file['rejected']}, not data {file['skipped_non_data']}, unlocated {file['unlocated']}",
        )
        if moved := file.get("moved"):
            echo(f"  其中办理（状态改变）{moved}", f"  of these, moved to another state: {moved}")
        if taken := file.get("taken_over"):
            echo(
                f"  其中接管（来时已办结，不晚于接管日）{taken}",
                f"  of these, taken over (closed elsewhere by the day of takeover): {taken}",
            )
        _report_columns(file["sheets"])
        # What is said of the whole file comes first: forty thousand rows would bury it.
        for issue in sorted(file["issues"], key=lambda one: one["row"] is not None)[:50]:
            typer.echo(f"  {'✗' if issue['severity'] == 'error' else '!'} {issue['message']}", err=True)
        if len(file["issues"]) > 50:  # noqa: PLR2004 - a screenful
            echo(
                f"  … 另有 {len(file['issues']) - 50} 条，见 --json",
                f"  … {len(file['issues']) - 50} more, see --json",
                err=True,
            )
        _report_suggestions(file.get("suggestions", []))
        if file["absent"]:
            echo(
                f"  文件中没有的在册点 {len(file['absent'])} 个：{'、'.join(file['absent'][:20])}",
                f"  in the ledger, not in the file: {len(file['absent'])}: {', '.join(file['absent'][:20])}",
            )


def _report_outlook(layer: Layer, outlook: ImportOutlook) -> None:
    """Say where the points would lie and which tiers would change."""
    counts = outlook.places.counts
    echo(
        f"  位置：新增 {counts['new']}、移动 {counts['moved']}、不变 {counts['unchanged']}、待确认 {counts['held']}、"
        f"区外 {counts['outside']}",
        f"  positions: new {counts['new']}, moved {counts['moved']}, unchanged {counts['unchanged']}, "
        f"held {counts['held']}, outside the district {counts['outside']}",
    )
    shift = outlook.shift
    if shift is not None and shift.moved:
        echo(
            f"  与台账相同的 {shift.compared} 处中 {shift.moved} 处移动，中位 {shift.median_m:,.0f} 米，向{shift.bearing.zh}",
            f"  {shift.moved} of {shift.compared} records that the ledger knows move, median {shift.median_m:,.0f} m, "
            f"{shift.bearing.en}",
        )
    if outlook.refused is not None:
        echo(
            f"  不能评估：{outlook.refused.say.zh}", f"  cannot be scored: {outlook.refused.say.en}", err=True
        )
    elif outlook.effect is not None:
        _report_effect(layer, outlook.effect)


_SHOWN_CHANGES = 20


def _report_effect(layer: Layer, effect: ImportEffect) -> None:
    from riskmap.texts import t, tier_reason
    from riskmap.vocabulary import TIER_TITLES

    counts = t("comma", LANG).join(
        f"{TIER_TITLES[word].text(LANG)} {n} → {effect.after[word]}" for word, n in effect.before.items()
    )
    if effect.assessed:
        echo(f"  写入后的等级：{counts}", f"  tiers after the import: {counts}")
    else:
        echo(f"  首次评估后的等级：{counts}", f"  tiers after the first assessment: {counts}")
    echo(f"  等级改变 {len(effect.changes)} 处", f"  tiers changed: {len(effect.changes)}")
    for one in effect.changes[:_SHOWN_CHANGES]:
        before, after = TIER_TITLES[one.before].text(LANG), TIER_TITLES[one.after].text(LANG)
        why = t("list_separator", LANG).join(tier_reason(layer, one.inputs, one.rules, one.missing, LANG))
        typer.echo(f"    {one.code}\t{before} → {after}\t{why}")
    if (more := len(effect.changes) - _SHOWN_CHANGES) > 0:
        echo(f"    … 另有 {more} 处，见 --json", f"    … {more} more, see --json")


def _report_suggestions(offered: Sequence[Mapping[str, Any]], how: str = "--fill") -> None:
    """Say what could be filled in, and by which option that is accepted."""
    for field, zh, en in (("subdistrict", "街道", "sub-district"), ("position", "位置", "position")):
        rows = [one for one in offered if one["field"] == field]
        if rows:
            echo(
                f"  可补{zh} {len(rows)} 处（未采用；加 {how} {field} 采用）：",
                f"  {en} could be filled in for {len(rows)} (not done; accept with {how} {field}):",
                err=True,
            )
        for one in rows[:20]:
            typer.echo(f"    {one['code']}：{one['message']}", err=True)


def _report_tiers(layer: str, changed: int, *, rated: bool) -> None:
    """Say what became of the tiers: a layer that was only loaded so far has none."""
    if rated:
        echo(f"等级已随导入更新，改变 {changed} 处", f"tiers are up to date, {changed} changed")
    else:
        echo(
            f"本图层尚未评估；下一步：riskmap assess {layer}",
            f"this layer was never assessed; next: riskmap assess {layer}",
        )


def _report_columns(sheets: list[dict[str, Any]]) -> None:
    """Say which columns were guessed and which were left: a person should know what did not go in."""
    for sheet in sheets:
        guessed = [f"{h['header']} → {h['target']}" for h in sheet["headers"] if h["how"] == "guessed"]
        left = [h["header"] for h in sheet["headers"] if h["how"] == "left"]
        if guessed:
            echo(
                f"  {sheet['sheet']}：按近似列名读取，请核对：{'、'.join(guessed)}",
                f"  {sheet['sheet']}: columns guessed, please check: {', '.join(guessed)}",
                err=True,
            )
        if left:
            echo(
                f"  {sheet['sheet']}：没有字段读取的列（按原列名作为文字保留）：{'、'.join(left)}",
                f"  {sheet['sheet']}: read by no field (kept as text under their header): {', '.join(left)}",
                err=True,
            )


@app.command()
def layer(
    what: Annotated[Literal["new", "template", "add"], typer.Argument(metavar="new|template|add")],
    of: Annotated[list[str] | None, typer.Argument(metavar="FILE|LAYER")] = None,
    layer_id: Annotated[str, typer.Option("--id", metavar="ID")] = "",
    counts: Annotated[
        Literal["risk", "resource", "work", "event", "reading"], typer.Option("--counts", metavar="KIND")
    ] = "resource",
    to: Annotated[Path | None, typer.Option("--to", metavar="OUT.xlsx")] = None,
    listed: ListOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Draft a layer file from a file, write a blank template of a layer, or take shipped registers in."""
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if what == "add":
        _list_shipped(ws, as_json=as_json) if listed else _add_layers(ws, of or [], as_json=as_json)
    elif what == "template":
        _write_template(ws, _the_one(what, of), to, as_json=as_json)
    else:
        _draft_layer(ws, Path(_the_one(what, of)), layer_id, counts, as_json=as_json)


def _the_one(what: str, of: list[str] | None) -> str:
    """Return the one file or layer that a command is about."""
    if of is None or len(of) != 1:
        raise RiskmapError(
            f"layer {what}：请写明一个{'图层编号' if what == 'template' else '文件'}",
            f"layer {what}: name one {'layer' if what == 'template' else 'file'}",
        )
    return of[0]


def _list_shipped(ws: Workspace, *, as_json: bool) -> None:
    from riskmap.actions.shipped_layers import shipped_layers
    from riskmap.texts import t

    shipped = list(shipped_layers().values())
    if as_json:
        print_json({"layers": [one.as_json(ws) for one in shipped]})
        return
    for one in shipped:
        taken = Text("已加入", "taken").text(LANG) if one.taken(ws) else ""
        names = t("list_separator", LANG).join(one.names)
        typer.echo("\t".join([one.layer.id, one.layer.title.text(LANG), names, taken]).rstrip())


def _add_layers(ws: Workspace, ids: list[str], *, as_json: bool) -> None:
    from riskmap.actions.shipped_layers import take_layers

    if not ids:
        raise RiskmapError(
            "layer add：请写明登记册编号；riskmap layer add --list 列出自带的登记册",
            "layer add: name registers; riskmap layer add --list tells which are shipped",
        )
    taken = take_layers(ws, ids)
    if as_json:
        print_json(taken.as_json())
        return
    for one, file in taken.files.items():
        asked = taken.named_by.get(one)
        because = ("", "") if asked is None else (f"（{asked} 要用到）", f" (named by {asked})")
        echo(f"已加入 {one}：{file}{because[0]}", f"added {one}: {file}{because[1]}")
    if taken.need_takeover(ws):
        echo(
            '还没有接管日：请在 workspace.toml 写 [registers] takeover = "2025-12-31"（换成本区的日期）；'
            "不写，来时已办结的行都待确认",
            'no day of takeover: write [registers] takeover = "2025-12-31", the day of this district, into '
            "workspace.toml; without it every row that arrives closed is held",
        )


def _write_template(ws: Workspace, of: str, to: Path | None, *, as_json: bool) -> None:
    from riskmap.actions.layer_files import layer_template

    if to is None:
        raise RiskmapError(
            "layer template：请用 --to 写明要写的 .xlsx 文件",
            "layer template: name the .xlsx file to write with --to",
        )
    made = layer_template(ws, of, to, lang=LANG)
    if as_json:
        print_json(made.as_json())
        return
    title = ws.catalog.layer(of).title.text(LANG)
    required, scored = made.count("required"), made.count("scored")
    echo(
        f"{title}的空白模板：{to}（{len(made.columns)} 列，必填 {required}，评级必需 {scored}）；填好后 riskmap import {of} {to}",
        f"blank template of {title}: {to} ({len(made.columns)} columns, {required} required, {scored} needed for the tier); "
        f"once filled: riskmap import {of} {to}",
    )


def _draft_layer(ws: Workspace, file: Path, layer_id: str, counts: Counts, *, as_json: bool) -> None:
    from riskmap.actions.layer_drafting import draft_layer

    draft = draft_layer(ws, file, layer_id=layer_id, counts=counts)
    if as_json:
        print_json(draft.as_json())
        return
    echo(
        f"图层草稿已写好：{draft.file}；请核对标题、类型和选项，再用 riskmap import {draft.id} {file} 导入",
        f"a draft of the layer is written: {draft.file}; check titles, types and choices, then riskmap import {draft.id} {file}",
    )
    if draft.model is not None:
        echo(
            f"评分模型草稿：{draft.model}；其中的数值都是占位，请逐项填写",
            f"a draft of its model: {draft.model}; every number in it is a placeholder, fill them in",
        )
    for field in draft.fields:
        typer.echo(f"  {field.header}\t{field.id}\t{field.type}")


@app.command()
def fill(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    accept: Annotated[list[str] | None, typer.Option("--accept", metavar="FIELD")] = None,
    but: Annotated[list[str] | None, typer.Option("--but", metavar="CODE")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Streets and positions that records lack and the ledger could add; shown, and written where accepted."""
    from riskmap.actions.suggestions import accept_offers, check_fillable, record_offers
    from riskmap.cli.common import open_workspace

    check_fillable(accept or ())
    ws = open_workspace(workspace, store)
    offered = record_offers(ws, layer)
    taken = [one for one in offered if one.field in (accept or ()) and one.code not in (but or ())]
    if taken:
        accept_offers(ws, layer, taken, by=person(by), why=reason(why))
    left = [one.as_json() for one in offered if one not in taken]
    if as_json:
        print_json({"layer": layer, "accepted": [one.as_json() for one in taken], "offers": left})
        return
    if taken:
        echo(
            f"已补 {len(taken)} 处，一次改动，可整批撤销",
            f"filled in {len(taken)}, as one changeset with one undo",
        )
    elif not offered:
        echo("没有可补的街道和位置", "no sub-district and no position could be filled in")
    _report_suggestions(left, "--accept")


@app.command()
def held(
    layer: LayerOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Rows that wait for confirmation."""
    from riskmap.cli.common import open_workspace

    waiting = open_workspace(workspace, store).ledger.held(layer=layer)
    if as_json:
        print_json({"held": [{**asdict(h), "message": h.message.text(LANG)} for h in waiting]})
        return
    for h in waiting:
        typer.echo(f"{h.id}\t{h.layer}\t{h.code}\t{h.file}\t{h.row}\t{h.message.text(LANG)}")
    if not waiting:
        echo("没有待确认的行", "nothing is held")


@app.command()
def accept(
    held_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    why: Annotated[str, typer.Option("--why")],
    as_code: Annotated[str | None, typer.Option("--as-code", metavar="CODE")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    evidence: EvidenceOption = None,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Let held rows in, as one changeset."""
    from riskmap.actions.importing import settle_held
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    more = _stated_beside(ws, held_ids, set_ or ())
    done = settle_held(
        ws,
        held_ids,
        accept=True,
        as_code=as_code,
        by=person(by),
        why=why,
        more=more,
        evidence=read_evidence(evidence),
    )
    echo(f"已写入（第 {done} 批改动）", f"written (changeset {done})")


def _stated_beside(ws: Workspace, held: Sequence[int], sets: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return layer → field → what is stated beside held rows, which are all of one layer then."""
    from riskmap.actions.records.tickets import stated_in_move

    if not sets:
        return {}
    layers = {one.layer for one in ws.ledger.held() if one.id in set(held)}
    if len(layers) != 1:
        raise RiskmapError(
            "--set：这些行不在同一个图层，或都已处理",
            "--set: these rows are not of one layer, or were settled",
        )
    (layer,) = layers
    return {layer: stated_in_move(ws.catalog.layer(layer), stated_pairs(sets))}


@app.command()
def decline(
    held_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    why: Annotated[str, typer.Option("--why")],
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Leave held rows out."""
    from riskmap.actions.importing import settle_held
    from riskmap.cli.common import open_workspace

    settle_held(open_workspace(workspace, store), held_ids, accept=False, by=person(by), why=why)
    echo("未采用，原行仍留在台账中", "left out; the ledger keeps the row")


@app.command()
def rejected(
    layer: LayerOption = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="OUT.xlsx")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Rejected rows that are still open."""
    from riskmap.actions.inventory.exporting import write_rejected
    from riskmap.cli.common import open_workspace

    entries = open_workspace(workspace, store).ledger.rejected(layer=layer)
    if to and entries:
        batches = dict.fromkeys((e.file, e.batch) for e in entries)
        write_rejected(
            to,
            [
                (file, batch, tuple(e.row for e in entries if (e.file, e.batch) == (file, batch)))
                for file, batch in batches
            ],
        )
    if as_json:
        print_json(
            {
                "rejected": [
                    {
                        "id": e.id,
                        "layer": e.layer,
                        "file": e.file,
                        "sheet": e.row.sheet,
                        "row": e.row.row,
                        "code": e.row.code,
                        "reasons": [i.message.text(LANG) for i in e.row.issues],
                    }
                    for e in entries
                ]
            }
        )
        return
    for e in entries:
        reasons = "；".join(i.message.text(LANG) for i in e.row.issues)
        typer.echo(f"{e.layer}\t{e.row.code or ''}\t{reasons}")
    if not entries:
        echo("没有未改正的退回行", "no rejected row is open")


@app.command()
def mend(
    row_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="HEADER=TEXT")] = None,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Let rejected rows in, bad optional cells left empty."""
    from riskmap.actions.rejected_mending import mend_rejected
    from riskmap.cli.common import open_workspace

    wrong = [text for text in set_ or () if "=" not in text]
    if wrong:
        raise RiskmapError(f"--set {wrong[0]}：请写成 列名=内容", f"--set {wrong[0]}: write HEADER=TEXT")
    cells = dict(text.split("=", 1) for text in set_) if set_ else None
    ws = open_workspace(workspace, store)
    done = mend_rejected(ws, row_ids, cells=cells, by=person(by), why=reason(why))
    echo(
        f"已接收 {done.accepted} 行，仍退回 {done.rejected} 行",
        f"accepted {done.accepted} rows, still rejected {done.rejected}",
    )
    for file in done.files:
        for issue in file.issues:
            typer.echo(f"  {'✗' if issue.severity == 'error' else '!'} {issue.message.text(LANG)}", err=True)
    raise typer.Exit(1 if done.rejected else 0)


@app.command("tier-changes")
def tier_changes(
    run: Annotated[int | None, typer.Option("--run")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Tiers that changed, and whether data or model caused it."""
    from riskmap.cli.common import open_workspace
    from riskmap.vocabulary import TIER_TITLES

    found = [c for c in open_workspace(workspace, store).ledger.tier_changes(run=run) if c.before]
    if as_json:
        print_json({"changes": [asdict(c) for c in found]})
        return
    for c in found:
        before, after = TIER_TITLES[c.before or "unrated"].text(LANG), TIER_TITLES[c.after].text(LANG)
        typer.echo(f"{c.at}\t{c.layer}\t{c.code}\t{before} → {after}\t{c.cause}")
    if not found:
        echo("没有等级变化", "no tier changed")


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open")] = False,
) -> None:
    """Serve the app on this machine."""
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    _ = ws.ledger.state  # say what is wrong before a browser opens
    os.environ["RISKMAP_WORKSPACE"] = str(ws.root)
    if store:
        os.environ["RISKMAP_STORE"] = ws.store
    from riskmap.web.frame.app import run

    run(port=port, open_browser=open_browser, url_lang=cast("Literal['zh', 'en']", LANG))
