"""What may be said of things: the judge of a cell, a column, a position, a record."""
