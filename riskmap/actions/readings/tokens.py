"""The token with which a gateway may send readings: shown once when it is made; only its digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Final

from riskmap.actions.workspace import Workspace
from riskmap.errors import WorkspaceError
from riskmap.io.files.atomic import replacing
from riskmap.rules.permissions import Actor, may

FILE: Final = "observations.token"


_LONGEST: Final = 200


def token_file(ws: Workspace) -> Path:
    """Return where the digest of the token is kept."""
    return ws.root / "data" / FILE


def make_token(ws: Workspace, *, by: Actor) -> str:
    """Make a token and return it; one that was there is worth nothing from now on. ExportError where it cannot be kept."""
    may(by, "import")
    token = secrets.token_urlsafe(32)
    with replacing(token_file(ws), private=True) as (part,):
        part.write_text(_digest(token), encoding="ascii")
    return token


def revoke_token(ws: Workspace, *, by: Actor) -> bool:
    """Let nobody send readings any more; return whether anybody could. WorkspaceError where it cannot be taken back."""
    may(by, "import")
    file = token_file(ws)
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise WorkspaceError(
            f"{file}：不能删除（{problem.strerror}），令牌仍然有效；请检查权限",
            f"{file}: cannot be removed ({problem.strerror}), the token still holds; check its rights",
        ) from problem
    return True


def is_token(ws: Workspace, given: str) -> bool:
    """Return whether a text is the token of this workspace; nothing is where none was made."""
    try:
        kept = token_file(ws).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    short = len(given) <= _LONGEST and given.isascii()
    return bool(kept) and short and secrets.compare_digest(_digest(given), kept)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
