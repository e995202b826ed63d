"""Files by what they hold: the SHA-256 that plans, factors and samples are told apart by."""

from __future__ import annotations

import hashlib
from pathlib import Path

from riskmap.errors import RiskmapError


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hex. OSError where it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file. RiskmapError where it cannot be read."""
    try:
        return file_digest(path)
    except OSError as problem:
        raise RiskmapError(
            f"{path}：文件打不开；请检查路径和权限",
            f"{path}: cannot be opened; check the path and its rights",
        ) from problem
