"""The points that the test mails of other mail parsers make, in mails of our own words, with what their makers expect."""

from base64 import b64encode

from tests.unit.mail_ingest.awkward import (
    HEAD,
    PDF,
    PLAIN,
    Awkward,
    mail,
    parts,
    with_file_name,
    with_sender,
    with_subject,
    with_text,
)
from tests.unit.mail_ingest.corpus.python_suite import whole

HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Daag"
LETTER = "Dag Noor, hoe gaat het? Ik schrijf je een lange brief."


def with_encoding(encoding: str, body: bytes, text: str, name: str, status: str = "complete") -> Awkward:
    """Make a mail with one special Content-Transfer-Encoding."""
    return with_text(f"Content-Transfer-Encoding: {encoding}\n", body, text, f"mail (Ruby): an encoding {name}", status)


def in_charset(charset: str, text: str, codec: str) -> Awkward:
    """Make a mail in a charset under one of the names that it has in the world."""
    name = f"a charset that is called {charset}"
    return with_text(f"Content-Type: text/plain; charset={charset}\n", text.encode(codec), text, name)


ENCODINGS = [
    with_encoding("7-bit", b"Dag", "Dag", "with a dash"),
    with_encoding("8bits", b"Dag", "Dag", "in the plural"),
    with_encoding("plain", b"Dag", "Dag", "that is none"),
    with_encoding("", b"Dag", "Dag", "that is empty"),
    with_encoding("7bit (gewoon)", b"Dag", "Dag", "with a comment"),
    with_encoding("text/html", b"Dag", "Dag", "that is a type", "partial"),
    with_encoding("quoted printable", b"Dag =3D", "Dag =", "with a space"),
    with_encoding("Quoted-Printable;", b"Dag =3D", "Dag =", "with a semicolon"),
    with_encoding("base-64", b"RGFn", "Dag", "in three words"),
    with_encoding("base64 charset=utf-8", b"RGFn", "Dag", "that runs on"),
    with_encoding("x-base64, base64", b"RGFn", "Dag", "said twice"),
    with_text(
        "Content-Transfer-Encoding: base64\n",
        b64encode(LETTER.encode()) + b"\r\n\r\n____\r\nLijst van mails\r\nhttps://example.be/lijst",
        LETTER,
        "Mailman: a footer below base64",
        "partial",
    ),
    with_text("Content-Transfer-Encoding: quoted-printable\n", b"Een=0D=0ATwee", "Een\nTwee", "mail (Ruby): encoded line ends"),
    with_text("Content-Transfer-Encoding: quoted-printable\n", b"een=\rtwee\r\ndrie", "eentwee\ndrie", "a bare carriage return in quoted-printable"),
    with_text("Content-Transfer-Encoding: quoted-printable\n", b"x?ie=UTF8&psc=1\r\n!", "x?ie=UTF8&psc=1\n!", "enmime: a link in quoted-printable"),
    with_text("Content-Transfer-Encoding: base64\n", b"SGVsbG8gV29ybGQhA", "Hello World!", "enmime: one sign of base64 too many"),
    with_text("Content-Transfer-Encoding: base64\n", b"ploozdect  nispplul\r\nsnoondshin noonskunk", "ploozdect  nispplul\nsnoondshin noonskunk", "enmime: words called base64", "partial"),
]  # fmt: skip

