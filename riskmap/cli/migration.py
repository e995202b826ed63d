"""The command that compares the tiers of two days or of two versions of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    JsonOption,
    StoreOption,
    WorkspaceOption,
    app,
    day,
    print_json,
    say,
)

_SHOWN = 50


@app.command()
def migrate(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    before: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="V",
            help="日期、now、模型版本、摘要或 .toml 文件 / a date, now, a model version, digest or file",
        ),
    ],
    after: Annotated[str, typer.Option("--to", metavar="V", help="同上 / likewise")] = "now",
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="矩阵图 .svg 或 .html / the matrix as a picture"),
    ] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """等级变化矩阵：两个日期或两个模型版本之间 / tiers before and after, between days or model versions."""
    from riskmap.assess.migration import ORDER
    from riskmap.records import TIER_TITLES
    from riskmap.usecases.migrating import draw_migration, matrix_lines, migrate, side_text
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    migrated = migrate(ws, layer, before=before, after=after, as_of=day(as_of))
    if picture is not None:
        draw_migration(ws, migrated, picture, lang=LANG)
    document = migrated.as_json()
    if as_json:
        print_json(document)
        return
    title = ws.catalog.layer(layer).title.text(LANG)
    one, other = side_text(migrated.before, LANG), side_text(migrated.after, LANG)
    say(
        f"{title}：{one} → {other}；同一批记录 {document['records']} 条，等级变化 {document['moved']} 条，"
        f"新增 {document['new']} 条，注销 {document['retired']} 条",
        f"{title}: {one} → {other}; {document['records']} records on both sides, {document['moved']} moved, "
        f"{document['new']} new, {document['retired']} retired",
    )
    for line in matrix_lines(migrated, [TIER_TITLES[tier].text(LANG) for tier in ORDER]):
        typer.echo(line)
    for point in document["points"][:_SHOWN]:
        start, end = (TIER_TITLES[point[side]].text(LANG) for side in ("from", "to"))
        typer.echo(f"  {point['code']}\t{start} → {end}\t{point['cause']}")
    if len(document["points"]) > _SHOWN:
        more = len(document["points"]) - _SHOWN
        say(f"  另有 {more} 条，见 --json", f"  {more} more, see --json")
