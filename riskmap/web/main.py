"""The script that Streamlit runs for every page."""

from __future__ import annotations

from riskmap.interface import speak_as
from riskmap.web.frame.shell import run

speak_as("page")
run()
