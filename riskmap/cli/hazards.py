"""Commands about hazards that are issued: wind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from riskmap.cli.common import JsonOption, app, print_json, say


@app.command()
def wind(
    track: Annotated[
        Path,
        typer.Option("--track", metavar="FILE", help="路径：CMA、JMA、IBTrACS、预报单或节点表 / track"),
    ],
    points: Annotated[
        Path, typer.Option("--points", metavar="FILE", help="CSV：id,lon,lat（WGS84）/ points")
    ],
    model: Annotated[
        Literal["holland1980", "holland2008", "holland2010", "radii"],
        typer.Option("--model", help="风场模型；radii 用预报的风圈 / radii: through the issued radii"),
    ],
    step_minutes: Annotated[
        float, typer.Option("--step-minutes", help="路径插值的步长（分钟）/ steps of the track")
    ] = 30.0,
    terrain: Annotated[
        Path | None,
        typer.Option(
            "--terrain", metavar="DEM", help="地形 GeoTIFF，估计遮蔽（默认按海面）/ shelter by terrain"
        ),
    ] = None,
    storm: Annotated[
        str | None,
        typer.Option("--storm", metavar="NAME", help="文件里有几个台风时指明一个 / one of several storms"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """台风在各点的最大风速和时刻 / a cyclone's strongest wind at points, and when."""
    import numpy as np

    from riskmap.usecases.winds import winds_at

    found = winds_at(track, points, model=model, step_minutes=step_minutes, terrain=terrain, storm=storm)
    if as_json:
        print_json(found.as_json())
        return
    averaging = "—" if np.isnan(found.field.averaging) else f"{found.field.averaging:g}"
    say(
        f"{found.track}，{model}，{averaging} 分钟平均，时间为 UTC",
        f"{found.track}, {model}, means over {averaging} minutes, times in UTC",
    )
    for name, speed, force, at in zip(
        found.ids, found.field.max_wind, found.forces(), found.field.max_at, strict=True
    ):
        when = "—" if np.isnat(at) else f"{str(at)[:16].replace('T', ' ')}Z"
        strength = "—" if np.isnan(force) else f"{force:.0f}"
        say(
            f"{name}\t{speed:.1f} m/s\t{strength} 级\t{when}",
            f"{name}\t{speed:.1f} m/s\tforce {strength}\t{when}",
        )
    for note in found.notes:
        say(f"补充：{note.zh}", f"filled: {note.en}", err=True)