TYPES = [
    Awkward("MIME::tools (Perl): two semicolons", whole("Content-Type: multipart/alternative; ; ; boundary=foo", "--foo\n\nDag\n--foo--"), text="Dag"),
    Awkward("mail (Ruby): line ends written out", whole("Content-Type: text/html Content-Transfer-Encoding: 8bit\\r\\n", "<p>Dag"), text="Dag"),
    Awkward("mail (Ruby): two types, the second is plain", whole("Content-Type: multipart/alternative; boundary=x\nContent-type: text/plain", f"--x\n{PLAIN}\n--x\n{HTML}\n--x--"), text="Dag"),
    Awkward("mail (Ruby): a disposition that is an encoded word", whole("Content-Type: text/html\nContent-Disposition: =?utf-8?Q?invalid?=", "<p>Dag"), text="Dag"),
    Awkward("mail (Ruby): parts and no body", whole("Content-Type: multipart/mixed; boundary=q", ""), text="", files=(), status="partial"),
    Awkward("mail (Ruby): a boundary beyond ASCII", whole('Content-Type: multipart/alternative; boundary="µx"', f"--µx\n{HTML}\n--µx--"), text="Daag"),
    Awkward("mail (Ruby): a boundary of bare signs", whole("Content-Type: multipart/alternative; boundary=----=_Next", f"------=_Next\n{HTML}\n------=_Next--"), text="Daag"),
    Awkward("mail-parser (Rust): a type with one word and parts", whole("Content-Type:multipart;boundary=b5", "--b5\n\nDag\n--b5--"), text="Dag"),
    Awkward("mail-parser (Rust): no semicolon before the boundary", whole('Content-Type: multipart/mixed\n\tboundary="b"', "--b\nContent-Type: image/png\nContent-Disposition: ;\n filename=i.png\n\nPNG\n--b--"),
            text="", files=(("i.png", b"PNG"),)),
    Awkward("MimeKit: a type with one word and a name", whole("Content-Type: application-x-gzip; name=document.xml.gz", "bla"), text="", files=(("document.xml.gz", b"bla"),)),
    Awkward("a picture without its kind", parts(PLAIN, "Content-Type: image; name=i.png\n\nPNG"), text="Dag", files=(("i.png", b"PNG"),)),
    Awkward("a type with one word and a charset", mail(f"{HEAD}Content-Type: text; charset=iso-8859-2\n\n") + b"ja\xbc", text="jaź"),
    Awkward("spaces within the type", whole("Content-Type: text / html", "<p>Dag"), text="Dag"),
    Awkward("enmime: a type that ends badly", whole("Content-Type: text/plain>", "Dag"), text="Dag"),
    Awkward("enmime: nothing but a semicolon", whole('Content-Type: ;\n name=""\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n filename=""', ""), text="", files=()),
    Awkward("enmime: a quote that is not closed", whole('Content-Type: text/html; charset="UTF-8Return-Path: x@y\nX-A: b', "<p>Dag é"), text="Dag é"),
    Awkward("enmime: a charset that repeats its name", mail(f'{HEAD}Content-Type: text/plain; charset="charset=iso-8859-1"\n\n') + b"caf\xe9", text="café"),
    Awkward("an XML declaration", mail(f"{HEAD}Content-Type: text/html\n\n") + b'<?xml version="1.0" encoding="iso-8859-2"?><p>\xbc', text="ź"),
]  # fmt: skip

