"""Keep documents as files, small and without what must differ; say where two of them differ."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CHANGES = FOLDER / "CHANGES.md"
_ROW = re.compile(r"^\| `(?P<file>[^`]+)` \| `(?P<digest>[0-9a-f]{16}|gone)` \| (?P<why>.*\S.*) \|$")
_DIGITS = 9  # sums in another order (other threads, another processor) differ in the last places
_LONG_TEXT = 600
_HEAD = re.compile(
    r"(次写入：|changeset \d+: |head: )[0-9a-f]{64}"
)  # covers reasons, which name the program's arguments


def settled(document: Any, folder: Path) -> Any:
    """Return a document as JSON holds it: keys in order, floats to nine digits, paths below `folder` as <folder>."""
    if isinstance(document, Mapping):
        return {
            str(k): "<head>" if k == "head" and _is_digest(document[k]) else settled(document[k], folder)
            for k in sorted(document, key=str)
        }
    if isinstance(document, list | tuple):
        return [settled(part, folder) for part in document]
    if isinstance(document, float):
        return _settled_number(document)
    if isinstance(document, bytes):
        return f"sha256:{hashlib.sha256(document).hexdigest()}"
    if document is None or isinstance(document, bool | int):
        return document
    return _HEAD.sub(r"\1<head>", str(document)).replace(str(folder), "<folder>")


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _settled_number(number: float) -> float | str:
    if not math.isfinite(number):
        return str(number)
    return float(f"{number:.{_DIGITS}g}") + 0.0  # -0.0 is 0


def folded(document: Any, longest: int) -> Any:
    """Return a settled document with long lists, tables of codes and texts as their count, digest and beginning."""
    if isinstance(document, dict):
        kept = document
        if len(document) > 4 * longest:
            kept = dict(list(document.items())[:2])
        parts = {key: folded(part, longest) for key, part in kept.items()}
        return parts if kept is document else {"…": _stamp(document), "first": parts}
    if isinstance(document, list) and len(document) > longest:
        return {"…": _stamp(document), "first": [folded(part, longest) for part in document[:2]]}
    if isinstance(document, list):
        return [folded(part, longest) for part in document]
    if isinstance(document, str) and len(document) > _LONG_TEXT:
        return {"…": _stamp(document), "first": document[:80]}
    return document


def _stamp(part: Any) -> str:
    text = json.dumps(part, ensure_ascii=False, sort_keys=True)
    return f"{len(part)} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def text_of(document: Any) -> str:
    """Return a document as it is written: a short list or table in one line, the rest line by line."""
    return _written(document, "") + "\n"


def _written(part: Any, indent: str) -> str:
    line = json.dumps(part, ensure_ascii=False)
    if not isinstance(part, dict | list) or len(indent) + len(line) <= 120:
        return line
    deeper = indent + " "
    if isinstance(part, list):
        return "[\n" + ",\n".join(deeper + _written(p, deeper) for p in part) + f"\n{indent}]"
    lines = [f"{deeper}{json.dumps(k, ensure_ascii=False)}: {_written(p, deeper)}" for k, p in part.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def differences(kept: Any, found: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each place at which two settled documents differ."""
    if isinstance(kept, dict) and isinstance(found, dict):
        for key in [*kept, *(k for k in found if k not in kept)]:
            if key not in kept or key not in found:
                yield f"{at}/{key}: {'only kept' if key in kept else 'only found'}"
            else:
                yield from differences(kept[key], found[key], f"{at}/{key}")
    elif isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        for i, (one, other) in enumerate(zip(kept, found, strict=True)):
            yield from differences(one, other, f"{at}/{i}")
    elif kept != found or type(kept) is not type(found):
        yield f"{at}: {str(kept)[:200]} → {str(found)[:200]}"


def kept_files() -> dict[str, str]:
    """Return the golden files (path below this folder → digest)."""
    files = sorted(FOLDER.glob("*/*.json"))
    return {str(f.relative_to(FOLDER)): digest_of(f.read_text(encoding="utf-8")) for f in files}


def digest_of(text: str) -> str:
    """Return the digest under which CHANGES.md states a golden file; of the parsed values, sorted by key."""
    plain = json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def stated_changes() -> dict[str, str]:
    """Return the last digest that CHANGES.md states for each file, `gone` for one that went."""
    lines = CHANGES.read_text(encoding="utf-8").splitlines() if CHANGES.exists() else []
    return {row["file"]: row["digest"] for line in lines if (row := _ROW.match(line))}


def unstated(kept: Mapping[str, str], stated: Mapping[str, str]) -> dict[str, str]:
    """Return the files whose present state CHANGES.md does not name, with the digest it has to name."""
    new = {name: digest for name, digest in kept.items() if stated.get(name) != digest}
    gone = {n: "gone" for n, digest in stated.items() if digest != "gone" and n not in kept}
    return new | gone


def row(name: str, digest: str, why: str) -> str:
    """Return a line of CHANGES.md."""
    return f"| `{name}` | `{digest}` | {why} |"
