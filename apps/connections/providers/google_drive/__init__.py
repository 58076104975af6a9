"""Google Drive: My Drives and shared drives, of one account or of a whole company."""
