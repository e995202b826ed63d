"""What an export wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Written:
    """One file: where it is, its format, and how many records it holds."""

    path: Path
    format: str
    rows: int
