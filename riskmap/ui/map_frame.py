"""The frame of a map of the district, as every page that shows one has it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from riskmap.present.map import Frame
from riskmap.selection import Snapshot
from riskmap.ui import ground
from riskmap.ui.bundle import bundles
from riskmap.ui.first_picture import first_pictures
from riskmap.ui.routes import GROUND
from riskmap.ui.state import lang, signer, workspace


def ground_key() -> str:
    """Return the token with which the browser may ask for boundaries, relief and base map."""
    return signer().sign(GROUND, [workspace().config.district])


def visit(page: str) -> str:
    """Return the name of this session's first visit to the map of a page; see `first_picture`."""
    key = f"{page}-visit"
    if key not in st.session_state:
        st.session_state[key] = first_pictures.visit()
    return st.session_state[key]


def district_frame(now: Snapshot, **more: Any) -> Frame:
    """Return layers, bounds, boundaries and marks of the district; `more` are further fields of the frame."""
    ws = workspace()
    return Frame(
        lang=lang(),
        layers=[ws.catalog.layer(layer) for layer in now.layers],
        bounds=ground.bounds_of(ws, now),
        scripts=[bundles()["map.js"].link],
        boundaries=f"boundaries.json?k={ground_key()}" if ws.places is not None else None,
        approval_number=ws.config.approval_number,
        demo=ws.demo,
        **more,
    )
