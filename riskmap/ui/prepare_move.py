from __future__ import annotations

import streamlit as st


def move(shown):
    st.caption("…")
