"""What the strip above every page is told: a row for each long action of a browser session, in words.

The strip asks by itself, so nothing here looks at what Streamlit knows of a page.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from riskmap.errors import Lang
from riskmap.json_documents import Document
from riskmap.texts import t
from riskmap.web.frame.running import LongAction

RUNNING: Final = "running"  # the strip of a session: [language, name of the tab]


_SHOWN: Final = 3


def rows(actions: Sequence[LongAction], tab: str, lang: Lang) -> list[Document]:
    """Return what runs, then what was over last, of what is shown. `mine` are those that this tab began, `share` is 0–1."""
    shown = [one for one in actions if one.shown.is_set()]
    under_way = [one for one in shown if not one.over]
    over = [one for one in reversed(shown) if one.over]
    return [
        {
            "name": one.name,
            "over": one.over,
            "mine": one.tab == tab,
            **(_over if one.over else _line)(one, lang),
        }
        for one in (*under_way, *over)[:_SHOWN]
    ]


def _line(one: LongAction, lang: Lang) -> Document:
    seconds = int(time.monotonic() - one.began)
    what = t("running_stopping", lang) if one.watch.stopping else one.watch.what.text(lang)
    text = t(
        "running_line",
        lang,
        title=_title(one, lang),
        share=f"{one.watch.share:.0%}",
        what=what,
        time=f"{seconds // 60}:{seconds % 60:02}",
    )
    return {"text": text, "share": min(1.0, one.watch.share), "stopping": one.watch.stopping}


def _over(one: LongAction, lang: Lang) -> Document:
    tone, text = _said(one, lang)
    return {"text": text, "tone": tone, "file": one.file.name if one.file else ""}


def _said(one: LongAction, lang: Lang) -> tuple[str, str]:
    """Return the tone and the sentence of what came of an action."""
    title = _title(one, lang)
    if one.cancelled:
        return "cancelled", t(f"running_{one.kind}_cancelled", lang, title=title)
    if one.refused is not None:
        return "error", t("running_refused", lang, title=title, why=one.refused.text(lang))
    if one.outcome is None:
        return "error", t("running_failed", lang, title=title)
    late = t("running_late", lang) if one.watch.stopping else ""
    values: dict[str, Any] = {"title": title, **one.outcome.values}
    return one.outcome.tone, t(one.outcome.said, lang, **values) + late


def _title(one: LongAction, lang: Lang) -> str:
    return t(f"running_{one.kind}", lang, **one.values)
