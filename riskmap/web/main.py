"""The script that Streamlit runs for every page."""

from __future__ import annotations

from riskmap.interface import speak_as
from riskmap.web.frame.shell import run
from riskmap.web.widgets.outdated import draw_outdated
from riskmap.web.widgets.running import draw_running


def _above() -> None:
    draw_running()
    draw_outdated()


speak_as("page")
run(above=_above)
