"""What the public opens: the contact form and the pages around it. Holds no keys and no database."""
