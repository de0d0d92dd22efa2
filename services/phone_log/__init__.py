"""The operator's desk: calls and letters are registered here, and contacts are looked at."""
