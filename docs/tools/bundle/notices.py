"""Third-party notices: who made what a bundle carries, under which licence, in the words of its licence files."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from docs.tools.bundle.wheels import Wheel

LICENCE_FILE = re.compile(
    r"(^|/)(licen[cs]es?/.*[^/]|[^/]*(licen[cs]e|copying|copyright|notice|authors)[^/]*)$", re.IGNORECASE
)
KEPT = Path(__file__).with_name("licences")
CODE = (".py", ".pyi", ".pyc", ".js", ".map", ".so", ".pyd", ".dll", ".h", ".css", ".svg", ".png")
_LICENCE = "License :: "
LONG = 100  # characters; what is longer is a licence's text, not its name


@dataclass(frozen=True)
class Notice:
    """One part of a bundle: its name, version, licence as it states it, and its licence files (name → text)."""

    name: str
    version: str
    licence: str
    texts: dict[str, str]


def of_wheel(wheel: Wheel) -> Notice:
    """Read the notice of a wheel. One that carries no licence file has its text in the folder `licences` here.

    Raises SystemExit where there is neither: what it is under has to be looked up before it is passed on.
    """
    with zipfile.ZipFile(wheel.path) as packed:
        names = [
            name
            for name in packed.namelist()
            if LICENCE_FILE.search(name) and not name.endswith(("/", *CODE))
        ]
        texts = {name: packed.read(name).decode("utf-8", "replace") for name in sorted(names)}
    ours = KEPT / f"{wheel.name}.txt"
    if not texts:
        if not ours.is_file():
            raise SystemExit(f"{wheel.path.name} carries no licence text; put one at {ours}")
        texts = {"LICENSE": ours.read_text(encoding="utf-8")}
    return Notice(wheel.name, str(wheel.version), licence_of(wheel), texts)


def licence_of(wheel: Wheel) -> str:
    """Return the licence that a wheel's METADATA states: an expression, a word, or its classifiers."""
    stated = wheel.metadata["License-Expression"] or (wheel.metadata["License"] or "").strip()
    if stated and "\n" not in stated and len(stated) < LONG:
        return stated
    classifiers = wheel.metadata.get_all("Classifier", ())
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith(_LICENCE)]
    return " AND ".join(named) or stated.partition("\n")[0]


def write(path: Path, notices: Iterable[Notice]) -> None:
    """Write the notices; a text that several parts share stands once, and is named by its number."""
    numbers: dict[str, int] = {}
    rows, texts = [], []
    for notice in notices:
        named = []
        for file, text in notice.texts.items():
            digest = hashlib.sha256("".join(text.split()).encode()).hexdigest()
            if digest not in numbers:
                numbers[digest] = len(numbers) + 1
                texts.append(
                    f"{'=' * 78}\n[{numbers[digest]}] {notice.name}: {file}\n{'=' * 78}\n{text.strip()}\n"
                )
            named.append(f"[{numbers[digest]}]")
        where = ", ".join(dict.fromkeys(named))
        rows.append(f"{notice.name} {notice.version}: {notice.licence or 'see'}; texts {where}")
    head = "第三方软件及其许可。 Third-party software in this bundle and its licences.\n"
    path.write_text("\n".join([head, *rows, "", *texts]), encoding="utf-8", newline="\n")
