"""Mail in: every mail becomes a contact, whatever it looks like."""
