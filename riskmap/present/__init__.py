"""What people get to see: texts, workbooks, vector formats, the map."""
