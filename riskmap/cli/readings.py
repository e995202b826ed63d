"""Commands about readings of sensors: take them in, look at them."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    at_interrupt,
    echo,
    open_workspace,
    person,
    print_json,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.actions.readings.inbox import Taken
    from riskmap.actions.workspace import Workspace
    from riskmap.rules.permissions import Actor
    from riskmap.values.readings import Ingested


_LISTED = 20


@app.command()
def ingest(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...")] = None,
    watch: Annotated[Path | None, typer.Option("--watch", metavar="DIR")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Take in readings of sensors from files, or from a folder as they come."""
    from riskmap.actions.readings.ingesting import ingest as take

    ws = open_workspace(workspace, store)
    if bool(files) == (watch is not None):
        raise RiskmapError(
            "请写文件，或用 --watch 指明收件文件夹（二选一）",
            "name files, or a folder with --watch, one of the two",
        )
    if watch is not None:
        _watch(ws, watch, by=person(by), as_json=as_json)
        return
    done = [(file, take(ws, file, by=person(by), why=why or "")) for file in files or ()]
    if as_json:
        documents = [one.as_json(LANG) for _, one in done]
        named = [{"file": str(file), **one} for (file, _), one in zip(done, documents, strict=True)]
        print_json(documents[0] if len(documents) == 1 else {"files": named})
    else:
        for file, one in done:
            _tell(file, one)
    raise typer.Exit(1 if any(one.refused or one.conflict for _, one in done) else 0)


def _watch(ws: Workspace, folder: Path, *, by: Actor, as_json: bool) -> None:
    """Watch a folder until Ctrl-C; each file is told as it is done, under --json as a line of its own."""
    from riskmap.actions.readings.inbox import watch
    from riskmap.json_documents import dumps

    def told(one: Taken) -> None:
        if as_json:
            said = (
                one.result.as_json(LANG)
                if one.result
                else {"error": one.problem and one.problem.as_json(LANG)}
            )
            typer.echo(dumps({"file": one.file.name, **said}).decode())
        elif one.result is not None:
            _tell(one.file, one.result)
        elif one.problem is not None:
            typer.echo(one.problem.text(LANG), err=True)

    stop = Event()
    echo(f"等待读数：{folder}（Ctrl+C 停止）", f"waiting for readings: {folder} (Ctrl+C stops)", err=True)
    with at_interrupt(stop.set):
        n = watch(ws, folder, by=by, stop=stop, told=told)
    echo(f"已停止，共取入 {n} 个文件", f"stopped, {n} files taken in", err=True)


def _tell(file: Path, one: Ingested) -> None:
    echo(
        f"{file.name}：{one.rows} 条读数 = 取入 {one.accepted} + 重复 {one.duplicate} + 冲突 {one.conflict} + 退回 {one.refused}"
        f"（迟到 {one.late}）",
        f"{file.name}: {one.rows} readings = {one.accepted} accepted + {one.duplicate} duplicate + {one.conflict} conflict "
        f"+ {one.refused} refused ({one.late} late)",
    )
    if one.alerts:
        echo(f"  预警：{'、'.join(one.alerts)}", f"  alerts: {', '.join(one.alerts)}")
    for issue in one.issues[:_LISTED]:
        typer.echo(f"  · {issue.message.text(LANG)}", err=True)
    if (more := len(one.issues) - _LISTED) > 0:
        echo(f"  · 另有 {more} 处，见 --json", f"  · and {more} more, see --json", err=True)


@app.command()
def readings(
    layer: Annotated[str, typer.Argument()],
    code: Annotated[str, typer.Argument()],
    indicator: Annotated[str | None, typer.Argument()] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME")] = None,
    latest: Annotated[bool, typer.Option("--latest")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """What a sensor measured, how old it is and which level it has reached."""
    from riskmap.actions.readings.standing import sensor_json, sensor_readings
    from riskmap.moments import parse_beijing_moment

    ws = open_workspace(workspace, store)
    start, stop = (parse_beijing_moment(text) if text else None for text in (from_, to))
    found = sensor_readings(ws, layer, code, indicator, start=start, stop=stop)
    if as_json:
        print_json(sensor_json(layer, code, found, latest=latest))
        return
    from riskmap.actions.readings.standing import standing_text
    from riskmap.moments import utc_now

    now = utc_now()
    for one in found:
        typer.echo(standing_text(one, now).text(LANG))
        if not latest:
            for at, value in one.rows():
                typer.echo(f"{at}\t{value:g}")


@app.command()
def token(
    revoke: Annotated[bool, typer.Option("--revoke")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Make the token with which a gateway sends readings; it is shown once."""
    from riskmap.actions.readings.tokens import make_token, revoke_token

    ws = open_workspace(workspace, store)
    if revoke:
        had = revoke_token(ws, by=person(by))
        if as_json:
            print_json({"revoked": had})
            return
        echo(
            "令牌已作废，没有人能再发送读数" if had else "没有令牌",
            "the token is worth nothing any more" if had else "there was no token",
        )
        return
    made = make_token(ws, by=person(by))
    if as_json:
        print_json({"token": made})
        return
    typer.echo(made)
    echo(
        "只显示这一次；发送：POST /observations，请求头 Authorization: Bearer 令牌；以前的令牌已作废",
        "shown this once; send it with POST /observations as Authorization: Bearer TOKEN; earlier ones are worth nothing",
        err=True,
    )
