"""The script that Streamlit runs for every page."""

from __future__ import annotations

import streamlit as st

from riskmap.interface import speak_as
from riskmap.web.frame.shell import run
from riskmap.web.frame.state import past_text
from riskmap.web.widgets.outdated import draw_outdated
from riskmap.web.widgets.running import draw_running


def _above() -> None:
    # Their places stay where nothing is in them: else all that follows would move, and show twice for a moment.
    with st.container(key="shell-above-running"):
        draw_running()
    with st.container(key="shell-above-newer"):
        if not past_text():  # of the past nothing is to be assessed
            draw_outdated()


speak_as("page")
run(above=_above)
