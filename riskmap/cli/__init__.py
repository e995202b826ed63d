"""The command line: collect input, call one use case, show its result.

`--json` prints one document on stdout and nothing else; everything meant for a person goes to
stderr or, without `--json`, to stdout. Exit status: 0 done, 1 done with rejected rows or sums that
do not agree, 2 could not do it, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Final, NoReturn

import riskmap
from riskmap.errors import RiskmapError
from riskmap.interface import speak_as
from riskmap.progress import Cancelled

if TYPE_CHECKING:
    import typer
    from typer.models import CommandInfo

__all__ = [
    "main",
]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; every failure is one clear message."""
    words = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if words == ["--version"]:  # before anything is loaded that a number does not need
        print(f"riskmap {riskmap.__version__}")  # noqa: T201 - the command line's own voice
        raise SystemExit(0)
    speak_as("command line")
    gc.set_threshold(*_COLLECTED)
    try:
        _run(words)
    except Cancelled:  # from a step: whatever was done until then is taken back
        _interrupted("已中断：什么都没有写入", "interrupted: nothing was written", words)
    except KeyboardInterrupt:  # from anywhere, also after the last thing was written
        _interrupted(
            "已中断：没有做完的一步没有写入",
            "interrupted: the step that was not finished was not written",
            words,
        )


# Between searches for reference cycles. Python's 700 search the classes and functions of every import again and again,
# an eighth of the seconds of a short command.
_COLLECTED: Final = (50_000, 20, 100)


INTERRUPTED: Final = 130  # 128 + SIGINT, as shells count


def _interrupted(zh: str, en: str, words: list[str]) -> NoReturn:
    from riskmap.cli.common import fail

    fail(RiskmapError(zh, en), as_json="--json" in words, status=INTERRUPTED)


def _for(app: typer.Typer, words: list[str]) -> typer.Typer:
    """Return the app with the command that is asked for, where one is: Typer makes each out of its annotations."""
    if words and {"-h", "--help"}.isdisjoint(words):
        asked = [one for one in app.registered_commands if _named(one) == words[0]]
        if asked:
            app = copy(app)
            app.registered_commands, app.registered_groups = asked, []
    return app


def _named(command: CommandInfo) -> str:
    return command.name or (command.callback.__name__.replace("_", "-") if command.callback else "")


def _run(words: list[str]) -> NoReturn:
    import typer

    from riskmap.cli import (  # noqa: F401 - each adds its commands
        attaching,
        certainty,
        duty,
        editing,
        evacuation,
        figures,
        forms,
        housekeeping,
        importing,
        inventory,
        prepare,
        readings,
        records,
        registers,
        report_checking,
        terrain,
        training,
    )
    from riskmap.cli.common import app, fail

    as_json = "--json" in words
    try:
        status = _for(app, words)(args=words, standalone_mode=False)
    except RiskmapError as problem:
        fail(problem, as_json=as_json)
    except typer.Exit as leave:
        raise SystemExit(leave.exit_code) from None
    except typer.Abort as problem:  # Ctrl-C at a question
        raise KeyboardInterrupt from problem
    except Exception as problem:  # noqa: BLE001 - the last net: a person never sees a traceback
        show = getattr(problem, "show", None)
        if show is not None:  # a usage error: Typer says which option and how
            said = problem.format_message()  # type: ignore[attr-defined]
            if not as_json:
                show()
                raise SystemExit(2) from None
            fail(RiskmapError(said, said), as_json=True)
        if os.environ.get("RISKMAP_DEBUG"):
            traceback.print_exc()
        if isinstance(problem, OSError) and problem.errno is not None:
            from riskmap.io.files.atomic import refusal

            fail(refusal(str(problem.filename or tempfile.gettempdir()), problem), as_json=as_json)
        said = f"{type(problem).__name__}: {problem}"
        fail(
            RiskmapError(
                f"没有完成：{said}；设置 RISKMAP_DEBUG=1 可查看细节",
                f"could not do it: {said}; set RISKMAP_DEBUG=1 for details",
            ),
            as_json=as_json,
        )
    if status == INTERRUPTED:  # what the library makes of Ctrl-C; it says nothing
        raise KeyboardInterrupt
    raise SystemExit(status if isinstance(status, int) else 0)
