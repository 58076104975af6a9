"""The search by words: how text becomes terms, what they weigh, and which passages have them."""
