"""What may be said and done: the rules that every door asks."""
