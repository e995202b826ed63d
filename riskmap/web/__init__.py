"""The Streamlit app and its HTTP routes."""
