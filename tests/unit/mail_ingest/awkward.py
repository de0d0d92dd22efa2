"""Awkward mails, each with what a reader of it would see. Written after what broke the mail intake of other systems."""

from base64 import b64encode
from dataclasses import dataclass

HEAD = "From: Noor Peeters <noor@example.be>\nTo: meldpunt@example.be\nSubject: Vraag\n"


@dataclass(frozen=True)
class Awkward:
    """A mail and what must come out of it; None is not looked at."""

    name: str
    raw: bytes
    subject: str | None = None
    sender: str | None = None
    address: str | None = None
    text: str | None = None
    files: tuple[tuple[str, bytes], ...] | None = None
    status: str = "complete"


def mail(text: str, charset: str = "utf-8") -> bytes:
    """Write a mail with the line ends of the network."""
    return text.replace("\n", "\r\n").encode(charset)


def parts(*bodies: str, kind: str = "mixed", end: str = "--x--\n") -> bytes:
    """Write a mail of several parts."""
    inner = "".join(f"--x\n{body}\n" for body in bodies)
    return mail(f"{HEAD}MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=x\n\n{inner}{end}")


PLAIN = "Content-Type: text/plain; charset=utf-8\n\nDag"
PDF = "Content-Type: application/pdf; name=brief.pdf\nContent-Transfer-Encoding: base64\n\n" + b64encode(b"%PDF").decode()
NAMED = "Content-Type: application/pdf\nContent-Disposition: attachment; {}\n\n%PDF"


def with_subject(value: str | bytes, subject: str, name: str) -> Awkward:
    """Make a mail with one special subject."""
    raw = value if isinstance(value, bytes) else value.encode()
    return Awkward(name, b"From: noor@example.be\r\nSubject: " + raw + b"\r\n\r\nDag", subject=subject, text="Dag")


def with_sender(value: str, name: str, sender: str = "", address: str = "", status: str = "complete") -> Awkward:
    """Make a mail with one special sender."""
    return Awkward(name, mail(f"From: {value}\nSubject: Vraag\n\nDag"), sender=sender, address=address, status=status)


def with_file_name(parameter: str, file_name: str, name: str) -> Awkward:
    """Make a mail with one file of a special name."""
    return Awkward(name, parts(PLAIN, NAMED.format(parameter)), text="Dag", files=((file_name, b"%PDF"),))


def with_text(headers: str, body: bytes, text: str, name: str, status: str = "complete") -> Awkward:
    """Make a mail of one special body."""
    return Awkward(name, mail(f"{HEAD}{headers}\n") + body, text=text, files=(), status=status)


