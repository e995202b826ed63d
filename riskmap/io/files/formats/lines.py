"""JSON lines: an object of plain values on each line, as gateways and monitoring platforms send them."""

from __future__ import annotations

from typing import Final

from riskmap.io.files.formats import FileFormat

FORMATS: Final = (
    FileFormat(
        "jsonl", (".jsonl",), "text", "riskmap.io.files.drivers.json_lines", without=("numpy", "pandas")
    ),
)
