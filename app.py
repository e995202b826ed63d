"""`uvicorn app:app` (what `riskmap serve` does) or `streamlit run app.py`."""

from streamlit.starlette import App

from riskmap.web.frame.app import served

app = App(**served())
