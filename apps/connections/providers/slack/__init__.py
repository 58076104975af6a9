"""Slack: channels, threads, files, and who may read them."""