HEADERS = [
    with_subject("=?utf-8?q?a=0D=0ABcc:_x@example.be?=", "a Bcc: x@example.be", "a line break hidden in the subject"),
    with_subject("=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=", "éé", "two encoded words that touch"),
    with_subject("=?utf-8?b?4oI=?= =?utf-8?b?rCAx?=", "€ 1", "a character cut between two encoded words"),
    with_subject("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本", "a Japanese subject"),
    with_subject("=?gb2312?B?xOO6w4FA?=", "你好丂", "a subject beyond the declared Chinese set"),
    with_subject("=?x-unknown?q?caf=E9?=", "café", "a charset that nobody knows"),
    with_subject(b"caf\xe9", "café", "a raw 8-bit subject"),
    with_subject("Vraag\r\n over\r\n\tvandaag", "Vraag over vandaag", "a folded subject"),
    with_subject("=?utf-8?q?niet af", "=?utf-8?q?niet af", "an encoded word that never ends"),
    with_subject("a\0b=?utf-8?q?=00c?=", "a b c", "NUL in the subject"),
    with_subject("", "", "an empty subject"),
    with_sender("", "no sender"),
    with_sender("<>", "an empty address"),
    with_sender("unlisted:; (no From-header on input)", "an empty group", "no From-header on input"),
    with_sender("Peeters, Noor <noor@example.be>", "an unquoted comma", "Peeters, Noor", "noor@example.be"),
    with_sender('"Peeters, \\"No\\"" <noor@example.be>', "quotes in quotes", 'Peeters, "No"', "noor@example.be"),
    with_sender("noor@example.be (Noor)", "a name in a comment", "Noor", "noor@example.be"),
    with_sender("Noor <noor @ example.be.>", "spaces and a final dot", "Noor", "noor@example.be"),
    with_sender("Noor <noor@example.be", "an angle that is not closed", "Noor", "noor@example.be"),
    with_sender("a@example.be, b@example.be", "two senders", "", "a@example.be"),
    with_sender("Groep: Noor <noor@example.be>;", "a group", "Noor", "noor@example.be"),
    with_sender("=?utf-8?q?Noor=2C_P?= <noor@example.be>", "a comma in an encoded name", "Noor, P", "noor@example.be"),
    with_sender("=?utf-8?q?bank=40example.com?= <x@example.be>", "an address as name", "bank@example.com", "x@example.be"),
    with_sender("=?utf-8?q?a=40b=2Ebe?=@example.be", "an encoded word in the address", "a@b.be@example.be"),
    with_sender("(" * 5000, "thousands of comments"),
    Awkward(
        "a sender only in Sender",
        mail("Sender: Noor <noor@example.be>\nSubject: x\n\nDag"),
        sender="Noor",
        address="noor@example.be",
    ),
    Awkward("an empty Message-ID", mail(f"{HEAD}Message-ID: <>\n\nDag"), text="Dag", subject="Vraag"),
    Awkward(
        "twenty thousand recipients",
        mail("From: noor@example.be\nTo: " + ", ".join(f"n{i} <n{i}@example.be>" for i in range(20_000)) + "\n\nDag"),
        address="noor@example.be",
        text="Dag",
    ),
    Awkward("a subject of 100,000 words", mail("From: a@example.be\nSubject:" + " woord" * 100_000 + "\n\nDag"), text="Dag"),
    Awkward("a subject header twice, first empty", mail("Subject:\nSubject: Vraag\nFrom: a@b.be\n\nDag"), subject="Vraag"),
]

LINES = [
    Awkward("bare line feeds", (HEAD + "\nDag\nNoor").encode(), subject="Vraag", text="Dag\nNoor"),
    Awkward("bare carriage returns", (HEAD + "\nDag\nNoor").replace("\n", "\r").encode(), subject="Vraag", text="Dag\nNoor"),
    Awkward("doubled carriage returns", (HEAD + "\nDag").replace("\n", "\r\r\n").encode(), subject="Vraag", text="Dag"),
    Awkward("a mailbox line first", b"From noor@example.be Mon Jan  1 10:00:00 2024\n" + mail(HEAD + "\nDag"), subject="Vraag"),
    Awkward("blank lines first", b"\r\n\r\n" + mail(HEAD + "\nDag"), subject="Vraag", text="Dag"),
    Awkward("a byte order mark first", b"\xef\xbb\xbf" + mail(HEAD + "\nDag"), address="noor@example.be", text="Dag"),
    Awkward("junk between headers", mail(f"{HEAD}dit is geen header\nX-A: 1\n\nDag"), subject="Vraag", text="Dag"),
    Awkward("no headers at all", b"Kan je mij bellen?\r\n\r\nNoor", text="Kan je mij bellen?\n\nNoor", status="partial"),
    Awkward("headers only", mail(HEAD), subject="Vraag", text="", files=()),
    Awkward("nothing at all", b"", subject="", text="", files=(), status="partial"),
]

CHARSETS = [
    with_text("Content-Type: text/plain; charset=iso-8859-1\n", b"\x93Hulp\x94 \x80 5", "“Hulp” € 5", "cp1252 called latin-1"),
    with_text("Content-Type: text/plain; charset=us-ascii\n", "één".encode(), "één", "UTF-8 called ASCII"),
    with_text("Content-Type: text/plain; charset=utf-8\n", b"caf\xe9", "café", "cp1252 called UTF-8", "partial"),
    with_text("", b"caf\xe9", "café", "8-bit text without a charset", "partial"),
    with_text("Content-Type: text/plain; charset=hex\n", b"Dag", "Dag", "a charset that is no charset"),
    with_text("Content-Type: text/plain; charset=idna\n", b"Dag", "Dag", "a charset for host names"),
    with_text("Content-Type: text/plain; charset=\0\n", b"Dag", "Dag", "NUL as a charset"),
    with_text("Content-Type: text/plain; charset=iso-2022-jp\n", b"\x1b$BF|K\\\x1b(B", "日本", "Japanese"),
    with_text("", b"\x1b$BF|K\\\x1b(B", "日本", "Japanese that is not declared"),
    with_text("Content-Type: text/plain; charset=ks_c_5601-1987\n", "안녕똠".encode("cp949"), "안녕똠", "Korean"),
    with_text("Content-Type: text/plain; charset=utf-7\n", b"+2AA-Dag", "\ufffdDag", "a lone surrogate"),
    with_text("Content-Type: text/plain; charset=utf-8\n", "Dág".encode()[:3] + b"\0", "Dá", "NUL in the text"),
    with_text("Content-Type: text/plain; charset=utf-8\n", "ééé".encode()[:-1], "éé\ufffd", "a cut last character", "partial"),
    with_text("Content-Type: text/plain charset=utf-8\n", b"Dag", "Dag", "a forgotten semicolon"),
    with_text("Content-Type: tekst\n", b"Dag", "Dag", "a type that is no type"),
]

