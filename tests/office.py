"""Files as LibreOffice saves them, which knows nothing of ours."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def saved_as(soffice: str, source: Path, ending: str, folder: Path, *, sheet: int = 1) -> Path:
    """Save a file under another format into `folder` (another one than its own) and return what was made.

    `sheet`: which one a csv is to hold, the first is 1.
    """
    # Comma, quotation mark, UTF-8, from line 1; as shown, texts quoted; … the sheet.
    csv = f"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,{sheet}"
    name = csv if ending == "csv" else ending
    _convert(soffice, name, [source], folder)
    (made,) = folder.glob(f"{source.stem}*.{ending}")  # a csv is called by its sheet too
    return made


def printed(soffice: str, sources: Sequence[Path], folder: Path) -> list[Path]:
    """Print files into a PDF each, in one run, and return these in the order of `sources`."""
    _convert(soffice, "pdf", sources, folder)
    return [folder / f"{source.stem}.pdf" for source in sources]


def _convert(soffice: str, kind: str, sources: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(soffice, f"-env:UserInstallation=file://{folder}/profile", "--headless"),
            *("--convert-to", kind, "--outdir", str(folder), *map(str, sources)),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
