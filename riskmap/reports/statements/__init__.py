"""Statements: what must hold of figures before they are published, each a line of a file, with the records that break it."""

from __future__ import annotations

from riskmap.reports.statements.definition import (
    FOLDER,
    BoundStatement,
    Statement,
    Statements,
    bind_statements,
    default_statements,
)
from riskmap.reports.statements.judging import Verdict, agrees_as_printed, judge, read_printed

__all__ = [
    "FOLDER",
    "BoundStatement",
    "Statement",
    "Statements",
    "Verdict",
    "agrees_as_printed",
    "bind_statements",
    "default_statements",
    "judge",
    "read_printed",
]
