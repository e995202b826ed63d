"""Commands about hazards that are issued: wind.

`riskmap prepare`: what a track, rain or a warning means for every record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    reason,
    watched,
)


@app.command()
def wind(
    track: Annotated[Path, typer.Option("--track", metavar="FILE")],
    points: Annotated[Path, typer.Option("--points", metavar="FILE")],
    model: Annotated[Literal["holland1980", "holland2008", "holland2010", "radii"], typer.Option("--model")],
    step_minutes: Annotated[float, typer.Option("--step-minutes")] = 30.0,
    terrain: Annotated[Path | None, typer.Option("--terrain", metavar="DEM")] = None,
    storm: Annotated[str | None, typer.Option("--storm", metavar="NAME")] = None,
    as_json: JsonOption = False,
) -> None:
    """A cyclone's strongest wind at points, and when."""
    import numpy as np

    from riskmap.actions.episode.wind import winds_at

    found = winds_at(track, points, model=model, step_minutes=step_minutes, terrain=terrain, storm=storm)
    if as_json:
        print_json(found.as_json())
        return
    averaging = "—" if np.isnan(found.field.averaging) else f"{found.field.averaging:g}"
    echo(
        f"{found.track}，{model}，{averaging} 分钟平均，时间为 UTC",
        f"{found.track}, {model}, means over {averaging} minutes, times in UTC",
    )
    least = [""] * len(found.ids) if found.sheltered is None else [f"{v:.1f}–" for v in found.sheltered]
    for name, low, speed, force, at in zip(
        found.ids, least, found.field.max_wind, found.forces(), found.field.max_at, strict=True
    ):
        when = "—" if np.isnat(at) else f"{str(at)[:16].replace('T', ' ')}Z"
        strength = "—" if np.isnan(force) else f"{force:.0f}"
        echo(
            f"{name}\t{low}{speed:.1f} m/s\t{strength} 级\t{when}",
            f"{name}\t{low}{speed:.1f} m/s\tforce {strength}\t{when}",
        )
    for note in found.notes:
        echo(f"补充：{note.zh}", f"filled: {note.en}", err=True)


_LISTED = 20


@app.command()
def prepare(
    track: Annotated[list[Path] | None, typer.Option("--track", metavar="FILE")] = None,
    rain: Annotated[Path | None, typer.Option("--rain", metavar="FILE")] = None,
    warning: Annotated[
        list[str] | None, typer.Option("--warning", metavar="KIND:COLOUR[@SUBDISTRICT,..]|FILE")
    ] = None,
    response: Annotated[str | None, typer.Option("--response", metavar="LEVEL")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME")] = None,
    people: Annotated[Path | None, typer.Option("--people", metavar="FILE")] = None,
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    title: Annotated[str, typer.Option("--title")] = "",
    drill: Annotated[bool, typer.Option("--drill")] = False,
    made: Annotated[bool, typer.Option("--made-storm")] = False,
    fire: Annotated[Path | None, typer.Option("--fire-weather", metavar="FILE")] = None,
    model: Annotated[str, typer.Option("--model")] = "radii",
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """What is in danger, whom to call, who moves where."""
    from riskmap.actions.episode.inputs import Given
    from riskmap.actions.episode.preparing import prepare_and_report
    from riskmap.cli.common import open_workspace
    from riskmap.moments import parse_beijing_moment

    ws = open_workspace(workspace, store)
    given = Given.stated(
        ws,
        title=title,
        tracks=tuple(track or ()),
        rain=rain,
        fire=fire,
        warnings=tuple(warning or ()),
        response=response,
        at=parse_beijing_moment(at) if at else None,
        drill=drill,
        made=made,
        model=model,
    )
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        done = prepare_and_report(
            ws,
            given,
            people=people,
            crs=crs,
            keep_it=not dry_run,
            to=to,
            by=who,
            why=because,
            progress=progress,
        )
    if as_json:
        from riskmap.cli.duty_documents import preparation_json

        print_json(preparation_json(done))
        raise typer.Exit(0 if done.complete else 1)
    from riskmap.vocabulary import TIER_TITLES, TIERS

    found, raised = done.found, done.raised
    listed = "、".join(f"{TIER_TITLES[t].text(LANG)} {raised[t]}" for t in TIERS if raised[t]) or "—"
    echo(
        f"{found.title}（{found.at}Z）：升级 {sum(raised.values())} 个点位（{listed}），"
        f"停用避难场所 {len(found.closed)} 处，无法判断 {len(found.unknown)} 个",
        f"{found.title} ({found.at}Z): {sum(raised.values())} raised ({listed}), "
        f"{len(found.closed)} shelters closed, {len(found.unknown)} cannot be judged",
    )
    if done.number is not None:
        echo(
            f"已存为情景 {done.number}；叫应：riskmap callout {done.number}",
            f"kept as scenario {done.number}; call-out: riskmap callout {done.number}",
        )
    for layer, triggers in done.skipped.items():
        echo(
            f"  · {layer}：没有所需资料，未看触发条件 {'、'.join(triggers)}",
            f"  · {layer}: not looked at for want of data: {', '.join(triggers)}",
            err=True,
        )
    for note in done.notes:
        echo(f"  · {note.zh}", f"  · {note.en}", err=True)
    for one in found.unknown[:_LISTED]:
        echo(
            f"  ? {one['layer']} {one['code']}\t{one['zh']}",
            f"  ? {one['layer']} {one['code']}\t{one['en']}",
            err=True,
        )
    raise typer.Exit(0 if done.complete else 1)
