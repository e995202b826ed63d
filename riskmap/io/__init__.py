"""Bytes to values and back: files, tables, readers of one kind of table each, writers of one format each."""
