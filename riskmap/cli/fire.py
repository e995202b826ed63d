"""Commands about forest fire: fire-weather, coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riskmap.cli.common import LANG, JsonOption, StoreOption, WorkspaceOption, app, print_json, say

_INDICES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")


@app.command("fire-weather")
def fire_weather(
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="FILE", help="CSV：month,day,temp,rh,ws,prec（°C、%、km/h、mm）/ daily weather"
        ),
    ],
    lat: Annotated[float, typer.Option("--lat", metavar="DEGREES", help="纬度，北纬为正 / latitude")],
    start: Annotated[
        str, typer.Option("--start", metavar="FFMC,DMC,DC", help="起算值 / codes of the evening before")
    ] = "85,6,15",
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE.json", help="逐日接续的状态文件 / carries the codes on"),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="本文件的网格重新起算 / begin anew from --start")
    ] = False,
    grid_risk: Annotated[
        bool,
        typer.Option("--grid-risk", help="同时算工作区各防火网格当日风险 / rate the grids of the workspace"),
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """火险天气指数（加拿大 FWI）/ the Canadian fire weather index, day by day."""
    from riskmap.usecases import fire_weather as weather

    ws = None
    if grid_risk:
        from riskmap.usecases.workspace import open_workspace

        ws = open_workspace(workspace, store)  # refused before a state is written
    days = weather.fire_weather(data, lat=lat, start=weather.parse_start(start), state=state, restart=restart)
    document = weather.fire_weather_json(days)
    complete = not days.gaps
    if ws is not None:
        from riskmap.usecases.grid_fire import grid_fire_risk

        document |= grid_fire_risk(ws, days)
        complete = complete and not document["unmatched"]
    if as_json:
        print_json(document)
    else:
        _print_days(document)
    for gap in days.gaps:
        of = (f"网格 {gap.grid}：", f"grid {gap.grid}: ") if gap.grid else ("", "")
        say(
            f"{of[0]}{gap.after} 与 {gap.before} 之间缺日，{gap.before} 起为未知；请补齐重算，或把此后各日另存，用 --restart",
            f"{of[1]}days are missing between {gap.after} and {gap.before}, unknown from {gap.before} on; "
            "supply them, or put the days behind the gap into a file of their own and use --restart",
            err=True,
        )
    for grid in document.get("unmatched", ()):
        say(
            f"网格 {grid}：台账中没有这个编号；请核对网格编号",
            f"grid {grid}: the ledger has no such code; check it",
            err=True,
        )
    raise typer.Exit(0 if complete else 1)


def _print_days(document: dict[str, Any]) -> None:
    typer.echo("\t".join(("grid", "month", "day", *_INDICES)))
    for day in document["days"]:
        numbers = ["—" if day[name] is None else f"{day[name]:.1f}" for name in _INDICES]
        typer.echo("\t".join((str(day.get("grid", "")), str(day["month"]), str(day["day"]), *numbers)))
    from riskmap.records import TIER_TITLES

    for grid in document.get("grids", ()):
        tier = TIER_TITLES[grid["tier"] or "unrated"].text(LANG)
        risk = "—" if grid["risk"] is None else f"{grid['risk']:g}"
        typer.echo(f"{grid['code']}\t{grid['name'] or ''}\t{grid['month']}-{grid['day']}\t{risk}\t{tier}")


@app.command()
def coverage(
    layer: Annotated[
        str, typer.Option("--layer", metavar="LAYER", help="面图层 / a layer of polygons")
    ] = "forest_fire_grids",
    forest: Annotated[
        Path | None, typer.Option("--forest", metavar="FILE", help="林区面 GeoJSON / polygons to be covered")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """网格有无空隙、重叠、无人负责 / gaps, overlaps and grids without a person."""
    from riskmap.usecases.coverage import coverage as cover
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    document = cover(ws, layer, forest=forest)
    if as_json:
        print_json(document)
    else:
        _print_coverage(document, ws.catalog.layer(layer).title.text(LANG))
    raise typer.Exit(0 if document["complete"] else 1)


def _print_coverage(document: dict[str, Any], title: str) -> None:
    gaps, overlaps, patrollers = document["gaps"], document["overlaps"], document["patrollers"]
    say(
        f"{title}：{document['grids']} 个，{document['area_ha']:,} 公顷；空隙 {len(gaps['parts'])} 处 {gaps['area_ha']} 公顷，"
        f"重叠 {len(overlaps['pairs'])} 对 {overlaps['area_ha']} 公顷，护林员 {patrollers['total']} 人",
        f"{title}: {document['grids']}, {document['area_ha']:,} ha; {len(gaps['parts'])} gaps of {gaps['area_ha']} ha, "
        f"{len(overlaps['pairs'])} overlaps of {overlaps['area_ha']} ha, {patrollers['total']} patrollers",
    )
    for part in gaps["parts"]:
        where = f"{part['lon']}, {part['lat']}"
        say(f"  空隙：{part['area_ha']} 公顷，{where}", f"  gap: {part['area_ha']} ha at {where}")
    for pair in overlaps["pairs"]:
        both = f"{pair['a']} × {pair['b']}"
        say(f"  重叠：{both}，{pair['area_ha']} 公顷", f"  overlap: {both}, {pair['area_ha']} ha")
    for key, zh, en in (
        ("unassigned", "无人负责", "without a person"),
        ("unlocated", "没有边界", "without a polygon"),
    ):
        if document[key]:
            say(f"  {zh}：{'、'.join(document[key])}", f"  {en}: {', '.join(document[key])}")
