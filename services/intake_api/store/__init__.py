"""What is kept: tables, encryption, and the transactions that write. Nothing else imports sqlalchemy."""
