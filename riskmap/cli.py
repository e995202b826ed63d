"""The command line: collect input, call one use case, show its result.

`--json` prints one document on stdout and nothing else; everything meant for a person goes to
stderr or, without `--json`, to stdout. Exit status: 0 done, 1 done with rejected rows or sums that
do not agree, 2 could not do it.
"""

from __future__ import annotations

import getpass
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, cast

import orjson
import typer

from riskmap.errors import Lang, RiskmapError

app = typer.Typer(
    name="riskmap",
    help="安全风险底数：台账、评估、地图、清单 / risk ledger, assessment, map and inventories",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LANG: Lang = cast("Lang", "en" if os.environ.get("RISKMAP_LANG", "zh").startswith("en") else "zh")

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="工作区目录（默认 RISKMAP_WORKSPACE 或当前目录）/ workspace directory"),
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="台账地址（默认 RISKMAP_STORE）/ URL of the ledger")
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出一个 JSON 文档 / print one JSON document")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="谁（默认登录用户）/ who (default: the login name)")
]
WhyOption = Annotated[
    str | None, typer.Option("--why", help="为什么（默认本命令）/ reason (default: the command)")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="某日的台账 YYYY-MM-DD / a past day")
]
LayersArgument = Annotated[list[str] | None, typer.Argument(help="图层（默认全部）/ layers (default: all)")]
TierOption = Annotated[str | None, typer.Option("--tier", help="major,large,general,low")]
StateOption = Annotated[str | None, typer.Option("--state", help="rated | unrated")]
SubdistrictOption = Annotated[
    str | None, typer.Option("--subdistrict", help="街道，逗号分隔 / sub-districts")
]
WhereOption = Annotated[
    list[str] | None, typer.Option("--where", help="'FIELD OP VALUE'，可重复 / repeatable")
]
WithinOption = Annotated[Path | None, typer.Option("--within", help="GeoJSON 面（WGS84）/ polygon file")]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; every failure is one clear message."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        status = app(args=list(argv) if argv is not None else None, standalone_mode=False)
    except RiskmapError as problem:
        _fail(problem.text(LANG))
    except typer.Exit as leave:
        raise SystemExit(leave.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        _fail("已中断，未写入 / interrupted, nothing was written" if LANG == "zh" else "interrupted")
    except Exception as problem:  # noqa: BLE001 - the last net: a person never sees a traceback
        show = getattr(problem, "show", None)
        if show is not None:  # a usage error: Typer says which option and how
            show()
            raise SystemExit(2) from None
        if os.environ.get("RISKMAP_DEBUG"):
            traceback.print_exc()
        _fail(
            f"没有完成：{type(problem).__name__}：{problem}；设置 RISKMAP_DEBUG=1 可查看细节"
            if LANG == "zh"
            else f"could not do it: {type(problem).__name__}: {problem}; set RISKMAP_DEBUG=1 for details"
        )
    raise SystemExit(status if isinstance(status, int) else 0)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201 - the command line's own voice
    raise SystemExit(2)


def _say(zh: str, en: str, *, err: bool = False) -> None:
    typer.echo(zh if LANG == "zh" else en, err=err)


def _print_json(document: Any) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(document, option=options, default=_plain) + b"\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, tuple | set | frozenset):
        return list(cast("Sequence[object]", value))
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def _by(given: str | None) -> str:
    try:
        return given or getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _why(given: str | None) -> str:
    return given or "riskmap " + " ".join(sys.argv[1:])


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (text or "").replace("，", ",").split(",") if part.strip())


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise RiskmapError(
            f"日期 {text!r} 不对；请写成 2024-12-31", f"not a date: {text!r}; write it like 2024-12-31"
        ) from problem


