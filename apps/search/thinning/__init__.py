"""What is left of the passages that were found: copies once, newer first, neighbours with them."""
