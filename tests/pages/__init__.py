"""Tests of pages and routes without a browser."""
