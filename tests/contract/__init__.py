"""Tests of what people, programs and analysts meet: commands, documents, files, the face."""
