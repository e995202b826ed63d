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
    echo,
    print_json,
    split,
    watched,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.scoring.learned.validation import Training

FoldsOption = Annotated[Literal["spatial", "random"], typer.Option("--folds")]


@app.command()
def train(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    data: Annotated[Path, typer.Option("--data", metavar="FILE")],
    target: Annotated[str, typer.Option("--target", metavar="FIELD")],
    x: Annotated[str, typer.Option("--x", metavar="FIELD")],
    y: Annotated[str, typer.Option("--y", metavar="FIELD")],
    crs: Annotated[str, typer.Option("--crs")],
    predictors: Annotated[str | None, typer.Option("--predictors", metavar="F,..")] = None,
    folds: FoldsOption = "spatial",
    categorical: Annotated[str | None, typer.Option("--categorical", metavar="F,..")] = None,
    encode: Annotated[str | None, typer.Option("--encode", metavar="F,..")] = None,
    positive: Annotated[str | None, typer.Option("--positive", metavar="VALUE")] = None,
    prevalence: Annotated[float | None, typer.Option("--prevalence", metavar="P")] = None,
    repeats: Annotated[int | None, typer.Option("--repeats", min=1)] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    keep: Annotated[str | None, typer.Option("--model", metavar="ID")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="NAME.skops")] = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE.html")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Learn susceptibility, tested on blocks of land."""
    from riskmap.actions.training import (
        SEED,
        artefact_path,
        check_ending,
        save_training,
        train_susceptibility,
        training_json,
    )
    from riskmap.actions.training_table import Request
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
        encode=split(encode),
        positive=positive,
    )
    with watched(as_json=as_json) as progress:
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
    now, kept = local_now(), None
    if to is not None:
        to = artefact_path(to, workspace)
        learned, card = save_training(training, to, at=now)
        kept = {"path": str(to), "digest": learned.digest, "card": str(card), "model": learned.model}
        document["artefact"] = kept
    if report is not None:
        from riskmap.reports.training import write_report

        write_report(training, report, at=now, lang=LANG)
        document["report"] = str(report)
    if as_json:
        print_json(document)
        return
    _show(training)
    if kept is not None:
        echo(f"已保存 {kept['path']}（{kept['model']}）", f"kept {kept['path']} ({kept['model']})")
        typer.echo(f"  sha256 {kept['digest']}\n  {kept['card']}")
    if report is not None:
        echo(f"报告：{report}", f"report: {report}")


def _show(training: Training) -> None:
    """Print the comparison as a table, then what a reader must know."""
    from riskmap.reports.training import comparison_lines

    for line in comparison_lines(training, LANG):
        typer.echo(line)


@app.command()
def score(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    points: Annotated[Path, typer.Option("--points", metavar="FILE")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR")],
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    nearest: Annotated[list[str] | None, typer.Option("--nearest", metavar="COLUMN=LAYER")] = None,
    within: Annotated[list[str] | None, typer.Option("--within", metavar="COLUMN=FILE")] = None,
    raster: Annotated[list[str] | None, typer.Option("--raster", metavar="COLUMN=FILE")] = None,
    engine: EngineOption = "numpy",
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Score a large point table, beside the ledger."""
    from riskmap.actions.inventory.point_tables import score_points
    from riskmap.cli.common import open_workspace

    ws, files = open_workspace(workspace, store), _pairs("--within", within).items()
    with watched(as_json=as_json) as progress:
        document = score_points(
            ws,
            layer,
            points=points,
            to=to,
            crs=crs,
            nearest=_pairs("--nearest", nearest),
            within={k: Path(v) for k, v in files},
            raster={k: Path(v) for k, v in _pairs("--raster", raster).items()},
            engine=engine,
            scheduler=scheduler,
            progress=progress,
        )
    if as_json:
        print_json(document)
        return
    t = document["tiers"]
    echo(
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
