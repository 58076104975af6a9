"""A simulated Google Workspace: Drive, the Admin Directory and OAuth, with one company in it."""
