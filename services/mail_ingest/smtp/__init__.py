"""SMTP and LMTP as a server speaks them: what clients say, how much they may, and what they are answered."""
