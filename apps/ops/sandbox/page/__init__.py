"""The sandbox's page: both simulated sources to look at, to change and to break, in a browser."""
