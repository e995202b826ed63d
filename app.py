"""The app, for `uvicorn app:app` and `streamlit run app.py`."""

from riskmap.ui.app import app

__all__ = ["app"]
