"""Commands on rasters: factors of the terrain, and their values into fields.

Commands about forest fire: fire-weather, coverage.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    LayerOption,
    StoreOption,
    WhereOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    reason,
    some_of,
    split,
)
from riskmap.errors import RiskmapError
from riskmap.json_documents import plain

if TYPE_CHECKING:
    from riskmap.actions.episode.fire_weather import GridFireRisk
    from riskmap.actions.terrain.reach import Coverage
    from riskmap.values.hazards import FireWeatherDays

_NAMED = 5


@app.command()
def nearest(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    to: Annotated[str, typer.Option("--to", metavar="CODE|LON,LAT")],
    where: WhereOption = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000)] = 1,
    show: Annotated[str | None, typer.Option("--show", metavar="FIELD")] = None,
    roads: Annotated[Path | None, typer.Option("--roads", metavar="FILE")] = None,
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """The closest records of a layer that meet conditions, by straight line or by road."""
    from riskmap.actions.inventory.nearby import distance_text, nearest_records, place_of
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    found = nearest_records(
        ws,
        layer,
        place_of(ws, to, crs=crs or ""),
        where=where or (),
        count=count,
        show=show or "",
        roads=roads,
        roads_crs=crs,
    )
    if as_json:
        print_json(found)
        raise typer.Exit(0 if found.complete else 1)
    how = found.distance_zh if LANG == "zh" else found.distance
    for one in found.records:
        shown = (
            "" if one.shown is None else f"{one.shown:g}" if isinstance(one.shown, float) else f"{one.shown}"
        )
        typer.echo(
            "\t".join(
                (distance_text(one.metres), one.code, one.name or one.at or "", one.subdistrict or "", shown)
            )
        )
    echo(
        f"符合条件的 {found.candidates} 条（距离：{how}）",
        f"{found.candidates} meet the conditions (distance: {how})",
        err=True,
    )
    for zh, en, codes in (
        ("没有坐标，可能更近", "without a position, maybe closer", found.unlocated),
        ("没有道路通到", "no road leads there", found.cut_off),
    ):
        if codes:
            some = some_of(codes, _NAMED)
            echo(f"  {zh}：{some}", f"  {en}: {some}", err=True)
    raise typer.Exit(0 if found.complete else 1)


@app.command()
def terrain(
    dem: Annotated[Path, typer.Option("--dem", metavar="FILE")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR")],
    factors: Annotated[str | None, typer.Option("--factors")] = None,
    resolution: Annotated[float | None, typer.Option("--resolution")] = None,
    drainage_ha: Annotated[float | None, typer.Option("--drainage-ha")] = None,
    as_json: JsonOption = False,
) -> None:
    """Factor rasters from a terrain model."""
    from riskmap.actions.terrain.factors import DRAINAGE_HA, write_factors

    done = write_factors(
        dem,
        to,
        factors=split(factors),
        resolution=resolution,
        drainage_ha=DRAINAGE_HA if drainage_ha is None else drainage_ha,
    )
    if as_json:
        print_json(done.as_json())
        return
    for factor, path in done.files.items():
        typer.echo(f"{factor}\t{path}")


@app.command()
def sample(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    raster: Annotated[Path, typer.Option("--raster", metavar="FILE")],
    field: Annotated[str, typer.Option("--field", metavar="ID")],
    band: Annotated[int, typer.Option("--band")] = 1,
    method: Annotated[str | None, typer.Option("--method")] = None,
    zonal: Annotated[str | None, typer.Option("--zonal")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Write a raster's values into a field."""
    from riskmap.actions.terrain.sampling import SampleReport, sample_layer
    from riskmap.cli.common import open_workspace
    from riskmap.terrain.sampling import Method, Statistic

    report: SampleReport = sample_layer(
        open_workspace(workspace, store),
        layer,
        raster,
        field_id=field,
        band=band,
        method=cast("Method | None", _one_of("--method", method, ("bilinear", "nearest"))),
        zonal=cast("Statistic | None", _one_of("--zonal", zonal, ("mean", "max"))),
        overwrite=overwrite,
        dry_run=dry_run,
        by=person(by),
        why=reason(why),
    )
    if as_json:
        print_json(report.as_json())
    else:
        head = ("（试算，未写入）", " (nothing written)") if dry_run else ("", "")
        taken = report.unchanged + report.updated
        echo(
            f"{layer} › {field}{head[0]}：取到 {taken}（更新 {report.updated}，其中替换原值 {report.replaced}；"
            f"不变 {report.unchanged}），保留原值 {report.kept}，没有取到 {report.missing}",
            f"{layer} › {field}{head[1]}: {taken} sampled ({report.updated} updated, {report.replaced} of them had "
            f"another value; {report.unchanged} unchanged), {report.kept} kept, {report.missing} missing",
        )
        for zh, en, codes in (
            ("无坐标", "unlocated", report.unlocated),
            ("栅格没有覆盖", "not covered", report.not_covered),
            ("超出字段范围", "outside the field's limits", report.out_of_limits),
        ):
            if codes:
                some = some_of(codes, _NAMED)
                echo(f"  {zh} {len(codes)}：{some}", f"  {en}, {len(codes)}: {some}")
    raise typer.Exit(1 if report.missing else 0)


