"""Where the seconds of reading one workbook go: gate, parser process, matching and judging, joining."""

from __future__ import annotations

import os
from pathlib import Path

from riskmap.catalog import Layer
from riskmap.errors import Text
from riskmap.io.tables import read_file
from riskmap.progress import Progress


def intake_stages(book: Path, layer: Layer, *, datum: str = "cgcs2000") -> dict[str, float]:
    """Return CPU seconds by stage, and `whole`, of reading a workbook into validated records.

    `parse` is the subprocess (it starts, reads the cells and hands them over), the others are ours.
    """
    marks: list[tuple[str, float, float]] = []

    def mark(_share: float, what: Text) -> None:
        spent = os.times()
        stage = what.en.partition(":")[0]
        marks.append((stage, spent.user + spent.system, spent.children_user + spent.children_system))

    read_file(book, layer, datum=datum, progress=Progress(mark))
    mark(1.0, Text("完成", "done"))
    first = {what: (own, children) for what, own, children in reversed(marks)}
    last = {what: (own, children) for what, own, children in marks}
    return {
        "gate": first["reading"][0] - first["inspecting"][0],
        "parse": last["done"][1] - first["inspecting"][1],
        "hand over": first["judging"][0] - first["reading"][0],
        "match and judge": first["joining"][0] - first["judging"][0],
        "join": last["done"][0] - first["joining"][0],
        "whole": sum(last["done"]) - sum(first["inspecting"]),
    }
