"""Commands on rasters: factors of the terrain, and their values into fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from riskmap.cli.common import (
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    person,
    print_json,
    reason,
    say,
    some_of,
    split,
)
from riskmap.errors import RiskmapError

_NAMED = 5


@app.command()
def terrain(
    dem: Annotated[
        Path, typer.Option("--dem", metavar="FILE", help="地形 GeoTIFF，高程为米 / heights in metres")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="写到哪个文件夹 / folder to write to")],
    factors: Annotated[
        str | None,
        typer.Option(
            "--factors",
            help="slope,aspect,profile_curvature,plan_curvature（默认），filled,depression_depth,accumulation,twi,hand，或 all",
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(
            "--resolution", help="重采样到米制格网的格距（米）/ resample to cells of this many metres"
        ),
    ] = None,
    drainage_ha: Annotated[
        float | None,
        typer.Option("--drainage-ha", help="hand：汇水多少公顷起算水系（默认 10）/ where drainage begins"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """由地形算坡度、坡向、曲率、湿度指数等 / factor rasters from a terrain model."""
    from riskmap.usecases.terrain_factors import DRAINAGE_HA, write_factors

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
    raster: Annotated[Path, typer.Option("--raster", metavar="FILE", help="GeoTIFF")],
    field: Annotated[
        str, typer.Option("--field", metavar="ID", help="写入的数值字段 / numeric field to write")
    ],
    band: Annotated[int, typer.Option("--band", help="波段，从 1 起 / band")] = 1,
    method: Annotated[
        str | None, typer.Option("--method", help="bilinear（连续量，默认）| nearest（类别、角度）")
    ] = None,
    zonal: Annotated[
        str | None, typer.Option("--zonal", help="面图层：mean（默认）| max / polygon layers")
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="替换已有的值（默认保留）/ replace known values, kept otherwise"),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只看结果，不写入 / show, write nothing")
    ] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """把栅格的值写入字段（一批改动，可撤销）/ write a raster's values into a field."""
    from riskmap.terrain.sampling import Method
    from riskmap.terrain.zonal import Statistic
    from riskmap.usecases.sampling import SampleReport, sample_layer
    from riskmap.usecases.workspace import open_workspace

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
        say(
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
                say(f"  {zh} {len(codes)}：{some}", f"  {en}, {len(codes)}: {some}")
    raise typer.Exit(1 if report.missing else 0)


@app.command()
def pond(
    dem: Annotated[Path, typer.Option("--dem", metavar="FILE", help="地形 GeoTIFF / terrain")],
    rain: Annotated[float, typer.Option("--rain", metavar="MM", help="降水量（毫米）/ rain, mm")],
    hours: Annotated[float, typer.Option("--hours", help="历时（小时）/ duration, h")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """一场雨在各内涝点积多深（试算，不写入）/ how deep a rain stands at each waterlogging spot."""
    from riskmap.usecases.design_storm import storm_depths
    from riskmap.usecases.workspace import open_workspace

    document = storm_depths(open_workspace(workspace, store), dem, rain=rain, hours=hours)
    if as_json:
        print_json(document)
        raise typer.Exit(1 if document["missing"] else 0)
    for spot in sorted(document["spots"], key=lambda s: -s["depth_m"]):
        say(
            f"{spot['code']}\t{spot['depth_m']:.2f} m\t滞留 {spot['left_m3']:,.0f} m³\t外溢 {spot['spilled_m3']:,.0f} m³",
            f"{spot['code']}\t{spot['depth_m']:.2f} m\t{spot['left_m3']:,.0f} m³ stay\t{spot['spilled_m3']:,.0f} m³ spill",
        )
    for one in document["missing"]:
        say(f"  ! {one['code']}\t{one['zh']}", f"  ! {one['code']}\t{one['en']}", err=True)
    raise typer.Exit(1 if document["missing"] else 0)


def _one_of(option: str, given: str | None, allowed: tuple[str, ...]) -> str | None:
    if given is None or given in allowed:
        return given
    words = " | ".join(allowed)
    raise RiskmapError(f"{option} {given}：请写 {words} 之一", f"{option} {given}: write one of {words}")