TRANSFER = [
    with_text("Content-Transfer-Encoding: base64\n", b"RGFn", "Dag", "base64"),
    with_text("Content-Transfer-Encoding: base64\n", b"RGFnLCB3aWUg!aXMgZGFhcj8=", "Dag, wie is daar?", "a foreign character in base64"),
    with_text("Content-Transfer-Encoding: base64\n", b"RGFnIQ", "Dag!", "base64 without padding"),
    with_text("Content-Transfer-Encoding: base64\n", b"RA==\r\nYWc=", "Dag", "two runs of base64"),
    with_text("Content-Transfer-Encoding: base64\n", b"Dit is gewoon leesbare tekst.", "Dit is gewoon leesbare tekst.",
              "text called base64", "partial"),
    with_text("Content-Transfer-Encoding: quoted-printable\n", b"D=61g =\r\nNoor =ZZ", "Dag Noor =ZZ", "broken quoted-printable"),
    with_text("Content-Transfer-Encoding: raar\n", b"Dag", "Dag", "an encoding that nobody knows", "partial"),
    Awkward("a uuencoded file in the text", mail(HEAD + "\nDag\nbegin 644 brief.txt\n#1&%G\nend\n"), text="Dag",
            files=(("brief.txt", b"Dag"),)),
]  # fmt: skip

STRUCTURES = [
    Awkward("text and HTML", parts(PLAIN, "Content-Type: text/html\n\n<p>Daag", kind="alternative"), text="Dag", files=()),
    Awkward("empty text and HTML", parts("\n\n", "Content-Type: text/html\n\n<p>Daag", kind="alternative"), text="Daag"),
    Awkward("text, picture, text", parts(PLAIN, PDF, PLAIN), text="Dag\n\nDag", files=(("brief.pdf", b"%PDF"),)),
    Awkward("a boundary that is never closed", parts(PLAIN, PDF, end=""), text="Dag", files=(("brief.pdf", b"%PDF"),),
            status="partial"),
    Awkward("a boundary that is not said", mail(f"{HEAD}Content-Type: multipart/mixed\n\n--y\n{PLAIN}\n--y--\n"), text="Dag",
            status="partial"),
    Awkward("a boundary that does not occur", mail(f"{HEAD}Content-Type: multipart/mixed; boundary=q\n\nDag\n"), text="Dag",
            status="partial"),
    Awkward("a part without headers", parts("\nDag"), text="Dag"),
    Awkward("a part without a blank line", parts("Dag\n\nNoor"), text="Dag\n\nNoor"),
    Awkward("a nested message", parts(PLAIN, "Content-Type: message/rfc822\n\nSubject: y\n\nandere"), text="Dag",
            files=(("bijlage-1.eml", b"Subject: y\r\n\r\nandere"),)),
    Awkward("an invitation", parts(PLAIN, "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"), text="Dag",
            files=(("bijlage-1.ics", b"BEGIN:VCALENDAR"),)),
    Awkward("winmail.dat", parts(PLAIN, "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"), text="Dag",
            files=(("winmail.dat", b"x"),), status="partial"),
    Awkward("an encrypted mail", parts("Content-Type: application/octet-stream; name=a.asc\n\nx", kind="encrypted"), text="",
            files=(("a.asc", b"x"),), status="partial"),
    Awkward("an AMP version", parts(PLAIN, "Content-Type: text/x-amp-html\n\n<html>", kind="alternative"), text="Dag", files=()),
    Awkward("a multipart that is base64", mail(f"{HEAD}Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n\n")
            + b64encode(mail(f"--x\n{PLAIN}\n--x--")), text="Dag"),
    Awkward("only a file", mail(f"{HEAD}{NAMED.format('filename=a.pdf')}"), text="", files=(("a.pdf", b"%PDF"),)),
    Awkward("a thousand nested parts", mail(HEAD + "".join(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n"
            for i in range(1000)) + "\nDag"), subject="Vraag", status="partial"),
    Awkward("a thousand nested messages", mail(HEAD + "Content-Type: message/rfc822\n\n" * 1000 + "Dag"), subject="Vraag"),
    Awkward("two thousand parts", parts(*["\nDag"] * 2000), subject="Vraag", status="partial"),
]  # fmt: skip

