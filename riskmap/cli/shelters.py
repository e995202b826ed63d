"""Shelters: who reaches how many places."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import LANG, JsonOption, StoreOption, WorkspaceOption, app, print_json, say, some_of

_LISTED = 20


@app.command()
def reach(
    people: Annotated[Path, typer.Option("--people", metavar="FILE", help="人口分布表：编号、人口、经纬度")],
    crs: Annotated[str | None, typer.Option("--crs", help="wgs84 cgcs2000 gcj02 bd09 EPSG:n")] = None,
    radius: Annotated[
        float | None,
        typer.Option("--radius", min=1, help="服务半径（米），默认按类别 / metres, by class unless stated"),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """避难可达性：每人可达多少床位，谁够不着 / shelter places in reach, and who reaches none."""
    from riskmap.usecases.shelter_reach import shelter_reach
    from riskmap.usecases.workspace import open_workspace

    document = shelter_reach(open_workspace(workspace, store), people, crs=crs, radius=radius)
    complete = not (document["people_unserved"] or document["incomplete"] or document["rejected"])
    if as_json:
        print_json(document)
        raise typer.Exit(0 if complete else 1)
    say(
        f"人口 {document['people']}，可用场所 {len(document['shelters'])} 处、容量 {document['places']}；"
        f"服务半径内没有场所的 {document['people_unserved']} 人（直线距离）",
        f"{document['people']} people, {len(document['shelters'])} usable shelters with {document['places']} places; "
        f"{document['people_unserved']} people have none in reach (straight lines)",
    )
    for zh, en, codes in (
        ("够不着场所的人口单元", "groups without a shelter in reach", document["unserved"]),
        ("没有坐标或人口、未计入", "without a position or a number, not counted", document["incomplete"]),
    ):
        if codes:
            some = some_of(codes, _LISTED)
            say(f"  {zh}：{some}", f"  {en}: {some}", err=True)
    for one in document["left_out"][:_LISTED]:
        typer.echo(f"  ! {one['code']}\t{one[LANG]}", err=True)
    raise typer.Exit(0 if complete else 1)
