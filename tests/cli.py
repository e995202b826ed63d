"""Run the command line inside the test's process and read what it printed."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

import typer.main

from riskmap.cli import main

# Typer puts its tree of commands together at each call, a tenth of a second; here all calls share one.
TREE = functools.cache(typer.main.get_command)


@dataclass(frozen=True)
class Ran:
    """One command's exit status, stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, f"status {self.status}: {self.err}"
        return json.loads(self.out)

    @property
    def refused(self) -> bool:
        """Whether it could not be done, and stdout holds nothing or, under --json, the document that says why."""
        document = json.loads(self.out) if self.out else None
        told = document is None or (document.keys() == {"error"} and document["error"]["message"] in self.err)
        return self.status == 2 and told


def riskmap(*words: object) -> Ran:
    """Run `riskmap WORDS…`; never raises for an exit status."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    status = 0
    before = sys.argv
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            sys.argv = ["riskmap", *map(str, words)]
            # What a command tells the processes that it starts is not told to the tests that follow.
            with mock.patch.object(typer.main, "get_command", TREE), mock.patch.dict(os.environ):
                main([str(w) for w in words])
        except SystemExit as leave:
            status = leave.code if isinstance(leave.code, int) else 1
        finally:
            sys.argv = before
    texts = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        texts.append(stream.read())
    return Ran(status, *texts)
