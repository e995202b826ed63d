"""Values that several rooms share, each defined once."""
