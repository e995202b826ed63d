"""Rewrite the golden documents: python -m tests.golden [--why REASON]; or write them whole: --whole DIR.

A changed file is stated in CHANGES.md with its reason; without one the rows to complete are printed.
`--whole` leaves the golden files alone: two programs' documents can be compared line by line.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tests.golden.freezing import CHANGES, FOLDER, kept_files, row, stated_changes, text_of, unstated
from tests.golden.worlds import WORLDS, golden_documents, whole_documents


def main() -> None:
    """Write what was asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    asked.add_argument("--why", default="", help="why the documents change; stated in CHANGES.md")
    asked.add_argument("--whole", type=Path, metavar="DIR", help="write long lists too, into this folder")
    asked.add_argument("worlds", nargs="*", choices=[*WORLDS, []], help="default: all")
    given = asked.parse_args()
    for name in given.worlds or WORLDS:
        if given.whole:
            _write(given.whole / name, whole_documents(name))
        else:
            _write(FOLDER / name, golden_documents(name))
    if not given.whole:
        _state(given.why.strip())


def _write(folder: Path, documents: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for gone in set(folder.glob("*.json")) - {folder / f"{name}.json" for name in documents}:
        gone.unlink()
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(text_of(document), encoding="utf-8")


def _state(why: str) -> None:
    rows = [row(n, digest, why or "…") for n, digest in unstated(kept_files(), stated_changes()).items()]
    if why and rows:
        with CHANGES.open("a", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")
    elif rows:
        print("state why in tests/golden/CHANGES.md (or run again with --why REASON):", *rows, sep="\n")  # noqa: T201 - a tool speaks


if __name__ == "__main__":
    main()