@app.command()
def pond(
    dem: Annotated[Path, typer.Option("--dem", metavar="FILE")],
    rain: Annotated[float, typer.Option("--rain", metavar="MM")],
    hours: Annotated[float, typer.Option("--hours")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """How deep a rain stands at each waterlogging spot."""
    from riskmap.actions.episode.ponding import storm_depths
    from riskmap.cli.common import open_workspace

    found = storm_depths(open_workspace(workspace, store), dem, rain=rain, hours=hours)
    if as_json:
        print_json(found)
        raise typer.Exit(1 if found.missing else 0)
    for spot in sorted(found.spots, key=lambda s: -s.depth_m):
        echo(
            f"{spot.code}\t{spot.depth_m:.2f} m\t滞留 {spot.left_m3:,.0f} m³\t外溢 {spot.spilled_m3:,.0f} m³",
            f"{spot.code}\t{spot.depth_m:.2f} m\t{spot.left_m3:,.0f} m³ stay\t{spot.spilled_m3:,.0f} m³ spill",
        )
    for one in found.missing:
        typer.echo(f"  ! {one.code}\t{one.why.text(LANG)}", err=True)
    raise typer.Exit(1 if found.missing else 0)


def _one_of(option: str, given: str | None, allowed: tuple[str, ...]) -> str | None:
    if given is None or given in allowed:
        return given
    words = " | ".join(allowed)
    raise RiskmapError(f"{option} {given}：请写 {words} 之一", f"{option} {given}: write one of {words}")


_INDICES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")


@app.command("fire-weather")
def fire_weather(
    data: Annotated[Path, typer.Option("--data", metavar="FILE")],
    lat: Annotated[float, typer.Option("--lat", metavar="DEGREES")],
    start: Annotated[str, typer.Option("--start", metavar="FFMC,DMC,DC")] = "85,6,15",
    state: Annotated[Path | None, typer.Option("--state", metavar="FILE.json")] = None,
    restart: Annotated[bool, typer.Option("--restart")] = False,
    edition: Annotated[Literal["1985", "later"], typer.Option("--edition")] = "1985",
    grid_risk: Annotated[bool, typer.Option("--grid-risk")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """The Canadian fire weather index, day by day."""
    from riskmap.actions.episode import fire_weather as weather

    ws = None
    if grid_risk:
        from riskmap.cli.common import open_workspace

        ws = open_workspace(workspace, store)  # refused before a state is written
    days = weather.fire_weather(
        data, lat=lat, start=weather.parse_start(start), edition=edition, state=state, restart=restart
    )
    document = weather.fire_weather_json(days)
    complete, risk = not days.gaps, None
    if ws is not None:
        from riskmap.actions.episode.fire_weather import grid_fire_risk

        risk = grid_fire_risk(ws, days)
        complete = complete and not risk.unmatched
    if as_json:
        print_json(document if risk is None else document | plain(risk))
    else:
        _print_days(days, risk)
    for gap in days.gaps:
        of = (f"网格 {gap.grid}：", f"grid {gap.grid}: ") if gap.grid else ("", "")
        echo(
            f"{of[0]}{gap.after} 与 {gap.before} 之间缺日，{gap.before} 起为未知；请补齐重算，或把此后各日另存，用 --restart",
            f"{of[1]}days are missing between {gap.after} and {gap.before}, unknown from {gap.before} on; "
            "supply them, or put the days behind the gap into a file of their own and use --restart",
            err=True,
        )
    for grid in () if risk is None else risk.unmatched:
        echo(
            f"网格 {grid}：台账中没有这个编号；请核对网格编号",
            f"grid {grid}: the ledger has no such code; check it",
            err=True,
        )
    raise typer.Exit(0 if complete else 1)


def _print_days(days: FireWeatherDays, risk: GridFireRisk | None) -> None:
    typer.echo("\t".join(("grid", "month", "day", *_INDICES)))
    table = days.table
    for i in range(len(table)):
        numbers = (float(days.codes[name][i]) for name in _INDICES)
        told = ("—" if math.isnan(number) else f"{number:.1f}" for number in numbers)
        grid = table.grid[i] if table.gridded else ""
        typer.echo("\t".join((grid, str(table.month[i]), str(table.day[i]), *told)))
    from riskmap.vocabulary import TIER_TITLES

    for one in () if risk is None else risk.grids:
        tier = TIER_TITLES[str(one["tier"] or "unrated")].text(LANG)
        level = "—" if one["risk"] is None else f"{one['risk']:g}"
        typer.echo(f"{one['code']}\t{one['name'] or ''}\t{one['month']}-{one['day']}\t{level}\t{tier}")


@app.command()
def coverage(
    layer: LayerOption = None,
    forest: Annotated[Path | None, typer.Option("--forest", metavar="FILE")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Gaps, overlaps and grids without a person."""
    from riskmap.actions.terrain.reach import coverage as cover
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    found = cover(ws, layer, forest=forest)
    if as_json:
        print_json(found)
    else:
        _print_coverage(found, ws.catalog.layer(found.layer).title.text(LANG))
    raise typer.Exit(0 if found.complete else 1)


def _print_coverage(found: Coverage, title: str) -> None:
    gaps, overlaps, patrollers = found.gaps, found.overlaps, found.patrollers
    echo(
        f"{title}：{found.grids} 个，{found.area_ha:,} 公顷；空隙 {len(gaps.parts)} 处 {gaps.area_ha} 公顷，"
        f"重叠 {len(overlaps.pairs)} 对 {overlaps.area_ha} 公顷，护林员 {patrollers.total} 人",
        f"{title}: {found.grids}, {found.area_ha:,} ha; {len(gaps.parts)} gaps of {gaps.area_ha} ha, "
        f"{len(overlaps.pairs)} overlaps of {overlaps.area_ha} ha, {patrollers.total} patrollers",
    )
    for part in gaps.parts:
        where = f"{part.lon}, {part.lat}"
        echo(f"  空隙：{part.area_ha} 公顷，{where}", f"  gap: {part.area_ha} ha at {where}")
    for pair in overlaps.pairs:
        both = f"{pair.a} × {pair.b}"
        echo(f"  重叠：{both}，{pair.area_ha} 公顷", f"  overlap: {both}, {pair.area_ha} ha")
    for codes, zh, en in (
        (found.unassigned, "无人负责", "without a person"),
        (found.unlocated, "没有边界", "without a polygon"),
    ):
        if codes:
            echo(f"  {zh}：{'、'.join(codes)}", f"  {en}: {', '.join(codes)}")