def _progress(what: str, share: float) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{what} {share:4.0%}", err=True, nl=share >= 1)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    demo: Annotated[bool, typer.Option("--demo", help="装入演示区 / fill it with the demo district")] = False,
    points: Annotated[int, typer.Option("--points", min=1, help="演示风险点数 / demo risk points")] = 42_336,
    seed: Annotated[int, typer.Option("--seed", help="演示数据的随机种子 / seed of the demo data")] = 0,
    name: Annotated[str, typer.Option("--name", help="区名 / district name")] = "本区",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建工作区 / make a workspace."""
    from riskmap.usecases.demonstrating import create_demo_workspace
    from riskmap.usecases.workspace import create_workspace

    if demo:
        ws = create_demo_workspace(directory, points=points, seed=seed, by=_by(by), progress=_progress)
    else:
        ws = create_workspace(directory, name=name)
    if as_json:
        _print_json({"workspace": str(ws.root), "district": ws.config.district, "demo": ws.demo})
    else:
        _say(
            f"工作区已建好：{ws.root}（{ws.config.district}）；下一步：riskmap serve --workspace {ws.root}",
            f"workspace ready: {ws.root} ({ws.config.district}); next: riskmap serve --workspace {ws.root}",
        )


@app.command("import")
def import_(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    crs: Annotated[
        str | None, typer.Option("--crs", help="wgs84 cgcs2000 gcj02 bd09 EPSG:n；文件自带坐标系时可省")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只看差异，不写入 / show, write nothing")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="OUT.xlsx", help="退回行另存 / rejected rows")
    ] = None,
    full_list: Annotated[bool, typer.Option("--full-list", help="这是完整清单：列出文件中没有的点")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """导入台账文件 / import spreadsheets and layers."""
    from riskmap.usecases.importing import import_files, rejected_rows
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    report = import_files(
        ws,
        layer,
        files,
        datum=crs,
        dry_run=dry_run,
        full_list=full_list,
        by=_by(by),
        why=_why(why),
        progress=None if as_json else _progress,
    )
    if rejects and report.rejected:
        from riskmap.usecases.exporting import write_rejected

        write_rejected(rejects, rejected_rows(report))
    if as_json:
        _print_json(report.as_json())
    else:
        _report_import(report.as_json(), dry_run=dry_run)
    raise typer.Exit(1 if report.rejected else 0)


def _report_import(document: dict[str, Any], *, dry_run: bool) -> None:
    for file in document["files"]:
        head = "（试导入，未写入）" if dry_run else ""
        _say(
            f"{file['file']}{head}：共 {file['rows']} 行，接收 {file['accepted']}（新增 {file['inserted']}、更新 "
            f"{file['updated']}、不变 {file['unchanged']}、待确认 {file['held']}），退回 {file['rejected']}，"
            f"非数据行 {file['skipped_non_data']}，无坐标 {file['unlocated']}",
            f"{file['file']}{' (dry run)' if dry_run else ''}: {file['rows']} rows, accepted {file['accepted']} "
            f"(new {file['inserted']}, updated {file['updated']}, unchanged {file['unchanged']}, held {file['held']}), "
            f"rejected {file['rejected']}, not data {file['skipped_non_data']}, unlocated {file['unlocated']}",
        )
        for issue in file["issues"][:50]:
            typer.echo(f"  {'✗' if issue['severity'] == 'error' else '!'} {issue['message']}", err=True)
        if len(file["issues"]) > 50:  # noqa: PLR2004 - a screenful
            _say(
                f"  … 另有 {len(file['issues']) - 50} 条，见 --json",
                f"  … {len(file['issues']) - 50} more, see --json",
                err=True,
            )
        if file["absent"]:
            _say(
                f"  文件中没有的在册点 {len(file['absent'])} 个：{'、'.join(file['absent'][:20])}",
                f"  in the ledger, not in the file: {len(file['absent'])}: {', '.join(file['absent'][:20])}",
            )


@app.command()
def assess(
    layers: LayersArgument = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """评估分级 / score every point into a tier."""
    from riskmap.usecases.assessing import assess_layers
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    document = assess_layers(ws, layers or (), by=_by(by), why=_why(why))
    if as_json:
        _print_json(document)
        return
    for item in document["layers"]:
        title = ws.catalog.layer(item["layer"]).title.text(LANG)
        t = item["tiers"]
        _say(
            f"{title}：重大 {t['major']}、较大 {t['large']}、一般 {t['general']}、低 {t['low']}、未评 {item['unrated']}"
            f"（等级或得分有变化 {item['changed']}）",
            f"{title}: major {t['major']}, large {t['large']}, general {t['general']}, low {t['low']}, "
            f"unrated {item['unrated']} (changed {item['changed']})",
        )


@app.command()
def select(
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """筛选 / list the records that a filter selects."""
    from riskmap.usecases.selecting import make_selection, select_json
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    selection = make_selection(
        ws,
        layers=layers or (),
        tiers=_split(tier),
        states=_split(state),
        subdistricts=_split(subdistrict),
        where=where or (),
        within=within,
    )
    document = select_json(ws, selection, as_of=_day(as_of))
    if as_json:
        _print_json(document)
        return
    _say(f"共 {document['count']} 条", f"{document['count']} records")
    for feature in document["features"][:100]:
        typer.echo(
            "\t".join(
                str(feature[k] if feature[k] is not None else "")
                for k in ("layer", "code", "name", "subdistrict", "tier", "score")
            )
        )


@app.command()
def export(
    to: Annotated[
        list[Path], typer.Option("--to", metavar="FILE", help="按结尾定格式，可重复 / format from the ending")
    ],
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    contacts: Annotated[
        bool, typer.Option("--contacts", help="含未脱敏的联系人（会留痕）/ unmasked contacts, recorded")
    ] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """导出分级分类清单 / export a classified inventory."""
    from riskmap.usecases.exporting import export_selection
    from riskmap.usecases.selecting import make_selection
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    selection = make_selection(
        ws,
        layers=layers or (),
        tiers=_split(tier),
        states=_split(state),
        subdistricts=_split(subdistrict),
        where=where or (),
        within=within,
    )
    document = export_selection(
        ws, selection, to, as_of=_day(as_of), unmasked=contacts, by=_by(by), why=_why(why), lang=LANG
    )
    if as_json:
        _print_json(document)
    else:
        for file in document["files"]:
            _say(f"{file['path']}：{file['rows']} 条", f"{file['path']}: {file['rows']} records")
        if not document["adds_up"]:
            _say("注意：合计不一致，见封面", "note: sums do not agree, see the cover", err=True)
    raise typer.Exit(0 if document["adds_up"] else 1)


@app.command()
def summary(
    as_of: AsOfOption = None,
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="DATE", help="与某日比较 / compare with a day")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """汇总，并核对合计 / counts, and whether they add up."""
    from riskmap.usecases.reconciling import summarise
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    document = summarise(ws, as_of=_day(as_of), compare=_day(compare))
    if as_json:
        _print_json(document)
    else:
        t = document["tiers"]
        _say(
            f"{ws.config.district}：共 {document['total']}；重大 {t['major']}、较大 {t['large']}、一般 {t['general']}、"
            f"低 {t['low']}、未评 {document['unrated']}；退回未改 {document['rejected_rows']} 行",
            f"{ws.config.district}: {document['total']}; major {t['major']}, large {t['large']}, general {t['general']}, "
            f"low {t['low']}, unrated {document['unrated']}; rejected rows open {document['rejected_rows']}",
        )
        for layer_id, layer in document["layers"].items():
            t = layer["tiers"]
            typer.echo(
                f"  {ws.catalog.layer(layer_id).title.text(LANG)}\t{layer['total']}\t"
                + "\t".join(str(t[k]) for k in t)
                + f"\t{layer['unrated']}"
            )
        for difference in document["differences"]:
            codes = "、".join(difference["codes"][:50])
            _say(
                f"合计不一致：{difference['what']}，应为 {difference['expected']}，实为 {difference['found']}；{codes}",
                f"does not add up: {difference['what']}, expected {difference['expected']}, found {difference['found']}: {codes}",
                err=True,
            )
    raise typer.Exit(0 if document["adds_up"] else 1)


@app.command()
def explain(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """为什么是这个等级 / why this point has this tier."""
    from riskmap.usecases.assessing import explain_point, explanation_json
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    document = explanation_json(explain_point(ws, layer, code))
    if as_json:
        _print_json(document)
        return
    from riskmap.records import TIER_TITLES

    tier = TIER_TITLES[document["tier"] or "unrated"].text(LANG)
    _say(
        f"{code}：{tier}，得分 {document['score']}（{document['model']}）",
        f"{code}: {tier}, score {document['score']} ({document['model']})",
    )
    for part in document["contributions"]:
        typer.echo(f"  {part['field']} = {part['value']}\t{part['contribution']:+.4g}")
    if document["missing"]:
        _say(f"缺少：{'、'.join(document['missing'])}", f"missing: {', '.join(document['missing'])}")
    if document["rules"]:
        _say(f"直接判定：{'、'.join(document['rules'])}", f"direct rules: {', '.join(document['rules'])}")
    for step in document["nearest"]:
        _say(
            f"  若 {step['field']} 由 {step['value']} 变为 {step['to']}，等级变为{TIER_TITLES[step['tier']].zh}",
            f"  if {step['field']} went from {step['value']} to {step['to']}, the tier would be {step['tier']}",
        )


@app.command()
def history(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """每次修改：谁、何时、为什么、前后 / every revision of a record."""
    from riskmap.usecases.assessing import history_json
    from riskmap.usecases.workspace import open_workspace

    document = history_json(open_workspace(workspace, store), layer, code)
    if as_json:
        _print_json(document)
        return
    for revision in document["revisions"]:
        typer.echo(
            f"v{revision['version']}\t{revision['at']}\t{revision['who']}\t{revision['kind']}\t{revision['why']}"
        )
        for key, (before, after) in revision["changes"].items():
            typer.echo(f"  {key}: {before} → {after}")


@app.command()
def retire(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    why: Annotated[str, typer.Option("--why", help="原因 / reason")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """从清单中撤下（台账中保留）/ take a record off the lists; the ledger keeps it."""
    from riskmap.usecases.editing import retire_point
    from riskmap.usecases.workspace import open_workspace

    version = retire_point(open_workspace(workspace, store), layer, code, by=_by(by), why=why)
    if as_json:
        _print_json({"layer": layer, "code": code, "version": version})
    else:
        _say(
            f"{code} 已撤下，台账中保留（第 {version} 版）",
            f"{code} is retired; the ledger keeps it (version {version})",
        )


@app.command()
def undo(
    changeset: Annotated[int, typer.Argument(metavar="CHANGESET")],
    why: Annotated[str, typer.Option("--why", help="原因 / reason")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """整批撤销一次导入或修改 / undo one changeset as a whole."""
    from riskmap.usecases.editing import undo_changeset
    from riskmap.usecases.workspace import open_workspace

    done = undo_changeset(open_workspace(workspace, store), changeset, by=_by(by), why=why)
    if as_json:
        _print_json({"undone": changeset, "changeset": done})
    else:
        _say(
            f"第 {changeset} 批改动已撤销（记为第 {done} 批）",
            f"changeset {changeset} is undone (as changeset {done})",
        )


@app.command()
def changes(
    limit: Annotated[int, typer.Option("--limit", min=1)] = 20,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """最近的改动批次 / recent changesets, newest first."""
    from dataclasses import asdict

    from riskmap.usecases.workspace import open_workspace

    found = [asdict(c) for c in open_workspace(workspace, store).ledger.changesets(limit=limit)]
    if as_json:
        _print_json({"changesets": found})
        return
    for c in found:
        typer.echo("\t".join(str(v) for v in c.values()))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """备份台账 / back the ledger up into one file."""
    from riskmap.usecases.workspace import open_workspace

    open_workspace(workspace, store).ledger.backup(file)
    if as_json:
        _print_json({"path": str(file), "bytes": file.stat().st_size})
    else:
        _say(f"已备份到 {file}", f"backed up to {file}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """从备份恢复（现有台账改名保留）/ restore a backup; the present ledger is kept beside."""
    from riskmap.ledger import Ledger
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    Ledger.restore(file, ws.store)
    if as_json:
        _print_json({"restored": str(file), "store": ws.store})
    else:
        _say(f"已从 {file} 恢复", f"restored from {file}")


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="打开浏览器 / open the browser")
    ] = False,
) -> None:
    """打开应用（仅本机 127.0.0.1）/ serve the app on this machine."""
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    _ = ws.ledger.state  # say what is wrong before a browser opens
    os.environ["RISKMAP_WORKSPACE"] = str(ws.root)
    if store:
        os.environ["RISKMAP_STORE"] = ws.store
    from riskmap.ui.server import run

    run(port=port, open_browser=open_browser, url_lang=cast("Literal['zh', 'en']", LANG))


if __name__ == "__main__":
    main()
