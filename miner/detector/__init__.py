"""Series to outages."""
