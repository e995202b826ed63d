"""What a newcomer reads where the ledger is still empty."""

from __future__ import annotations

import streamlit as st

from riskmap.ui.shell import page_of
from riskmap.ui.state import say


def welcome(page: str) -> None:
    """Say what this page will show and how to get there."""
    with st.container(key="page-welcome"):
        st.header(say("empty_title"))
        st.markdown(say(f"{page}_empty"))
        st.markdown("\n".join(f"1. {say(f'empty_step_{step}')}" for step in ("import", "assess", "map")))
        st.page_link(page_of("import"), label=say("empty_goto_import"))
        st.caption(say("empty_demo"))
