"""The script that Streamlit runs for every page."""

from riskmap.ui.shell import run

run()
