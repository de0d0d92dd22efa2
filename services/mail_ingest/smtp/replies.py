"""Everything that a client is answered, with enhanced status codes (RFC 3463). A 4xx tells its sender to keep the mail."""

from enum import StrEnum


class Reply(StrEnum):
    """Lines that are the same each time."""

    BYE = "221 2.0.0 Bye"
    READY_FOR_TLS = "220 2.0.0 Ready to start TLS"
    OK = "250 2.0.0 Ok"
    SENDER_OK = "250 2.1.0 Ok"
    RECIPIENT_OK = "250 2.1.5 Ok"
    CANNOT_VERIFY = "252 2.1.5 Send a mail and see"
    HELP = "214 2.0.0 This is the intake of a helpline. Mail is taken for its own addresses."
    GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"

    CLOSING = "421 4.3.2 Closing, please try again"
    TOO_MANY_CONNECTIONS = "421 4.3.2 Too many connections, please try again later"
    TOO_SLOW = "421 4.4.2 Too slow, please try again"
    TOO_MANY_COMMANDS = "421 4.7.0 Too many commands or errors, please try again"
    OUT_OF_STEP = "421 5.5.0 Data was sent although it was not asked for"
    NO_MAIL_CLIENT = "421 5.7.0 Mail is taken here, and nothing else"
    TOO_MANY_MAILS = "450 4.7.1 Too many mails, please try again later"
    NOT_STORED = "451 4.3.0 Not stored, please try again later"
    NO_ROOM = "452 4.3.1 No room at the moment, please try again later"
    TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"

    LINE_TOO_LONG = "500 5.5.2 Line too long"
    UNKNOWN = "500 5.5.2 Command not recognized"
    SYNTAX = "501 5.5.4 Syntax error in parameters"
    NOT_HERE = "502 5.5.1 Command not implemented"
    GREET_FIRST = "503 5.5.1 Greet first"
    OUT_OF_ORDER = "503 5.5.1 Bad sequence of commands"
    TLS_NEEDED = "530 5.7.0 Must issue a STARTTLS command first"
    NO_SUCH_MAILBOX = "550 5.1.1 No such mailbox here"
    TOO_LARGE = "552 5.3.4 Message too large"
    UNKNOWN_PARAMETER = "555 5.5.4 Parameter not recognized"
