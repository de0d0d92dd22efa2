"""The pages of the desk: signing in, the overview, registering, one contact."""
