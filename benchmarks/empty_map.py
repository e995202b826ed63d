"""Serve an empty st_folium map as the app is served: `python -m benchmarks.empty_map PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from streamlit.starlette import App

from riskmap.reports.browser_map import leaflet_dir
from riskmap.web.frame.settings import apply_settings


def main(port: int) -> None:
    """Serve with the settings and the server of the app."""
    apply_settings()
    app = App(
        script_path=Path(__file__).with_name("empty_page.py"),
        routes=[Mount("/assets/leaflet", StaticFiles(directory=leaflet_dir()))],
    )
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="warning", access_log=False, ws="websockets-sansio"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
