"""The page that the map is measured against: st_folium's empty map, Leaflet from our own server."""

from __future__ import annotations

import folium
import streamlit as st
from streamlit_folium import st_folium

LEAFLET = "../../assets/leaflet/"


class Empty(folium.Map):
    """A map without tiles and without a link that leaves the machine."""

    default_js = [("leaflet", f"{LEAFLET}leaflet.js")]  # noqa: RUF012 - folium's own form
    default_css = [("leaflet_css", f"{LEAFLET}leaflet.css")]  # noqa: RUF012


st.set_page_config(layout="wide")
st_folium(Empty([22.58, 114.13], zoom_start=11, tiles=None), height=640, use_container_width=True)
