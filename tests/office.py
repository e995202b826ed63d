"""Files as LibreOffice saves them, which knows nothing of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path


def saved_as(soffice: str, source: Path, ending: str, folder: Path, *, sheet: int = 1) -> Path:
    """Save a file under another format into `folder` (another one than its own) and return what was made.

    `sheet`: which one a csv is to hold, the first is 1.
    """
    # Comma, quotation mark, UTF-8, from line 1; as shown, texts quoted; … the sheet.
    csv = f"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,{sheet}"
    name = csv if ending == "csv" else ending
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(soffice, f"-env:UserInstallation=file://{folder}/profile", "--headless"),
            *("--convert-to", name, "--outdir", str(folder), str(source)),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (made,) = folder.glob(f"{source.stem}*.{ending}")  # a csv is called by its sheet too
    return made
