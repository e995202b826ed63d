"""Scoring point tables of any size: Parquet in, Parquet out, beside the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    EngineOption,
    JsonOption,
    SchedulerOption,
    StoreOption,
    WorkspaceOption,
    app,
    print_json,
    progress,
    say,
)
from riskmap.errors import RiskmapError


@app.command()
def score(
    layer: Annotated[str, typer.Argument(metavar="LAYER", help="用哪个图层的模型 / whose model")],
    points: Annotated[Path, typer.Option("--points", metavar="FILE", help="点表 .parquet 或其文件夹")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="结果文件夹 / folder of the results")],
    crs: Annotated[
        str | None, typer.Option("--crs", help="lon、lat 列的坐标系：wgs84 cgcs2000 gcj02 bd09 EPSG:n")
    ] = None,
    nearest: Annotated[
        list[str] | None,
        typer.Option(
            "--nearest", metavar="COLUMN=LAYER", help="到某图层最近点的距离（米）/ metres to the nearest"
        ),
    ] = None,
    within: Annotated[
        list[str] | None,
        typer.Option("--within", metavar="COLUMN=FILE", help="所在面的名称（GeoJSON）/ name of the polygon"),
    ] = None,
    raster: Annotated[
        list[str] | None,
        typer.Option("--raster", metavar="COLUMN=FILE", help="栅格在该点的值 / value of a raster"),
    ] = None,
    engine: EngineOption = "numpy",
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """给很大的点表评分，不进台账 / score a large point table, beside the ledger."""
    from riskmap.usecases.batch import score_points
    from riskmap.usecases.workspace import open_workspace

    document = score_points(
        open_workspace(workspace, store),
        layer,
        points=points,
        to=to,
        crs=crs,
        nearest=_pairs("--nearest", nearest),
        within={k: Path(v) for k, v in _pairs("--within", within).items()},
        raster={k: Path(v) for k, v in _pairs("--raster", raster).items()},
        engine=engine,
        scheduler=scheduler,
        progress=None if as_json else progress,
    )
    if as_json:
        print_json(document)
        return
    t = document["tiers"]
    say(
        f"共 {document['points']} 点：重大 {t['major']}、较大 {t['large']}、一般 {t['general']}、低 {t['low']}、"
        f"未评 {document['unrated']}；结果在 {document['to']}（{document['parts']} 个文件）",
        f"{document['points']} points: major {t['major']}, large {t['large']}, general {t['general']}, low {t['low']}, "
        f"unrated {document['unrated']}; results in {document['to']} ({document['parts']} files)",
    )


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        column, equals, value = text.partition("=")
        if not equals or not column.isidentifier() or not value:
            raise RiskmapError(
                f"{option} {text!r}：请写成 列名={'图层' if option == '--nearest' else '文件'}，列名用字母、数字和下划线",
                f"{option} {text!r}: write COLUMN={'LAYER' if option == '--nearest' else 'FILE'}, "
                "the column in letters, digits and underscores",
            )
        pairs[column] = value
    return pairs
