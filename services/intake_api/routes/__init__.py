"""The HTTP API, for the internal network only."""
