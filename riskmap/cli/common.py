"""What every command shares: options, output, the person and the reason behind a write."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, cast

import tomli
import typer
from typer.core import TyperGroup

import riskmap
from riskmap.errors import Lang, RiskmapError, Text
from riskmap.json_documents import dumps
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor, acting

if TYPE_CHECKING:
    from rich.progress import Progress as Line

    from riskmap.actions.workspace import Workspace
    from riskmap.selection import Selection

LANG: Lang = cast("Lang", "en" if os.environ.get("RISKMAP_LANG", "zh").startswith("en") else "zh")


class _Commands(TyperGroup):
    """All commands, with the help of help.toml once somebody asks for help or completion."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing or not args or not {"-h", "--help"}.isdisjoint(args):
            tell(self, ctx, LANG)
        return super().parse_args(ctx, args)


def tell(group: Any, ctx: Any, lang: Lang) -> None:
    """Give commands, options and the page itself their help in `lang`, and commands their panels."""
    from typer import rich_utils

    def text(value: Any) -> str | None:
        return value[lang] if isinstance(value, dict) else value

    texts = tomli.loads(resources.files("riskmap.cli").joinpath("help.toml").read_text(encoding="utf-8"))
    for name, words in texts["page"].items():
        setattr(rich_utils, name, words[lang])
    panels = {name: text(panel["title"]) for panel in texts["panels"].values() for name in panel["commands"]}
    group.commands = {name: group.commands[name] for name in panels} | dict(group.commands)
    for name, command in (("", group), *group.commands.items()):
        own = texts["every"] | texts.get(name, {})
        command.help = own.get("about") if lang == "zh" else command.help
        command.rich_help_panel = panels.get(name)
        for param in command.get_params(ctx):
            param.help = text(own.get(_called(param)))


def _called(param: Any) -> str:
    """Return the name of an argument or option in help.toml: LAYER of `LAYER`, dry-run of `--dry-run`."""
    if param.param_type_name == "argument":
        return (param.metavar or param.name).upper().rstrip(".")
    return max(param.opts, key=len).lstrip("-")


app = typer.Typer(
    name="riskmap",
    cls=_Commands,
    help="Risk ledger, assessment, offline map and inventories of a district.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


WorkspaceOption = Annotated[Path | None, typer.Option("--workspace")]
StoreOption = Annotated[str | None, typer.Option("--store")]
JsonOption = Annotated[bool, typer.Option("--json")]
ByOption = Annotated[str | None, typer.Option("--by")]
WhyOption = Annotated[str | None, typer.Option("--why")]
EvidenceOption = Annotated[list[Path] | None, typer.Option("--evidence", metavar="FILE")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", metavar="DATE")]
EngineOption = Annotated[Literal["numpy", "dask"], typer.Option("--engine")]
SchedulerOption = Annotated[str | None, typer.Option("--scheduler", metavar="ADDRESS")]
LayersArgument = Annotated[list[str] | None, typer.Argument()]
TierOption = Annotated[str | None, typer.Option("--tier")]
StateOption = Annotated[str | None, typer.Option("--state")]
SubdistrictOption = Annotated[str | None, typer.Option("--subdistrict")]
WhereOption = Annotated[list[str] | None, typer.Option("--where")]
WithinOption = Annotated[Path | None, typer.Option("--within")]
ContactsOption = Annotated[bool, typer.Option("--contacts")]
LayerOption = Annotated[str | None, typer.Option("--layer", metavar="LAYER")]
ListOption = Annotated[bool, typer.Option("--list")]
PeriodOption = Annotated[str | None, typer.Option("--period", metavar="PERIOD")]
WorkbookOption = Annotated[Path | None, typer.Option("--to", metavar="FILE.xlsx")]


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"riskmap {riskmap.__version__}")
        raise typer.Exit


def _vouch(asked: bool) -> None:
    if asked:
        from riskmap.moments import CLOCK_IS_RIGHT

        os.environ[CLOCK_IS_RIGHT] = "1"


@app.callback()
def _every(
    version: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True)] = False,
    clock_is_right: Annotated[bool, typer.Option("--clock-is-right", callback=_vouch)] = False,
) -> None:
    pass


