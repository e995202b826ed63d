"""Tests of rooms with their files: ledgers, readers, writers, storms."""
