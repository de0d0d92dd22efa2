"""What fuzzed mails are made of: the awkward corpus, and pieces that parsers stumble over."""

from typing import Final

from tests.unit.mail_ingest import signatures, winmails
from tests.unit.mail_ingest.corpus import ALL

LARGEST: Final = 20_000

WINMAIL: Final = winmails.winmail(
    winmails.message(winmails.of_any_size(winmails.BODY, winmails.TEXT, b"Dag\0")),
    winmails.file("a.txt", b"inhoud", winmails.of_any_size(winmails.LONG_NAME, winmails.UNICODE, "één.txt".encode("utf-16-le"))),
    winmails.nested("oud", winmails.winmail(winmails.file("b.txt", b"b"))),
)
RICH: Final = winmails.winmail(
    winmails.message(
        winmails.of_any_size(winmails.RICH, winmails.BINARY, winmails.compressed(b"{\\rtf1 Dag\\par \\u8364?{\\*\\x y}}"))
    )
)

SIGNED: Final = signatures.in_pieces(
    b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nDag\r\n", b"--y\r\n\r\nNoor\r\n--y--"
)

CORPUS: Final = [case.raw for case in ALL if len(case.raw) <= LARGEST] + [
    b"From: a@b.be\r\nContent-Type: %b\r\n\r\n%b" % (kind, content)
    for kind, content in (
        (b"application/ms-tnef; name=winmail.dat", WINMAIL),
        (b"application/ms-tnef; name=winmail.dat", RICH),
        (b"application/pkcs7-mime; name=smime.p7m", SIGNED),
    )
]

BITS: Final = [
    b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b$B", b"\x1b(B", b"--x\r\n", b"--x--\r\n", b"\r\n\r\n", b"--",
    b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Type: multipart/alternative; boundary=x\r\n", b"Content-Type: text/html\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: text/calendar\r\n", b"Content-Type: application/ms-tnef\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n",
    b'Content-Disposition: attachment; filename="', b"filename*0*=utf-8''", b"From: ", b"Subject: ", b"Date: ", b"=?utf-8?b?", b"=?utf-8?q?", b"?=",
    b"=?iso-2022-jp?b?", b"charset=utf-7", b"charset=utf-16", b"charset=gb2312", b"charset=iso-2022-jp", b"charset=", b"<a@b>", b"(", b")", b'"', b"\\", b";",
    b",", b":", b"<", b">", b"@", b"<p", b"<div>", b"</div>", b"<a href='https://x'>", b"<img src=//x>", b"<!--", b"<style>", b"&#xD800;", b"&#x110000;", b"&amp",
    b"data:image/png;base64,AAAA", b"begin 644 x\r\n", b"end\r\n", b"=ybegin line=1 size=1 name=x\r\n", b"=yend size=1\r\n", b"+2AA-", "\u202e".encode(),
    b"BEGIN:VEVENT\r\nSUMMARY:", b"-----BEGIN PGP MESSAGE-----", b"PK\x03\x04\x00\x00\x01\x00", b"MZ", b"\x78\x9f\x3e\x22", b"A" * 300, b" " * 300, b"(" * 300,
]  # fmt: skip
