from __future__ import annotations

import streamlit as st


def calls(shown):
    st.caption("…")


def log(shown):
    st.caption("…")
