"""The structures that CPython's own mail tests are about, in words of our own, with what a reader would see."""

from base64 import b64encode

from tests.unit.mail_ingest.awkward import HEAD, PLAIN, Awkward, mail, parts

GIF = "GIF89a"
IMAGE = f"Content-Type: image/gif; name=vis.gif\nContent-Transfer-Encoding: base64\n\n{b64encode(GIF.encode()).decode()}"
NESTED = "Content-Type: message/rfc822\n\nFrom: x@example.be\nSubject: oud\n\nOud"
EML = ("bijlage-1.eml", b"From: x@example.be\r\nSubject: oud\r\n\r\nOud")


def whole(headers: str, body: str) -> bytes:
    """Write a mail with these headers beside the usual ones."""
    return mail(f"{HEAD}MIME-Version: 1.0\n{headers}\n\n{body}")


def nested(outer: str, inner: str, *bodies: str) -> bytes:
    """Write a multipart within a multipart."""
    inside = "".join(f"--y\n{body}\n" for body in bodies)
    return parts(f"Content-Type: multipart/{inner}; boundary=y\n\n{inside}--y--", kind=outer)


PYTHON = [
    Awkward("name in a comment", mail("From: noor@example.be (Noor P. Peeters)\nSubject: Vraag\n\nDag"), sender="Noor P. Peeters"),
    Awkward("a digest within a mail", parts(PLAIN, "Content-Type: multipart/digest; boundary=y\n\n--y\n\nSubject: a\n\nA\n--y\n\nSubject: b\n\nB\n--y--", PLAIN),
            text="Dag\n\nDag", files=(("bijlage-1.eml", b"Subject: a\r\n\r\nA"), ("bijlage-2.eml", b"Subject: b\r\n\r\nB"))),
    Awkward("named texts inside", parts("Content-Disposition: inline; filename=a.txt\n\nEen", "Content-Disposition: inline; filename=a.txt\n\nTwee"),
            text="Een", files=(("a.txt", b"Twee"),)),
    Awkward("a report without a type", parts("\n\nMislukt", "\nReden", NESTED, kind="report; report-type=delivery-status"),
            text="Mislukt\n\nReden", files=(EML,)),
    Awkward("nothing but a forwarded mail", whole("Content-Type: message/rfc822\nContent-Description: forwarded", EML[1].decode().replace("\r", "")),
            text="", files=(EML,)),
    Awkward("text and a picture", parts(PLAIN, IMAGE), text="Dag", files=(("vis.gif", b"GIF89a"),)),
    Awkward("empty texts in four charsets", parts(*(f"Content-Type: text/plain; charset={name}\n\n" for name in ("us-ascii", "iso-8859-1", "iso-8859-2", "koi8-r"))),
            text="", files=()),
    Awkward("texts in every transfer encoding", parts(
        "Content-Transfer-Encoding: 7bit\n\nzeven", "Content-Transfer-Encoding: quoted-printable\n\ngeq=\nuoot =E2=82=AC", "Content-Transfer-Encoding: Base64\n\nYmFzZTY0",
        "Content-Transfer-Encoding: 8bit\n\nacht", "Content-Transfer-Encoding: x-uuencode\n\nbegin 666 -\n#=74*\n \nend"),
        text="zeven\n\ngequoot €\n\nbase64\n\nacht\n\nuu"),
    Awkward("a mail in a mail in a mail", whole("Content-Type: message/rfc822", "Subject: b\nContent-Type: message/rfc822\n\nSubject: c\n\nC"), text="",
            files=(("bijlage-1.eml", b"Subject: b\r\nContent-Type: message/rfc822\r\n\r\nSubject: c\r\n\r\nC"),)),
    Awkward("text, then a group of text and picture", parts("Content-Type: text/plain\n\nEen", "Content-Type: multipart/mixed; boundary=y\n\n--y\n\nTwee\n--y\n" + IMAGE + "\n--y--"),
            text="Een\n\nTwee", files=(("vis.gif", b"GIF89a"),)),
    Awkward("a type with one word", whole("Content-Type: text", "Dag"), text="Dag"),
    Awkward("a delivery report", parts("\nMislukt", "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x", NESTED, kind="report; report-type=delivery-status"),
            text="Mislukt", files=(("bijlage-1.txt", b"Reporting-MTA: dns; x"), ("bijlage-2.eml", EML[1]))),
    Awkward("parts that are announced and not there", whole("Content-Type: multipart/mixed; boundary=nergens", "Dag\n\nNoor"), text="Dag\n\nNoor", status="partial"),
    Awkward("a digest whose headers are missing", mail("Lijst van mails\n\n--__--__--\n\nBericht 1"), text="Lijst van mails\n\n--__--__--\n\nBericht 1", status="partial"),
    Awkward("text before and behind the parts", whole("Content-Type: multipart/mixed; boundary=x", "Vooraf\n--x\n\nEen\n--x\n\nTwee\n--x--\nAchteraf"), text="Een\n\nTwee"),
    Awkward("two pictures called program", parts("\nDag", "Content-Type: application/octet-stream; name=A.JPG\n\n1", "Content-Type: application/octet-stream; name=B.JPG\n\n2"),
            text="Dag", files=(("A.JPG", b"1"), ("B.JPG", b"2"))),
    Awkward("a part with nothing in it", parts(""), text="", files=()),
    Awkward("a report without a boundary", whole("Content-Type: multipart/report", "--q\nContent-Type: text/plain\n\nTe veel omwegen\n--q--"), text="Te veel omwegen", status="partial"),
    Awkward("a picture of a strange type", parts("\nDag", 'Content-Type: application/riscos; name="clock.bmp,69c"; type=BMP; access="r"\n\nBM'),
            text="Dag", files=(("clock.bmp,69c", b"BM"),)),
    Awkward("a subject folded at every word", mail("From: a@b.be\nSubject: een\n twee\n\tdrie\n\nDag"), subject="een twee drie"),
    Awkward("a digest of two", parts("Content-Type: message/rfc822\n\nSubject: a\n\n1", "\nSubject: b\n\n2", kind="digest"), text="",
            files=(("bijlage-1.eml", b"Subject: a\r\n\r\n1"), ("bijlage-2.eml", b"Subject: b\r\n\r\n2"))),
    Awkward("a charset in pieces", whole("Content-Type: text/plain; charset*0*=us-ascii'en'utf; charset*1=\"-8\"", "Dag é"), text="Dag é"),
    Awkward("a multipart without a boundary", whole("Content-Type: multipart/mixed", "--BOUNDARY\nContent-Type: text/plain\n\nEen\n--BOUNDARY\nContent-Type: text/plain\n\nTwee\n--BOUNDARY--"),
            text="Een\n\nTwee", status="partial"),
    Awkward("a header of free words", mail(f'{HEAD}X-Oblique-Strategy: Make (a door\n into) a "window\n\nDag'), text="Dag"),
    Awkward("a signed mail", parts("\ndeel 1", "Content-Type: application/pgp-signature; name=signature.asc\n\nx", kind='signed; protocol="application/pgp-signature"'),
            text="deel 1", files=(("signature.asc", b"x"),)),
    Awkward("a text in a digest", parts("Content-Type: text/plain\n\nTekst", "\nSubject: a\n\n1", kind="digest"), text="Tekst",
            files=(("bijlage-1.eml", b"Subject: a\r\n\r\n1"),)),
    Awkward("no blank line before the text", mail("From: noor@example.be\nSubject: Vraag\nik schreef dit zonder lege regel\nen nog iets"), subject="Vraag",
            text="ik schreef dit zonder lege regel\nen nog iets"),
    Awkward("content elsewhere", parts("\nDag", "Content-Type: multipart/alternative; boundary=y\n\n--y\nContent-Type: message/external-body; access-type=anon-ftp; name=a.txt\n\nContent-Type: text/plain\n--y--"),
            text="Dag", files=(("a.txt", b"Content-Type: text/plain"),)),
    Awkward("texts of unknown kinds", parts("Content-Type: text/x-one\n\n1", "Content-Type: text/x-two\n\n2"), text="",
            files=(("bijlage-1", b"1"), ("bijlage-2", b"2"))),
    Awkward("an inner text that quotes the outer boundary", nested("mixed", "mixed", "\nkijk: --x staat hier", "\ntwee"), text="kijk: --x staat hier\n\ntwee"),
    Awkward("one boundary for two levels", parts("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nEen\n--x--\n--x\n\nTwee"), text="Een\n\nTwee", status="partial"),
    Awkward("a boundary that begins another", whole("Content-Type: multipart/mixed; boundary=x", "--x\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\n\nEen\n--xx--\n--x\n\nTwee\n--x--"),
            text="Een\n\nTwee"),
    Awkward("HTML with a boundary", whole('Content-Type: text/html; boundary="--96"', "<p>Dag"), text="Dag"),
    Awkward("a boundary that is cut by a comment", whole("Content-Type: multipart/alternative; (opmerking) boundary=x", "--x\n\nDag\n--x--"), text="Dag"),
    Awkward("a bounce that never says from whom", parts("\nGeblokkeerd", "Content-Type: message/delivery-status\n\nAction: failed", kind="report"), text="Geblokkeerd",
            files=(("bijlage-1.txt", b"Action: failed"),)),
    Awkward("headers of parts without a blank line", parts("Content-Type: text/plain\nbar", "Content-Type: text/html\n<p>baz"), text="bar\n\nbaz"),
    Awkward("a From line without an address", mail("From: foo\nSubject: bar\n\nDag"), sender="foo", address="", text="Dag"),
    Awkward("a forwarded mail with a file in it", parts("Content-Type: message/rfc822\n\nSubject: x\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\nDag\n--z--"),
            text="", files=(("bijlage-1.eml", b"Subject: x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\nDag\r\n--z--"),)),
    Awkward("only an encoded name", mail("From: =?utf-8?q?No=C3=B6r?= <noor@example.be>\nSubject: x\n\nDag"), sender="Noör", address="noor@example.be"),
    Awkward("white space between encoded words", mail("From: a@b.be\nSubject: =?utf-8?q?a?=\n =?utf-8?q?b?= c =?utf-8?q?d?=\n\nDag"), subject="ab c d"),
    Awkward("an encoded word in two charsets", mail("From: a@b.be\nSubject: =?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=\n\nDag"), subject="éé"),
    Awkward("a language in an encoded word", mail("From: a@b.be\nSubject: =?utf-8*nl?q?caf=C3=A9?=\n\nDag"), subject="café"),
    Awkward("a question mark in an encoded word", mail("From: a@b.be\nSubject: =?utf-8?Q?Wat nu??=\n\nDag"), subject="Wat nu?"),
    Awkward("an encoded word in the middle of a word", mail("From: a@b.be\nSubject: caf=?utf-8?q?=C3=A9?=s\n\nDag"), subject="cafés"),
    Awkward("base64 with lines of any length", whole("Content-Transfer-Encoding: base64", "RG\nFn\nIE\n5v\nb3I="), text="Dag Noor"),
    Awkward("quoted-printable with spaces at the ends", whole("Content-Transfer-Encoding: quoted-printable", "Dag  \nNoor=  \n!"), text="Dag  \nNoor!"),
]  # fmt: skip
