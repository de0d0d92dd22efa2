"""What the mail service counts."""

from prometheus_client import Counter

MAILS = Counter("onthaal_mails", "Mails that came in whole: registered, later (451), tooLarge (552).", ["outcome"])
REFUSALS = Counter(
    "onthaal_mail_refusals", "What clients of the mail listener were refused, by the code they were answered.", ["code"]
)
MAILBOX_MAILS = Counter(
    "onthaal_mailbox_mails", "Mails that were taken in from a mailbox, by what became of them.", ["mailbox", "outcome"]
)

MAILS_SENT = Counter("onthaal_mails_sent", "Attempts to send a mail of ours: sent, queued (again later), failed.", ["outcome"])
