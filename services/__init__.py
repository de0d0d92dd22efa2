"""Onthaal's services, and the gateway that runs them in one process or apart."""
