"""Where the seconds of reading one workbook go: gate, parser process, matching and judging, joining."""

from __future__ import annotations

import os
from pathlib import Path

from riskmap.catalog import Layer
from riskmap.io.tables import read_file


def intake_stages(book: Path, layer: Layer, *, datum: str = "cgcs2000") -> dict[str, float]:
    """Return CPU seconds by stage, and `whole`, of reading a workbook into validated records.

    `parse` is the subprocess (it starts, reads the cells and hands them over), the others are ours.
    """
    marks: list[tuple[str, float, float]] = []

    def mark(what: str, _share: float) -> None:
        spent = os.times()
        marks.append((what, spent.user + spent.system, spent.children_user + spent.children_system))

    read_file(book, layer, datum=datum, progress=mark)
    first = {what: (own, children) for what, own, children in reversed(marks)}
    last = {what: (own, children) for what, own, children in marks}
    return {
        "gate": first["read"][0] - first["check"][0],
        "parse": last["done"][1] - first["check"][1],
        "hand over": first["match"][0] - first["read"][0],
        "match and judge": first["join"][0] - first["match"][0],
        "join": last["done"][0] - first["join"][0],
        "whole": sum(last["done"]) - sum(first["check"]),
    }
