"""The search by meaning: where vectors lie, by which plan they are searched."""
