"""What is done to records and their scores: editing, undoing, assessing, comparing."""
