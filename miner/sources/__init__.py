"""Where posts come from: one file a platform, and one for archive files."""
