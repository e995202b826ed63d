"""A word that names nothing we know, and the known one that comes nearest to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from riskmap.errors import Say, SelectionError

_SHOWN = 12


def unknown_name(what: Say, word: str, known: Iterable[str]) -> SelectionError:
    """Return the error for a `word` that is no `what`: what was found, what exists, did you mean."""
    options = [str(k) for k in known]
    lower = {o.casefold(): o for o in options}
    near = difflib.get_close_matches(word.casefold(), lower, n=1, cutoff=0.5)
    hint = lower[near[0]] if near else ""
    listed = ", ".join(options[:_SHOWN]) + (" …" if len(options) > _SHOWN else "")
    if hint:
        zh_end, en_end = f"；是否想写 {hint}？", f"; did you mean {hint}?"
    else:
        zh_end, en_end = f"；可用：{listed or '（无）'}", f"; known: {listed or '(none)'}"
    return SelectionError(f"{what.zh} {word!r} 不存在{zh_end}", f"no {what.en} {word!r}{en_end}")
