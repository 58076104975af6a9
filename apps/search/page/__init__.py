"""The search page: what is asked on it, and what it shows beside the results."""
