"""The look that the pages beside the map share, on screen and on paper."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from riskmap.ui.state import say

_STYLES: Final = Path(__file__).parent / "assets" / "pages" / "pages.css"


def page_look() -> None:
    """Add our rules; words that Streamlit would say in English come from our texts."""
    words = "".join(f"--rm-{name}: {_quoted(say(f'css_{name}'))};" for name in ("upload", "drop"))
    st.html(f"<style>:root {{ {words} }}\n{_STYLES.read_text(encoding='utf-8')}</style>")


def page_title(title: str, note: str = "") -> None:
    """Draw the heading of a page; both texts are shown as they are written."""
    st.html(f'<div class="rm-head"><h1>{escape(title)}</h1></div><div class="rm-sub">{escape(note)}</div>')


def section(title: str) -> None:
    """Draw the heading of a part of a page."""
    st.html(f'<h2 class="rm-section">{escape(title)}</h2>')


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