def open_workspace(directory: Path | None, store: str | None) -> Workspace:
    """Open the workspace of a command, and say on stderr which of its files cannot be used."""
    from riskmap.actions.workspace import open_workspace as opened

    ws = opened(directory, store)
    for fault in ws.catalog.faults:
        what = fault.problems[0].text(LANG)
        echo(
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
        echo(
            f"注意：{text}；riskmap assess {one.layer}", f"note: {text}: riskmap assess {one.layer}", err=True
        )


def fail(problem: RiskmapError, *, as_json: bool, status: int = 2) -> NoReturn:
    """Say why it could not be done, on stdout too where a document was asked for, and leave with a status."""
    print(problem.text(LANG), file=sys.stderr)  # noqa: T201 - the command line's own voice
    if as_json:
        print_json({"error": problem.as_json(LANG)})
    raise SystemExit(status)


def echo(zh: str, en: str, *, err: bool = False) -> None:
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


def read_evidence(files: Sequence[Path] | None) -> list[tuple[str, bytes]]:
    """Return name and content of the files that are handed over. UnreadableFileError for one that is too large."""
    from riskmap.io.files.attachments import read_bounded

    return [(path.name, read_bounded(path)) for path in files or ()]


def stated_pairs(texts: Iterable[str]) -> dict[str, object]:
    """Return field → value of options FIELD=VALUE. RiskmapError for one that is none, or stated twice."""
    pairs: dict[str, object] = {}
    for text in texts:
        field, equals, value = text.partition("=")
        name = field.strip()
        if not equals or not name:
            raise RiskmapError(f"--set {text}：请写成 字段=值", f"--set {text}: write FIELD=VALUE")
        if name in pairs:
            raise RiskmapError(f"{name}：写了两次；请只写一个值", f"{name}: stated twice; state one value")
        pairs[name] = value
    return pairs


def split(text: str | None) -> tuple[str, ...]:
    """Return the parts of a comma-separated option."""
    return tuple(part for part in (text or "").replace("，", ",").split(",") if part.strip())


def selected(
    ws: Workspace,
    layers: Sequence[str] | None,
    tier: str | None,
    state: str | None,
    subdistrict: str | None,
    where: Sequence[str] | None,
    within: Path | None,
    as_of: date | None = None,
) -> Selection:
    """Return what the options of a list, a change of many records, an export, a form or a map select."""
    from riskmap.actions.inventory.listing import make_selection

    return make_selection(
        ws,
        layers=layers or (),
        tiers=split(tier),
        states=split(state),
        subdistricts=split(subdistrict),
        where=where or (),
        within=within,
        as_of=as_of,
    )


def day(text: str | None) -> date | None:
    """Return the date that an option names. RiskmapError when it is not one."""
    from riskmap.moments import parse_day

    return parse_day(text) if text else None


def past(text: str | None) -> date | None:
    """Return the day or moment whose ledger an option asks for. RiskmapError when the text names none."""
    from riskmap.moments import parse_as_of

    return parse_as_of(text) if text else None


def tell_past(ws: Workspace, as_of: date) -> None:
    """Say on stderr whose ledger was read, and that it was still empty then."""
    from riskmap.actions.workspace.snapshots import past_text

    typer.echo(past_text(ws, as_of, LANG), err=True)


def some_of(codes: Sequence[str], most: int) -> str:
    """Return the first codes as one text, and that there are more."""
    return "、".join(codes[:most]) + ("…" if len(codes) > most else "")


@contextmanager
def watched(*, as_json: bool) -> Iterator[Progress]:
    """Yield the progress of a long command: a line on a terminal, nothing on a pipe or under --json.

    Ctrl-C stops the command at its next step, as Cancelled, before anything is written; a second one stops it at once.
    """
    asked = Event()
    shown = sys.stderr.isatty() and not as_json
    line = _line() if shown else None
    tell = None if line is None else partial(_tell, line)
    with at_interrupt(partial(_stop, asked, tell)), line or nullcontext():  # what is seen can be stopped
        yield Progress(tell, asked.is_set)
    if asked.is_set():
        echo("没有中断：到那时已经做完", "not stopped: by then it was done", err=True)


def _stop(asked: Event, tell: Callable[[float | None, Text], None] | None) -> None:
    if asked.is_set():
        raise KeyboardInterrupt
    asked.set()
    if tell is not None:
        tell(None, Text("正在停止…", "stopping…"))


@contextmanager
def at_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Do something else than raise KeyboardInterrupt at Ctrl-C; the main thread alone is told of it."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda _number, _frame: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _line() -> Line:
    """Return the line of a terminal that shows share, time and what is being done; it is gone afterwards."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Line

    columns = (
        TaskProgressColumn(),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    line = Line(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4)
    line.add_task("", total=1.0)
    return line


def _tell(line: Line, share: float | None, what: Text) -> None:
    line.update(line.task_ids[0], completed=share, description=what.text(LANG))
