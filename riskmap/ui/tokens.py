"""Signed addresses: a route answers only what a page of ours asked for.

Routes of `st.App` get no login protection of their own, so every one that returns data reads a
token first. The secret belongs to the workspace (`data/secret`, readable by its owner only) or
comes from RISKMAP_SECRET.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from riskmap.errors import RiskmapError

_SECRET_FILE = "secret"  # noqa: S105 - the name of a file
DAY_S = 86_400


class ForbiddenError(RiskmapError):
    """A token that is not ours, was changed, or has run out."""

    def __init__(self) -> None:
        super().__init__(
            "地址已失效或被改动；请回到页面刷新后重试",
            "this address has run out or was changed; reload the page",
        )


def workspace_secret(data: Path) -> str:
    """Return the secret of a workspace, made on first use.

    Where the directory cannot be written to, the secret lasts as long as the process.
    """
    given = os.environ.get("RISKMAP_SECRET")
    if given:
        return given
    file = data / _SECRET_FILE
    made = secrets.token_urlsafe(32)
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = file.read_text(encoding="ascii").strip()
        return kept or made
    except OSError:
        return made
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(made)
    return made


class Signer:
    """Signs and reads tokens. A token of one purpose is worth nothing for another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._read = lru_cache(maxsize=4096)(self._check)

    def sign(self, purpose: str, value: Any) -> str:
        """Return a token that is the same for the same value, so that answers can be cached."""
        return _text(URLSafeSerializer(self._secret, salt=purpose).dumps(value))

    def read(self, purpose: str, token: str) -> Any:
        """Return what `sign` was given. Raises ForbiddenError for any other text."""
        return self._read(purpose, token)

    def _check(self, purpose: str, token: str) -> Any:
        try:
            return URLSafeSerializer(self._secret, salt=purpose).loads(token)
        except BadData as problem:
            raise ForbiddenError from problem

    def sign_for_a_day(self, purpose: str, value: Any) -> str:
        """Return a token that `read_within_a_day` takes until tomorrow."""
        return _text(URLSafeTimedSerializer(self._secret, salt=purpose).dumps(value))

    def read_within_a_day(self, purpose: str, token: str) -> Any:
        """Return what `sign_for_a_day` was given. Raises ForbiddenError afterwards."""
        try:
            return URLSafeTimedSerializer(self._secret, salt=purpose).loads(token, max_age=DAY_S)
        except BadData as problem:
            raise ForbiddenError from problem


def _text(token: str | bytes) -> str:
    return token if isinstance(token, str) else token.decode("ascii")
