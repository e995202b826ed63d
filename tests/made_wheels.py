"""Wheels made up for tests: real enough for pip, small enough to make hundreds."""

from __future__ import annotations

import zipfile
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *requires: str,
    tag: str = "py3-none-any",
    headers: str = "",
    files: dict[str, str] | None = None,
) -> Path:
    """Write a wheel of the name, version and tag that states the requirements and holds the files."""
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {line}\n" for line in requires)
    held = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{headers}{needed}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **(files or {}),
    }
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for entry, text in held.items():
            packed.writestr(entry, text)
        packed.writestr(f"{info}/RECORD", "".join(f"{entry},,\n" for entry in [*held, f"{info}/RECORD"]))
    return path
