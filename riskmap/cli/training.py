"""The command that learns from an inventory: train.

Scoring point tables of any size: Parquet in, Parquet out, beside the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from riskmap.cli.common import (
    LANG,
    EngineOption,
    JsonOption,
    SchedulerOption,
    StoreOption,
    WorkspaceOption,
    app,
    print_json,
    progress,
    say,
    split,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.scoring.learned.validation import Training

FoldsOption = Annotated[
    Literal["spatial", "random"],
    typer.Option(
        "--folds",
        help="spatial 按区块（默认）；random 随机，偏乐观 / blocks of land (default), or at random, which flatters",
    ),
]


@app.command()
def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="susceptibility 易发性")],
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="样本表 csv xlsx parquet gpkg / the samples")
    ],
    target: Annotated[
        str, typer.Option("--target", metavar="FIELD", help="目标列，恰好两类 / what occurred or not")
    ],
    x: Annotated[str, typer.Option("--x", metavar="FIELD", help="经度或东坐标列 / longitude or easting")],
    y: Annotated[str, typer.Option("--y", metavar="FIELD", help="纬度或北坐标列 / latitude or northing")],
    crs: Annotated[str, typer.Option("--crs", help="wgs84 cgcs2000 gcj02 bd09 EPSG:n")],
    predictors: Annotated[
        str | None,
        typer.Option(
            "--predictors", metavar="F,..", help="因子列（默认其余全部数值列）/ default: all other numbers"
        ),
    ] = None,
    folds: FoldsOption = "spatial",
    categorical: Annotated[
        str | None,
        typer.Option("--categorical", metavar="F,..", help="其中的类别代码列 / predictors that are codes"),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", metavar="VALUE", help="表示发生的取值 / the class that is the occurrence"),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence", metavar="P", help="实际发生比例 0–1，用于校正 / the true share, to correct to"
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats", min=1, help="重新分折次数（默认 20，样本多时减少）/ how often folds are cut"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="保存哪个模型（默认得分最高者）/ which model to keep (default: the best)",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="NAME.skops",
            help="保存模型与模型卡（单写名字时存入工作区 models/）；默认不保存 / keep the model and its card; default: none",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="图文报告 / a report with pictures")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """训练易发性模型，按空间分块检验 / learn susceptibility, tested on blocks of land."""
    from riskmap.actions.training import (
        SEED,
        artefact_path,
        check_ending,
        save_training,
        train_susceptibility,
    )
    from riskmap.actions.training_table import Request
    from riskmap.cli.json_documents import training_json
    from riskmap.moments import local_now  # brings numpy, which no help text needs

    if model != "susceptibility":
        raise RiskmapError(
            f"不认识的训练内容 {model!r}；目前可写 susceptibility（易发性）",
            f"cannot train {model!r}; write susceptibility",
        )
    if to is not None:
        check_ending(to)  # before minutes of training
    request = Request(
        target=target,
        x=x,
        y=y,
        crs=crs,
        predictors=split(predictors),
        categorical=split(categorical),
        positive=positive,
    )
    training = train_susceptibility(
        data,
        request,
        folds=folds,
        repeats=repeats,
        model=keep,
        prevalence=prevalence,
        seed=SEED if seed is None else seed,
        progress=progress,
    )
    document = training_json(training)
    now = local_now()
    if to is not None:
        to = artefact_path(to, workspace)
        learned, card = save_training(training, to, at=now)
        document["artefact"] = {
            "path": str(to),
            "digest": learned.digest,
            "card": str(card),
            "model": learned.model,
        }
    if report is not None:
        from riskmap.reports.training import write_report

        write_report(training, report, at=now, lang=LANG)
        document["report"] = str(report)
    if as_json:
        print_json(document)
        return
    _show(training)
    if to is not None:
        kept = document["artefact"]
        say(f"已保存 {kept['path']}（{kept['model']}）", f"kept {kept['path']} ({kept['model']})")
        typer.echo(f"  sha256 {kept['digest']}\n  {kept['card']}")
    if report is not None:
        say(f"报告：{report}", f"report: {report}")


def _show(training: Training) -> None:
    """Print the comparison as a table, then what a reader must know."""
    from riskmap.reports.training import comparison_lines

    for line in comparison_lines(training, LANG):
        typer.echo(line)


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
    from riskmap.actions.inventory.point_tables import score_points
    from riskmap.cli.common import open_workspace

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