NAMES = [
    with_file_name("filename*=utf-8''%e2%82%ac.pdf", "€.pdf", "a file name of RFC 2231"),
    with_file_name("filename*0=lan; filename*1=g.pdf", "lang.pdf", "a file name in pieces"),
    with_file_name("filename*0*=utf-8''%c3; filename*1*=%a9.pdf", "é.pdf", "a character cut between pieces"),
    with_file_name('filename="=?utf-8?q?=C3=A9?=.pdf"', "é.pdf", "an encoded word as file name"),
    with_file_name('filename="../../etc/passwd"', "passwd", "a path upwards"),
    with_file_name('filename="C:\\\\Users\\\\noor\\\\brief.pdf"', "brief.pdf", "a path of Windows"),
    with_file_name('filename=""', "bijlage-1.pdf", "an empty file name"),
    with_file_name('filename="..."', "bijlage-1.pdf", "a file name of dots"),
    with_file_name('filename="a\u202efdp.exe"', "afdp.exe", "a file name that turns around"),
    with_file_name('filename="' + "a" * 500 + '.pdf"', "a" * 188 + ".pdf", "a very long file name"),
    Awkward("the same file name twice", parts(PDF, PDF), files=(("brief.pdf", b"%PDF"), ("brief (2).pdf", b"%PDF"))),
]


def html(body: str, text: str, name: str) -> Awkward:
    """Make a mail of HTML."""
    return with_text("Content-Type: text/html; charset=utf-8\n", body.encode(), text, name)


HTML = [
    html("<p>Dag &eacute;&#8364;&#xD800;</p><p>Noor</p>", "Dag é€\ufffd\n\nNoor", "paragraphs and entities"),
    html("Dag<style>p{}</style><script>alert('<p>')</script> Noor", "Dag Noor", "style and script"),
    html("<style>p{} Dag", "p{} Dag", "a style that never ends"),
    html("<!-- weg -->Dag<!-- Noor", "Dag Noor", "a comment that never ends"),
    html("a < b en 3<4 <3", "a < b en 3<4 <3", "less than"),
    html("Dag<p title='>'>Noor<br>x", "Dag\n\nNoor\nx", "a bracket in an attribute"),
    html("<ul><li>een<li>twee</ul>na", "- een\n- twee\n\nna", "a list"),
    html("Ja<blockquote>oud<blockquote>ouder</blockquote></blockquote>", "Ja\n\n> oud\n\n> > ouder", "quotes stay visible"),
    html(
        "<a href='https://example.be/a'>hier</a> <a href='javascript:x()'>niet</a>", "hier <https://example.be/a> niet", "links"
    ),
    html("<pre>a\n  b</pre>", "a\n  b", "preformatted text"),
    html("<div>" * 200_000 + "diep", "diep", "200,000 levels"),
    html("<![if mso]>Dag<![endif]>", "Dag", "conditional sections"),
    html("<a " * 100_000, "<a " * 99_999 + "<a", "100,000 tags that never end"),
    html("<!--" * 100_000 + "Dag", "Dag", "100,000 comments that never end"),
    with_text("Content-Type: text/html\n", b"<meta charset=iso-8859-15><p>\xa4", "€", "a charset in the document"),
    with_text("", b"<!DOCTYPE html><p>Dag", "Dag", "HTML that does not say so"),
]

ALL = [*HEADERS, *LINES, *CHARSETS, *TRANSFER, *STRUCTURES, *NAMES, *HTML]
