"""What every command shares: options, output, the person and the reason behind a write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, cast

import typer

import riskmap
from riskmap.errors import Lang, RiskmapError
from riskmap.json_documents import dumps
from riskmap.rules.permissions import Actor, acting

if TYPE_CHECKING:
    from riskmap.actions.workspace import Workspace

app = typer.Typer(
    name="riskmap",
    help="安全风险底数：台账、评估、地图、清单 / risk ledger, assessment, map and inventories",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


LANG: Lang = cast("Lang", "en" if os.environ.get("RISKMAP_LANG", "zh").startswith("en") else "zh")


WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="工作区目录（默认 RISKMAP_WORKSPACE 或当前目录）/ workspace directory"),
]


StoreOption = Annotated[
    str | None, typer.Option("--store", help="台账地址（默认 RISKMAP_STORE）/ URL of the ledger")
]


JsonOption = Annotated[bool, typer.Option("--json", help="输出一个 JSON 文档 / print one JSON document")]


ByOption = Annotated[
    str | None, typer.Option("--by", help="谁（默认登录用户）/ who (default: the login name)")
]


WhyOption = Annotated[
    str | None, typer.Option("--why", help="为什么（默认本命令）/ reason (default: the command)")
]


AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="某日的台账 YYYY-MM-DD / a past day")
]


EngineOption = Annotated[
    Literal["numpy", "dask"],
    typer.Option("--engine", help="numpy 本机逐片 | dask 集群 / here piece by piece, or a Dask cluster"),
]


SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="dask 调度地址 tcp://主机:8786")
]


LayersArgument = Annotated[list[str] | None, typer.Argument(help="图层（默认全部）/ layers (default: all)")]


TierOption = Annotated[str | None, typer.Option("--tier", help="major,large,general,low")]


StateOption = Annotated[str | None, typer.Option("--state", help="rated | unrated")]


SubdistrictOption = Annotated[
    str | None, typer.Option("--subdistrict", help="街道，逗号分隔 / sub-districts")
]


WhereOption = Annotated[
    list[str] | None, typer.Option("--where", help="'FIELD OP VALUE'，可重复 / repeatable")
]


WithinOption = Annotated[Path | None, typer.Option("--within", help="GeoJSON 面（WGS84）/ polygon file")]


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"riskmap {riskmap.__version__}")
        raise typer.Exit


@app.callback()
def _every(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="版本号 / print the version"),
    ] = False,
) -> None:
    pass


def open_workspace(directory: Path | None, store: str | None) -> Workspace:
    """Open the workspace of a command, and say on stderr which of its files cannot be used."""
    from riskmap.actions.workspace import open_workspace as opened

    ws = opened(directory, store)
    for fault in ws.catalog.faults:
        what = fault.problems[0].text(LANG)
        say(
            f"注意，不能用，其余照常：{what}；详见 riskmap check",
            f"note, not usable, the rest goes on: {what}; see riskmap check",
            err=True,
        )
    return ws


def tell_outdated(ws: Workspace, layers: Iterable[str] = ()) -> None:
    """Say on stderr where a newer model is in use than made the tiers, and the command that assesses."""
    from riskmap.actions.tier_models import outdated
    from riskmap.texts import newer_text

    for one in outdated(ws, layers):
        text = newer_text(ws.catalog.title(one.layer), one.made, one.adopted, LANG)
        say(
            f"注意：{text}；riskmap assess {one.layer}", f"note: {text}: riskmap assess {one.layer}", err=True
        )


def fail(problem: RiskmapError, *, as_json: bool) -> NoReturn:
    """Say why it could not be done, on stdout too where a document was asked for, and leave with status 2."""
    print(problem.text(LANG), file=sys.stderr)  # noqa: T201 - the command line's own voice
    if as_json:
        print_json({"error": problem.as_json(LANG)})
    raise SystemExit(2)


def say(zh: str, en: str, *, err: bool = False) -> None:
    """Print a line in the language of this run."""
    typer.echo(zh if LANG == "zh" else en, err=err)


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.buffer.write(dumps(document, indent=True) + b"\n")
    sys.stdout.flush()


def person(given: str | None) -> Actor:
    """Return who acts: the one named, else the login name."""
    return acting(given)


def reason(given: str | None) -> str:
    """Return why: the reason given, else the command itself."""
    return given or "riskmap " + " ".join(sys.argv[1:])


def split(text: str | None) -> tuple[str, ...]:
    """Return the parts of a comma-separated option."""
    return tuple(part for part in (text or "").replace("，", ",").split(",") if part.strip())


def day(text: str | None) -> date | None:
    """Return the date that an option names. RiskmapError when it is not one."""
    from riskmap.moments import parse_day

    return parse_day(text) if text else None


def some_of(codes: Sequence[str], most: int) -> str:
    """Return the first codes as one text, and that there are more."""
    return "、".join(codes[:most]) + ("…" if len(codes) > most else "")


def progress(what: str, share: float) -> None:
    """Show progress where a person watches."""
    if sys.stderr.isatty():
        typer.echo(f"\r{what} {share:4.0%}", err=True, nl=share >= 1)
