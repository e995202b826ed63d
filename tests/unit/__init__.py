"""Tests of what needs no workspace, ledger file, page or browser."""
