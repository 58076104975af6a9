"""What a person means: filters in words, names that are known, slips of the keyboard."""
