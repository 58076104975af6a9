"""Webhooks out: what happened, told to addresses that an IT admin named, signed."""
