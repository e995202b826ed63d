"""What is taken from terrain and distance: factors, samples, coverage, reach."""
