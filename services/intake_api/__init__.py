"""Owns every contact: the only user of the database, the only holder of keys."""