STRUCTURES = [
    Awkward("enmime: a final boundary like the others", parts(PLAIN, PDF, end="--x\n\n"), text="Dag", files=(("brief.pdf", b"%PDF"),), status="partial"),
    Awkward("mail-parser (Rust): a final boundary behind the text", parts("\nEen", "\nTwee--x--", end=""), text="Een\n\nTwee", status="partial"),
    Awkward("a final boundary behind base64", parts(PLAIN, f"{PDF}--x--", end=""), text="Dag", files=(("brief.pdf", b"%PDF"),), status="partial"),
    Awkward("mail-parser (Rust): lines like a boundary", parts("\nzie --x voor\n--xY is geen grens\nslot"), text="zie --x voor\n--xY is geen grens\nslot"),
    Awkward("mail-parser (Rust): no blank line before inner parts", parts("Content-Type: multipart/mixed; boundary=y\nMIME-Version: 1.0\n--y\nContent-Type: text/plain\n\nDag\n--y--"), text="Dag"),
    Awkward("enmime: no blank line before the parts", mail(
        f"{HEAD}Content-Type: multipart/alternative;\n boundary=x\nDit is een mail in delen.\n--x\nContent-Transfer-Encoding: quoted-printable\n\nDag =3D\n--x\n{HTML}\n--x--"), text="Dag ="),
    Awkward("Python: a boundary that begins with spaces", whole('Content-Type: multipart/mixed; boundary="    X"', f"--    X\n{PLAIN}\n--    X--"), text="Dag", status="partial"),
    Awkward("enmime: a first line that is indented", mail(" From: Noor <noor@example.be>\nSubject: Vraag\n\nDag"), sender="Noor", address="noor@example.be", text="Dag"),
    Awkward("enmime: a parameter that is not indented", parts(PLAIN, 'Content-Type: application/pdf; x-mode=0600;\nname="b.pdf"\nContent-Transfer-Encoding: base64\n\nJVBERg=='), text="Dag",
            files=(("b.pdf", b"%PDF"),)),
    Awkward("a boundary that is not indented", mail(f'{HEAD}Content-Type: multipart/mixed; \nboundary="_Part:1"\n\n--_Part:1\n{PLAIN}\n--_Part:1--'), text="Dag"),
    Awkward("enmime: a file without a type", parts(PLAIN, "Content-Disposition: attachment; filename=nota.txt\n\nNota", "Content-Disposition: inline\nContent-ID: <a@b>\n\nNog"), text="Dag\n\nNog",
            files=(("nota.txt", b"Nota"),)),
    Awkward("enmime: a text that is a file", whole("Content-Type: text/plain; name=t.csv\nContent-Disposition: attachment; filename=t.csv\nContent-Transfer-Encoding: base64", "RGFn"), text="",
            files=(("t.csv", b"Dag"),)),
    Awkward("a text that is attached without a name", whole("Content-Type: text/plain\nContent-Disposition: attachment", "Dag"), text="Dag", files=()),
    Awkward("enmime: a section without headers", parts("Content-Type: text/plain\n\nEen", "Ik heb geen kop\n", "Content-Type: text/plain\n\nTwee"), text="Een\n\nIk heb geen kop\n\nTwee"),
    Awkward("mail-parser (Rust): an attached mail that is none", parts(PLAIN, "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=b.eml\n\ngeen mail"), text="Dag",
            files=(("b.eml", b"geen mail"),)),
    Awkward("mail-parser (Rust): a picture as the other version", parts(PLAIN, "Content-Type: image/png\nContent-Disposition: inline; filename=v.png\n\nPNG", kind="alternative"), text="Dag",
            files=(("v.png", b"PNG"),)),
    Awkward("JavaMail: a root that is not the first", parts("Content-Type: image/png; name=i.png\n\nPNG", "Content-Type: text/html\nContent-ID: <r>\n\n<p>Daag", kind='related; start="<r>"'), text="Daag",
            files=(("i.png", b"PNG"),)),
    Awkward("MIME::tools (Perl): a file of an old Apple", parts(PLAIN, 'Content-Type: multipart/appledouble; boundary=y\n\n--y\nContent-Type: application/applefile; name="%i.jpg"\n\nA\n--y\nContent-Type: image/jpeg; name=i.jpg\n\nJ\n--y--'),
            text="Dag", files=(("%i.jpg", b"A"), ("i.jpg", b"J"))),
    Awkward("MimeKit: a report that says it before its parts", mail(f"{HEAD}Content-Type: multipart/report; boundary=x\n\nDe mail kwam niet aan.\n\n--x\nContent-Type: message/delivery-status\n\nAction: failed\n--x--"),
            text="De mail kwam niet aan.", files=(("bijlage-1.txt", b"Action: failed"),)),
    Awkward("php-mime-mail-parser: a uuencoded part", parts(PLAIN, "Content-Transfer-Encoding: uuencode\nContent-Type: application/octet-stream; name=a.txt\n\nbegin 644 a.txt\n#1&%G\n`\nend\n"), text="Dag",
            files=(("a.txt", b"Dag"),)),
    Awkward("php-mime-mail-parser: parts in quoted-printable", mail(f"{HEAD}Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: quoted-printable\n\n--x\n\nDag =3D\n--x--"), text="Dag =3D"),
    Awkward("mailparser (Node): nothing but a body", b"\r\n===", text="===", status="partial"),
    Awkward("mailparser (Node): a file and nothing else", whole("Content-Type: application/octet-stream\nContent-Transfer-Encoding: QUOTED-PRINTABLE\nContent-Disposition: attachment; filename*=\"UTF-8''%C3%95%C3%84\"", "=00=01"),
            text="", files=(("ÕÄ", b"\0\1"),)),
    Awkward("mail (Ruby): a picture that has a place", parts(PLAIN, "Content-Location: https://example.be/a/foto.jpg?x=1\nContent-Type: image/jpg\nContent-Disposition: \n\nJPG", kind="related"), text="Dag",
            files=(("foto.jpg", b"JPG"),)),
    Awkward("mail (Ruby): words before the name of a header", mail("From: a@b.be\nwel Delivered-To: x@y.be\nSubject: Vraag\n\nDag"), subject="Vraag", text="Dag"),
    Awkward("imap (PHP): a blank line below the headers of a relay", mail("Received: x\nResent-From: <p@b.be>\n\nFrom: =?X-IAS-German?B?bXlHb3Y=?=<info@b.be>\nSubject: =?X-IAS-German?B?U3VibWl0?=\nContent-Type: text/html\n\n<p>Dag"),
            subject="Submit", sender="myGov", address="info@b.be", text="Dag"),
    Awkward("a mail that was saved in two bytes a sign", f"{HEAD}\nDag é".encode("utf-16"), subject="Vraag", address="noor@example.be", text="Dag é"),
    Awkward("bare carriage returns that a relay ended", f"{HEAD}\nDag\nNoor".replace("\n", "\r").encode() + b"\r\n", subject="Vraag", text="Dag\nNoor"),
    Awkward("words that say that there are parts", mail(f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\nThis is a multi-part message in MIME format.\n--x\n{PDF}\n--x--"), text="",
            files=(("brief.pdf", b"%PDF"),)),
    Awkward("uuencode that lost its last sign", mail(f"{HEAD}\nDag\nbegin 644 a.txt\n#1&%G\n\nend\n"), text="Dag", files=(("a.txt", b"Dag"),)),
    Awkward("mailparse (PHP): an empty uuencoded file", mail(f"{HEAD}\nbegin 644 .profile\n#1&%G\n`\nend\nbegin 644 .leeg\n`\nend\n"), text="", files=(("profile", b"Dag"), ("leeg", b""))),
    Awkward("a blank line with a space in it", mail("From: a@b.be\nSubject: Vraag\n \nDag\n\nNoor"), subject="Vraag", text="Dag\n\nNoor"),
]  # fmt: skip

FILES = [
    with_file_name("filename*0*=euc-kr''%C7%D1%B1%B9%20%C6%C4%C0; filename*1*=%CF%2Epdf", "한국 파일.pdf", "enmime: a Korean sign cut between pieces"),
    with_file_name("filename*0*=\"''This%20is%20\"; filename*1*=\"%2A%2A\"; filename*2=\" not.pdf\"", "This is  not.pdf", "Python: pieces without a charset"),
    with_file_name("filename*0*=us-ascii'en-us'Frank's; filename*1*=\" Doc.pdf\"", "Frank's Doc.pdf", "Python: an apostrophe in pieces"),
    with_file_name("filename*0=\"Frank's\"; filename*1=\" Doc.pdf\"", "Frank's Doc.pdf", "Python: an apostrophe without a charset"),
    with_file_name("filename*1*=utf-8''caf%C3%A9; filename*2*=.pdf", "café.pdf", "pieces that count from one"),
    with_file_name('filename*0="=?utf-8?B?w6nD"; filename*1="qS5wZGY=?="', "éé.pdf", "an encoded word cut in pieces"),
    with_file_name("filename=x.pdf; filename*1=foo; filename*2=bar", "x.pdf", "Thunderbird: pieces without the first"),
    with_file_name("filename*0=een; filename*1=.pdf; filename*0=fout", "een.pdf", "Thunderbird: a piece twice"),
    with_file_name("filename=x; filename*=UTF-8''heel.pdf; filename*0=stuk; filename*1=.pdf", "heel.pdf", "Thunderbird: a name whole and in pieces"),
    with_file_name("filename=x; filename*0*=UTF-8''0.pdf; filename*1a=1; filename*-1=1", "0.pdf", "Thunderbird: pieces that are not numbered"),
    with_file_name("filename*=%C3%A9.pdf", "é.pdf", "percent signs without a charset"),
    with_file_name('filename="hello;world;test.pdf"', "hello;world;test.pdf", "mailparser (Node): semicolons in the name"),
    with_file_name('filename="a.pdf"; filename="b.pdf"', "a.pdf", "enmime: two names"),
    with_file_name('\n filename=\n  "a.pdf"', "a.pdf", "a name that is folded before it begins"),
    with_file_name('filename="=?UTF-8?b?S29udG91dApCZWRyaWZ0LnBkZg==?="; size=3', "Kontout Bedrift.pdf", "php-mime-mail-parser: a line end in the name"),
    with_file_name("filename*=ISO-2022-JP'ja'%1B%24B%46%7C%4B%5C%1B%28B.pdf", "日本.pdf", "a Japanese name of RFC 2231"),
    with_file_name(
        "filename*0*=utf-8''Bevestiging-%20Voorwaarden%2C%20L%C3%BC; filename*1*=" + "x" * 100 + "; filename*2*=.pdf",
        f"Bevestiging- Voorwaarden, Lü{'x' * 100}.pdf",
        "imap (PHP): a name as long as a sentence",
    ),
    with_file_name("filename=Dit is een test.pdf", "Dit is een test.pdf", "mail (Ruby): spaces without quotes"),
    Awkward("a name where the type has none", parts(PLAIN, "Content-Type: application/pdf; filename=x.pdf\n\n%PDF"), files=(("x.pdf", b"%PDF"),)),
    Awkward("a name and no disposition", parts(PLAIN, 'Content-Type: application/pdf\nContent-Disposition: filename="x.pdf"\n\n%PDF'), files=(("x.pdf", b"%PDF"),)),
    Awkward("a disposition without its semicolon", parts(PLAIN, 'Content-Type: text/plain\nContent-Disposition: attachment filename="x.txt"\n\nx'), text="Dag", files=(("x.txt", b"x"),)),
    Awkward("enmime: a raw Chinese name", parts(PLAIN, "Content-Type: application/msword;\n\tname=管理.doc\nContent-Disposition: attachment;\n\tfilename=管理.doc\n\nDOC"), files=(("管理.doc", b"DOC"),)),
]  # fmt: skip

SENDERS = [
    with_sender("=?utf-8?Q?re=3AStore=20?=\r\n =?utf-8?Q?Winkel?= <n@example.be>", "enmime: a colon in an encoded name", "re:Store Winkel", "n@example.be"),
    with_sender("Noor A <noor@example.be> Jan B <jan@example.be>", "enmime: two senders without a comma", "Noor A", "noor@example.be"),
    with_sender("=?gb2312?B?086yyZjl?= user@example.be", "mailparser (Node): no angles behind a Chinese name", "游采樺", "user@example.be"),
    with_sender("=?utf-8?q?=40example.com?=@example.be", "mailparser (Node): an at sign hidden in the address", "@example.com@example.be"),
    with_sender("user%example.com@example.be", "mailparser (Node): a percent sign", "", "user%example.com@example.be"),
    with_sender("=?iso-8859-1?Q?B=FCrling,=20Andreas?= <s@example.be>", "Zammad: a bare comma in an encoded name", "Bürling, Andreas", "s@example.be"),
    with_sender('"bertha\u3000mou" <z@example.be>', "Zammad: a wide space", "bertha\u3000mou", "z@example.be"),
    with_sender("Noor <noor(haar (eigen) adres)@example.(en dit)be>", "MimeKit: comments within comments", "Noor", "noor@example.be"),
    with_sender("Noor <@a.be,,@b.be,,,@c.be:noor@example.be>", "MimeKit: an old route with holes", "Noor", "noor@example.be"),
    with_sender("Noor <noor@example.be.>", "MimeKit: a final dot in the angle", "Noor", "noor@example.be"),
    with_sender("伊昭傑@郵件.商務, x@example.be", "MimeKit: an address in Chinese", "", "伊昭傑@郵件.商務"),
    with_sender('"Noor Peeters <noor@example.be>', "a quote that is not closed", "Noor Peeters", "noor@example.be"),
    with_sender('"Firma=?utf-8?Q?_?=A.BE"=?utf-8?Q?_?=<noor@example.be>', "GMime: encoded words in quotes and behind them", "Firma A.BE", "noor@example.be"),
    with_sender("Noor Peeters, dr. in iets <noor@example.be>", "GMime: a bare comma in the name", "Noor Peeters, dr. in iets", "noor@example.be"),
    with_sender("undisclosed-recipients:", "GMime: a group that does not end", "undisclosed-recipients"),
    with_sender("Noor 't Kindt <noor@example.be>", "an apostrophe within a Flemish name", "Noor 't Kindt", "noor@example.be"),
    with_sender("'t Kindt <noor@example.be>", "a Flemish name that begins with an apostrophe", "'t Kindt", "noor@example.be"),
    with_sender("'Noor' via Lijst <lijst@example.be>", "Thunderbird: a name in quotes and more behind it", "'Noor' via Lijst", "lijst@example.be"),
    with_sender('=?UTF-8?Q?Noor_"Nono"?= <noor@example.be>', "GMime: quotes in an encoded word", 'Noor "Nono"', "noor@example.be"),
    with_sender("Noor \u00a0\u2003 Peeters <noor@example.be>", "Thunderbird: spaces of many kinds", "Noor Peeters", "noor@example.be"),
    with_sender("Noor < <noor@example.be>", "Thunderbird: an angle and another", "Noor", "noor@example.be"),
    with_sender("<noor@example.be>jan@example.be", "Thunderbird: an address behind the angle", "", "noor@example.be"),
    with_sender('Noor \\"Nono\\" Peeters <noor@example.be>', "mailparse (Rust): a nickname in quotes that are escaped", 'Noor "Nono" Peeters', "noor@example.be"),
    with_sender("Noor (een lief \\) mens) <noor@example.be>", "MimeKit: a bracket that is escaped in a comment", "Noor", "noor@example.be"),
    with_sender("EXAMPLE\\noor <noor@example.be>", "a name of a Windows domain", "EXAMPLE\\noor", "noor@example.be"),
    with_sender('\\"Noor\\" <noor@example.be>', "quotes that are escaped and not quoted", "Noor", "noor@example.be"),
    with_sender("Noor\\, P. <noor@example.be>", "a comma that is escaped and not quoted", "Noor, P.", "noor@example.be"),
    with_sender("Noor [noor@example.be]", "square brackets", "Noor", "noor@example.be"),
    with_sender("Noor: hoofd <noor@example.be>", "a colon in the name", "Noor: hoofd", "noor@example.be"),
    with_sender('"Mail Delivery System" <MAILER-DAEMON>', "Sisimai: a machine without a host", "Mail Delivery System"),
    with_sender("Noor <mailto:noor@example.be?subject=x>", "a link with a subject", "Noor", "noor@example.be"),
    with_sender("noor@example.be;jan@example.be", "a semicolon between two", "", "noor@example.be"),
    with_sender('"noor..p"@docomo.ne.jp', "mail (Ruby): two dots of a Japanese phone", "", "noor..p@docomo.ne.jp"),
    Awkward("Zammad: an address to answer and none to come from", mail('From: "Noor" <>\nReply-To: <noor@example.be>\n\nDag'), sender="Noor", address="noor@example.be"),
    Awkward("an envelope and no letterhead", mail("Return-Path: <noor@example.be>\nSubject: x\n\nDag"), sender="", address="noor@example.be"),
]  # fmt: skip

SUBJECTS = [
    with_subject("=?NONE?B?VEVTVA=?=", "TEST", "mail (Ruby): a charset that is none and too little padding"),
    with_subject("=?UTF-8?B?YSA=?=\r\n =?UTF-8?Q?91?=\r\n =?UTF-8?B??=\r\n ", "a 91", "mail (Ruby): an empty encoded word at the end"),
    with_subject("=?utf-8?B?w6k=\r\n w6k=?=", "éé", "a fold within base64"),
    with_subject("=?utf-8?Q?een\r\n twee?=", "een twee", "a fold within quoted-printable"),
    with_subject("=?utf-8?Q?caf=C3=A?= =?utf-8?Q?9?=", "café", "GMime: quoted-printable cut within a byte"),
    with_subject("=?utf-8?b?w6?= =?utf-8?b?nDqQ==?=", "éé", "GMime: base64 cut within a byte"),
    with_subject("=?utf-8?b?w6k?= =?utf-8?b?w6k=?=", "éé", "base64 without padding, twice"),
    with_subject("=?utf-8?q?OT_-_ich_?==?iso-8859-1?b?d2Vp3yw=?= trotz", "OT - ich weiß, trotz", "GMime: encoded words that touch"),
    with_subject("=?utf-8?Q?een\r\ntwee?=", "eentwee", "an encoded word that goes on without a space"),
    with_subject("=?us-ascii?B?Y=WJj==ZA==?=", "abcd", "Thunderbird: padding where none belongs"),
    with_subject("=?us-ascii?B?YWJjZA======?=", "abcd", "Thunderbird: too much padding"),
    with_subject("=?UTF-8?B?Q29uc2lndW Ug?= =?windows-1252?B?ZX N 0ZQ==?=", "Consigue este", "Thunderbird: spaces in base64"),
    with_subject("=?us-ascii?Q?=3D=3FUTF-8=3FQ=3Ff=3DC3=3DBCr=3F=3D?=", "=?UTF-8?Q?f=C3=BCr?=", "Thunderbird: an encoded word that is encoded"),
    with_subject("=?us-ascii?Q?caf=C3=A9?=", "café", "an encoded word called ASCII"),
    with_subject("blurdy =??q?no_charset?= beep", "blurdy =??q?no_charset?= beep", "MimeKit: an encoded word without a charset"),
    with_subject(
        "=?ISO-2022-JP?B?GyRCIXlCaBsoQjEzMhskQjlmISEhViUsITwlRyVzGyhCJhskQiUoJS8lOSVGJWolIiFXGyhC?=",
        "☆第132号\u3000「ガーデン&エクステリア」",
        "imap (PHP): a Japanese subject that changes its signs often",
    ),
    with_subject("=?hz-gb-2312?Q?=7E=7B=44=63=7E=7D?=", "你", "a Chinese subject of seven bits"),
    with_subject("=?iso-2022-kr?B?GyQpQw4+SDNnDw==?=", "안녕", "a Korean subject of seven bits"),
    with_subject(b"=?iso-8859-1?Q?\xe9?=", "é", "raw bytes in an encoded word"),
]  # fmt: skip

CHARSETS = [
    with_text(
        "Content-Type: text/plain; charset=utf-16\n",
        "Dag é".encode("utf-16") + b"\n",
        "Dag é\ufffd",
        "half a sign of two bytes",
        "partial",
    ),
    in_charset("win-1257", "ÕÄÖÜ", "cp1257"),
    in_charset("iso-UTF-8", "é", "utf-8"),
    in_charset("x-cp1251", "Привет", "cp1251"),
    in_charset("windows1251", "Привет", "cp1251"),
    in_charset("x-windows-949", "안녕", "cp949"),
    in_charset("dos-862", "שלום", "cp862"),
    in_charset("cp-850", "café", "cp850"),
    in_charset("x-iso-8859-2", "źle", "iso8859_2"),
    in_charset("iso-8859-1-windows-3.1-latin-1", "café", "cp1252"),
    in_charset("x-mac-ce", "źle", "mac_latin2"),
    in_charset("x-euc-jp", "こんにちは", "euc_jp"),
    in_charset("x-shift-jis", "こんにちは", "cp932"),
    in_charset("x-x-big5", "你好", "cp950"),
    in_charset("cn-gb", "你好", "gb2312"),
    in_charset("visual", "שלום", "iso8859_8"),
]

PARSERS = [*ENCODINGS, *TYPES, *STRUCTURES, *FILES, *SENDERS, *SUBJECTS, *CHARSETS]
