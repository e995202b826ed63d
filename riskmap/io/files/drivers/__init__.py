"""One reader per kind of file; they run inside the worker only."""
