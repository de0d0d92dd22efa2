"""What broke Zammad, FreeScout, django-helpdesk, Chatwoot and LibreDesk, written down after their public reports."""

from base64 import b64encode

from tests.unit.mail_ingest.awkward import (
    HEAD,
    NAMED,
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

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
PICTURE = (
    f"Content-Type: image/png; name=foto.png\nContent-ID: <foto>\nContent-Transfer-Encoding: base64\n\n{b64encode(PNG).decode()}"
)
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Daag <img src=cid:foto></p>"
CALENDAR = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Gesprek\\, kort\nDTSTART;TZID=Europe/Brussels:20240101T100000\n"
    "DESCRIPTION:Kan dit\\nhier?\n en daar\nEND:VEVENT\nEND:VCALENDAR"
)
SAID = "Gesprek, kort\n20240101T100000\nKan dit\nhier?en daar"
ARMOUR = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----"

DEEP = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(33)) + "\nDag"
"""Parts within parts, more than are taken apart."""


def text_in(charset: str, text: str, codec: str, name: str) -> Awkward:
    """Make a mail in a charset of the world."""
    return with_text(f"Content-Type: text/plain; charset={charset}\n", text.encode(codec), text, name)


SENDERS = [
    with_sender('"Noor" <noor@example.be>, "Jan" <jan@example.be>', "two named senders", "Noor", "noor@example.be"),
    with_sender("noor@example.be <noor@example.be>", "an address as its own name", "", "noor@example.be"),
    with_sender("'noor@example.be' <noor@example.be>", "an address in single quotes as name", "", "noor@example.be"),
    with_sender('"noor@example.be"', "an address in quotes", "", "noor@example.be"),
    with_sender("<noor@example.be>", "an angle alone", "", "noor@example.be"),
    with_sender("Noor<noor@example.be>", "no space before the angle", "Noor", "noor@example.be"),
    with_sender("Noor <<noor@example.be>>", "two angles", "Noor", "noor@example.be"),
    with_sender("Noor Peeters noor@example.be", "no angles at all", "Noor Peeters", "noor@example.be"),
    with_sender("Noor [mailto:noor@example.be]", "an address in brackets", "Noor", "noor@example.be"),
    with_sender("Noor <mailto:noor@example.be>", "an address that is a link", "Noor", "noor@example.be"),
    with_sender("=?utf-8?q?Noor_=3Cnoor=40example=2Ebe=3E?=", "the whole sender encoded", "Noor", "noor@example.be"),
    with_sender("=?utf-8?b?Tm9vciA8bm9vckBleGFtcGxlLmJlPg==?=", "the whole sender in base64", "Noor", "noor@example.be"),
    with_sender('"=?utf-8?q?No=C3=B6r?=" <noor@example.be>', "an encoded word in quotes", "Noör", "noor@example.be"),
    with_sender('"Peeters | Noor" <noor@example.be>', "a bar in the name", "Peeters | Noor", "noor@example.be"),
    with_sender("Noor (zij/haar) <noor@example.be>", "a comment beside the name", "Noor", "noor@example.be"),
    with_sender("Noor via Lijst <lijst@example.be>", "a list in between", "Noor via Lijst", "lijst@example.be"),
    with_sender("Noor <@a.be,@b.be:noor@example.be>", "an old route", "Noor", "noor@example.be"),
    with_sender('"noor"@example.be', "a quoted local part", "", "noor@example.be"),
    with_sender('"noor peeters"@example.be', "a space in the local part", "noor peeters@example.be", ""),
    with_sender("noor@[192.0.2.1]", "a number as host", "", "noor@[192.0.2.1]"),
    with_sender("Noor <noor@[IPv6:2001:db8::1]>", "a long number as host", "Noor", "noor@[IPv6:2001:db8::1]"),
    with_sender("Noor < noor (zij) @ example . be >", "comments and spaces in the angle", "Noor", "noor@example.be"),
    with_sender("Noor <@oud.be: noor@example.be>", "a route with a space", "Noor", "noor@example.be"),
    with_sender("bank@example.com <x@example.be>", "another address as name", "bank@example.com", "x@example.be"),
    with_sender(
        '"Steun <bank@example.com>" <x@example.be>', "an address within the name", "Steun <bank@example.com>", "x@example.be"
    ),
    with_sender("(eerst) Noor <noor@example.be> (a,b)", "comments around", "Noor", "noor@example.be"),
    with_sender("noor@localhost", "a host without a dot", "", "noor@localhost"),
    with_sender("nöör@exämple.be", "an address beyond ASCII", "", "nöör@exämple.be"),
    with_sender("noor@example.be\r\n\t(Noor\r\n\tPeeters)", "a folded comment", "Noor Peeters", "noor@example.be"),
    with_sender("MAILER-DAEMON", "a machine without an address", "MAILER-DAEMON", ""),
    with_sender("Noor <noor@example.be>;", "a final semicolon", "Noor", "noor@example.be"),
    with_sender("undisclosed-recipients:;", "a group of nobody", "", ""),
    with_sender(",,, Noor <noor@example.be>", "commas first", "Noor", "noor@example.be"),
    with_sender(
        '"=?ISO-2022-JP?B?GyRCO3ZMMzZJGyhC==?="\r\n <noor@example.be>', "Japanese with odd padding", "事務局", "noor@example.be"
    ),
    with_sender('"oud" <power quadrant system@example.be>', "spaces in the address itself", "oud", ""),
    with_sender(
        "MAILER-DAEMON (Mail Delivery System) <postmaster@example.be>",
        "a machine with a comment",
        "MAILER-DAEMON",
        "postmaster@example.be",
    ),
    with_sender("Noor\u202egnp.exe <noor@example.be>", "a name that turns around", "Noor\u202egnp.exe", "noor@example.be"),
    Awkward("two From headers", mail("From: a@example.be\nFrom: b@example.be\nSubject: x\n\nDag"), address="a@example.be"),
    Awkward(
        "a raw 8-bit name", b"From: No\xebl <noor@example.be>\r\nSubject: x\r\n\r\nDag", sender="Noël", address="noor@example.be"
    ),
    Awkward("a raw UTF-8 name", "From: Noël <noor@example.be>\r\nSubject: x\r\n\r\nDag".encode(), sender="Noël"),
    Awkward(
        "a line break hidden in the name", mail("From: =?utf-8?q?N=0D=0ABcc=3A_x?= <noor@example.be>\n\nDag"), sender="N Bcc: x"
    ),
]

SUBJECTS = [
    with_subject(
        "=?ISO-2022-JP?B?GyRCMGxNdyFXJHIlIiVDJVckNyReJDkbKEI=?=", "一覧」をアップします", "a Japanese subject of a shop"
    ),
    with_subject("=?UTF-8?B?8J+YgCBoYWxsbw==?=", "😀 hallo", "an emoji"),
    with_subject("=?UTF-8?B?8J+Y?= =?UTF-8?B?gA==?=", "😀", "an emoji cut in two"),
    with_subject("=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①", "a sign that Japanese programs added"),
    with_subject("=?ks_c_5601-1987?B?vsiz5w==?=", "안녕", "a Korean subject"),
    with_subject("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет", "a Russian subject"),
    with_subject("=?koi8-r?B?8NLJ18XU?=", "Привет", "a Russian subject of old"),
    with_subject("=?big5?B?p0Gmbg==?=", "你好", "a Chinese subject"),
    with_subject("=?utf-8?q?Re:_[Ticket#123]?=", "Re: [Ticket#123]", "a number of somebody else's"),
    with_subject("=?utf-8?B?w6k", "=?utf-8?B?w6k", "an encoded word without an end"),
    with_subject("=?utf-8?X?abc?=", "=?utf-8?X?abc?=", "an encoding that is none"),
    with_subject("=?utf-8?B?!!!!?=", "", "an encoded word of rubbish"),
    with_subject("=?utf-8?Q?=ZZ=4?=", "=ZZ=4", "broken quoted-printable in the subject"),
    with_subject("=?UTF-8?Q?Vraag?=   =?UTF-8?Q?_twee?=", "Vraag twee", "spaces between encoded words"),
    with_subject("=?utf-8?q?a?==?utf-8?q?b?=", "ab", "encoded words without a space"),
    with_subject("  veel   ruimte  ", "veel   ruimte", "spaces around"),
    with_subject(b"\x1b$BF|K\\\x1b(B", "日本", "raw Japanese"),
    with_subject("x" * 2000, "x" * 998, "a subject beyond every limit"),
    with_subject("Vraag\u2028over", "Vraag over", "a line separator"),
    Awkward(
        "raw Russian in headers of a Russian mail",
        "From: Анна <a@example.be>\r\nSubject: Привет\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nДа".encode("koi8_r"),
        sender="Анна",
        subject="Привет",
        text="Да",
    ),
    Awkward(
        "raw Polish in headers above parts",
        parts("Content-Type: text/plain; charset=iso-8859-2\n\nja").replace(b"Vraag", "jaźń".encode("iso8859_2")),
        subject="jaźń",
        text="ja",
    ),
]

WORLD = [
    text_in("gb2312", "你好，世界", "gb18030", "Chinese"),
    text_in("big5", "你好", "cp950", "Chinese of Taiwan"),
    text_in("euc-kr", "안녕하세요", "cp949", "Korean of Unix"),
    text_in("shift_jis", "こんにちは①", "cp932", "Japanese of Windows"),
    text_in("euc-jp", "こんにちは", "euc_jp", "Japanese of Unix"),
    text_in("windows-1251", "Привет", "cp1251", "Russian"),
    text_in("koi8-r", "Привет", "koi8_r", "Russian of old"),
    text_in("iso-8859-2", "Zażółć gęślą", "iso8859_2", "Polish"),
    text_in("windows-1250", "Příliš žluťoučký", "cp1250", "Czech"),
    text_in("iso-8859-7", "Καλημέρα", "iso8859_7", "Greek"),
    text_in("iso-8859-8-i", "שלום", "iso8859_8", "Hebrew"),
    text_in("windows-1256", "مرحبا", "cp1256", "Arabic"),
    text_in("iso-8859-9", "Günaydın", "cp1254", "Turkish"),
    text_in("tis-620", "สวัสดี", "iso8859_11", "Thai"),
    text_in("windows-1258", "Chào", "cp1258", "Vietnamese"),
    text_in("macintosh", "café", "mac_roman", "a Macintosh of old"),
    text_in("utf-16", "Dag é", "utf_16", "UTF-16 with a mark"),
    text_in("utf-16le", "Dag é", "utf_16_le", "UTF-16 without a mark"),
    text_in("cp850", "café", "cp850", "DOS"),
    text_in('"utf-8"; format=flowed', "Dag é", "utf-8", "a quoted charset"),
    text_in("utf8", "Dag é", "utf-8", "a charset without its dash"),
    text_in("UTF-8, UTF-8", "Dag é", "utf-8", "a charset said twice"),
    text_in("utf-8 format=flowed", "Dag é", "utf-8", "a parameter without its semicolon"),
    text_in("=?utf-8?q?utf-8?=", "Dag é", "utf-8", "a charset in an encoded word"),
    text_in("iso-8859-1", "Dag é, € en één", "utf-8", "UTF-8 called Western"),
    text_in("gb2312", "你好世界", "utf-8", "UTF-8 called Chinese"),
    text_in("euc-kr", "안녕하세요", "utf-8", "UTF-8 called Korean"),
    text_in("ISO-2022-JP", "カテゴリ：全メンバー", "utf-8", "UTF-8 called Japanese"),
    text_in("iso-2022-jp", "こんにちは", "cp932", "Japanese of Windows called ISO-2022-JP"),
    with_text("Content-Type: text/plain; charset=utf-16\n", b"Dag", "Dag", "ASCII called UTF-16"),
    with_text("Content-Type: text/plain; charset=iso-2022-jp\n", b"\x1b$B-!9b\x1b(B", "①高", "Japanese beyond the standard"),
    with_text("Content-Type: text/plain; charset=gb2312\n", "你好你好你好你好".encode("gb18030") + b"\xff", "你好你好你好你好\ufffd", "damaged Chinese", "partial"),
    with_text("Content-Type: text/plain; charset=x-user-defined\n", b"Dag \x80", "Dag €", "a charset of a browser", "partial"),
    with_text("Content-Type: text/plain; charset=unknown-8bit\n", "Dag é".encode(), "Dag é", "an unknown charset"),
    with_text("Content-Type: text/plain; charset=utf-8\n", "e\u0301e\u0301n".encode(), "één", "accents by themselves"),
    with_text("Content-Type: text/plain; charset=utf-8\n", "Dag\u202e! \u2066x\u2069".encode(), "Dag\u202e! \u2066x\u2069", "text that turns around"),
]  # fmt: skip

FLOWED = "Content-Type: text/plain; charset=utf-8; format=flowed\n"
BROKEN = [
    with_text(FLOWED, b"Dit is een \r\nlange zin.\r\n\r\n Van \r\ndaag", "Dit is een lange zin.\n\nVan daag", "lines that flow"),
    with_text(FLOWED, b"Dag \r\n-- \r\nNoor", "Dag \n-- \nNoor", "a signature below a line that flows"),
    with_text(FLOWED, b"> Hoe \r\n> dan?\r\n>> Nee \r\nZo.", "> Hoe dan?\n>> Nee \nZo.", "quotes that flow"),
    with_text(FLOWED.replace("flowed", "Flowed; DelSp=Yes"), b"afge \r\nbroken", "afgebroken", "lines that flow within a word"),
]

STRUCTURES = [
    Awkward("pictures inside HTML", parts(HTML, PICTURE, kind="related"), text="Daag", files=(("foto.png", PNG),)),
    Awkward("a picture inside that has no disposition", parts(
        f"Content-Type: multipart/related; boundary=y\n\n--y\n{HTML}\n--y\n{PICTURE}\n--y--", PDF), text="Daag", files=(("foto.png", PNG), ("brief.pdf", b"%PDF"))),
    Awkward("text beside HTML with pictures", parts(
        PLAIN, f"Content-Type: multipart/related; boundary=y\n\n--y\n{HTML}\n--y\n{PICTURE}\n--y--", kind="alternative"), text="Dag", files=(("foto.png", PNG),)),
    Awkward("empty text beside HTML with pictures", parts(
        "\n \n", f"Content-Type: multipart/related; boundary=y\n\n--y\n{HTML}\n--y\n{PICTURE}\n--y--", kind="alternative"), text="Daag", files=(("foto.png", PNG),)),
    Awkward("a file within the HTML of an Apple", parts(
        PLAIN, f"Content-Type: multipart/mixed; boundary=y\n\n--y\nContent-Type: text/html\n\n<p>een\n--y\n{PDF}\n--y\nContent-Type: text/html\n\n<p>twee\n--y--", kind="alternative"),
        text="Dag", files=(("brief.pdf", b"%PDF"),)),
    Awkward("text, HTML and an invitation", parts(PLAIN, "Content-Type: text/html\n\n<p>Daag", f"Content-Type: text/calendar; method=REQUEST\n\n{CALENDAR}", kind="alternative"),
            text="Dag", files=(("bijlage-1.ics", mail(CALENDAR)),)),
    Awkward("nothing but an invitation", whole("Content-Type: text/calendar; charset=utf-8", CALENDAR), text=SAID, files=(("bijlage-1.ics", mail(CALENDAR)),)),
    Awkward("empty HTML beside text", parts(PLAIN, "Content-Type: text/html\n\n<html><body></body></html>", kind="alternative"), text="Dag"),
    Awkward("HTML before text", parts("Content-Type: text/html\n\n<p>Daag", PLAIN, kind="alternative"), text="Dag"),
    Awkward("an alternative that holds two texts", parts("\nEen", "\nTwee", kind="alternative"), text="Een\n\nTwee"),
    Awkward("an alternative of one", parts(PLAIN, kind="alternative"), text="Dag"),
    Awkward("HTML and a file", parts("Content-Type: text/html\n\n<p>Daag", PDF), text="Daag", files=(("brief.pdf", b"%PDF"),)),
    Awkward("HTML, picture, HTML", parts("Content-Type: text/html\n\n<p>Een", PICTURE, "Content-Type: text/html\n\n<p>Twee"), text="Een\n\nTwee", files=(("foto.png", PNG),)),
    Awkward("a footer of a list", parts(PLAIN, "Content-Type: text/plain\n\n____\nlijst@example.be"), text="Dag\n\n____\nlijst@example.be"),
    Awkward("a text that is attached", parts(PLAIN, "Content-Type: text/plain; name=nota.txt\nContent-Disposition: attachment; filename=nota.txt\n\nNota"),
            text="Dag", files=(("nota.txt", b"Nota"),)),
    Awkward("HTML that is attached", parts(PLAIN, NAMED.replace("application/pdf", "text/html").format("filename=a.html")), text="Dag", files=(("a.html", b"%PDF"),)),
    Awkward("a body that has a name", parts('Content-Type: text/plain; name="tekst.txt"\n\nDag', PDF), text="Dag", files=(("brief.pdf", b"%PDF"),)),
    Awkward("XHTML", whole("Content-Type: application/xhtml+xml", "<html><p>Dag</p></html>"), text="Dag"),
    Awkward("enriched text", whole("Content-Type: text/enriched", "<bold>Dag</bold> <color><param>red</param>Noor</color> << 3"), text="Dag Noor < 3"),
    Awkward("markdown", whole("Content-Type: text/markdown", "**Dag**"), text="**Dag**"),
    Awkward("text of a kind of its own", whole("Content-Type: text/x-mail", "Dag"), text="Dag", files=()),
    Awkward("S/MIME that is encrypted", whole("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64", "MIAG"),
            text="", files=(("smime.p7m", b"0\x80\x06"),), status="partial"),
    Awkward("S/MIME that can be read", parts(PLAIN, "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nx", kind='signed; protocol="application/pkcs7-signature"'),
            text="Dag", files=(("smime.p7s", b"x"),)),
    Awkward("PGP in its own type", parts("Content-Type: application/pgp-encrypted\n\nVersion: 1", f"Content-Type: application/octet-stream; name=encrypted.asc\n\n{ARMOUR}", kind="encrypted"),
            text="", files=(("bijlage-1", b"Version: 1"), ("encrypted.asc", mail(ARMOUR))), status="partial"),
    Awkward("PGP in the text", whole("", ARMOUR), text=ARMOUR, status="partial"),
    Awkward("PGP below a text", whole("", f"Dag\n\n{ARMOUR}"), text=f"Dag\n\n{ARMOUR}", status="partial"),
    Awkward("the first fragment of a mail", whole("Content-Type: message/partial; id=x; number=1; total=2", "Subject: x\n\nHet begin"),
            text="Het begin", files=(("bijlage-1.eml", b"Subject: x\r\n\r\nHet begin"),), status="partial"),
    Awkward("the second fragment of a mail", whole("Content-Type: message/partial; id=x; number=2; total=2", "en het einde"), text="",
            files=(("bijlage-1.eml", b"en het einde"),), status="partial"),
    Awkward("a forwarded mail with a name", parts(PLAIN, 'Content-Type: message/rfc822; name="Re: oud"\n\nSubject: oud\n\nOud'), text="Dag",
            files=(("Re oud.eml", b"Subject: oud\r\n\r\nOud"),)),
    Awkward("a forwarded mail in base64", parts(PLAIN, "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b64encode(b"Subject: oud\r\n\r\nOud").decode()),
            files=(("bijlage-1.eml", b"Subject: oud\r\n\r\nOud"),)),
    Awkward("yEnc", mail(HEAD + "\nDag\n=ybegin line=128 size=3 name=a.bin\n") + bytes((ord("D") + 42, ord("a") + 42, ord("g") + 42)) + b"\r\n=yend size=3\r\n", text="Dag",
            files=(("a.bin", b"Dag"),)),
    Awkward("uuencode without an end", mail(HEAD + "\nDag\nbegin 644 brief.txt\n#1&%G\n"), text="Dag\nbegin 644 brief.txt\n#1&%G"),
    Awkward("a text that begins", mail(HEAD + "\nbegin 644 en dan\nniets"), text="begin 644 en dan\nniets"),
    Awkward("two uuencoded files", mail(HEAD + "\nbegin 644 a.txt\n#1&%G\nend\n\nbegin 644 b.txt\n#1&%G\nend\n"), files=(("a.txt", b"Dag"), ("b.txt", b"Dag"))),
    Awkward("a picture in the HTML itself", whole("Content-Type: text/html", f"<p>Dag<img src='data:image/png;base64,{b64encode(PNG).decode()}'>"), text="Dag",
            files=(("bijlage-1.png", PNG),)),
    Awkward("a boundary of one dash", whole('Content-Type: multipart/mixed; boundary="-"', f"Vooraf\n\n---\n{PLAIN}\n-\nNoor\n---\n{PDF}\n\n-----"),
            text="Dag\n-\nNoor", files=(("brief.pdf", b"%PDF"),)),
    Awkward("a boundary that ends in dashes", whole('Content-Type: multipart/alternative; boundary="--q--"', f"----q--\n{PLAIN}\n----q--\nContent-Type: text/html\n\nDaag\n----q----"), text="Dag"),
    Awkward("a boundary in pieces", whole("Content-Type: multipart/mixed; boundary*0*=us-ascii''----a1;\n boundary*1*=b2", "Vooraf\n------a1b2\n\nDag\n------a1b2--"), text="Dag"),
    Awkward("another boundary than was said", whole('Content-Type: multipart/alternative; boundary="--=_A"', "----=_B\nContent-Type: text/html;\nContent-Transfer-Encoding: base64\n\nPHA+RGFn\n----=_B--"),
            text="Dag", status="partial"),
    Awkward("a bounce that quotes without parts", whole("Content-Type: text/plain", "Delivery failed\n\nOriginal message follows.\n\nFrom: a@b.be\nSubject: Hey\n\nHey"),
            text="Delivery failed\n\nOriginal message follows.\n\nFrom: a@b.be\nSubject: Hey\n\nHey"),
    Awkward("a blank text and an attached text", parts("Content-Type: text/plain\n\n\n", "Content-Type: text/plain; name=baf\nContent-Disposition: attachment; filename=baf\n\nniet hier"),
            text="", files=(("baf", b"niet hier"),)),
    Awkward("a photo and nothing else", whole("Content-Type: image/jpg; name=a.jpg\nContent-Disposition: inline; filename=a.jpg\nContent-Transfer-Encoding: base64", "/9j/4A=="),
            text="", files=(("a.jpg", b"\xff\xd8\xff\xe0"),)),
    Awkward("a boundary in odd quotes", whole("Content-Type: multipart/mixed; boundary='x'", "--'x'\n\nDag\n--'x'--"), text="Dag"),
    Awkward("a boundary with spaces behind it", whole('Content-Type: multipart/mixed; boundary="x"', "--x  \n\nDag\n--x--  "), text="Dag"),
    Awkward("a boundary of 200 signs", whole(f"Content-Type: multipart/mixed; boundary={'b' * 200}", f"--{'b' * 200}\n\nDag\n--{'b' * 200}--"), text="Dag"),
    Awkward("headers of a part that are folded wrongly", parts("Content-Type:\n text/plain;\n charset=utf-8\n\nDag"), text="Dag"),
    Awkward("two types", whole("Content-Type: text/plain\nContent-Type: text/html", "<b>"), text="<b>"),
    Awkward("a type in capitals", whole("CONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8", "<p>Dag"), text="Dag"),
    Awkward("no type, but parts", mail(f"{HEAD}MIME-Version: 1.0\n\n--x\n\nDag\n--x--"), text="--x\n\nDag\n--x--"),
    Awkward("junk before the headers", b"+OK 1234 octets\r\n" + mail(HEAD + "\nDag"), subject="Vraag", text="Dag"),
    Awkward("an escaped mailbox line", b">From noor@example.be Mon Jan  1 2024\r\n" + mail(HEAD + "\nDag"), subject="Vraag", text="Dag"),
    Awkward("line ends of every kind", HEAD.encode() + b"\r\nDag\rNoor\nx\r\ny", text="Dag\nNoor\nx\ny"),
    Awkward("a header longer than a line may be", mail(f"{HEAD}X-Lang: {'x' * 100_000}\n\nDag"), text="Dag", subject="Vraag"),
    Awkward("ten thousand headers", mail(HEAD + "X-A: b\n" * 10_000 + "\nDag"), text="Dag", subject="Vraag"),
    Awkward("a header without a name", mail(f"{HEAD}: niets\n\nDag"), text=": niets\n\nDag", subject="Vraag"),
    Awkward("a signature", mail(f"{HEAD}\nDag\n\n-- \nNoor"), text="Dag\n\n-- \nNoor"),
    Awkward("only blank lines", mail(HEAD + "\n\n\n\n"), text="", files=()),
    Awkward("only HTML without words", whole("Content-Type: text/html", "<html><body><br></body></html>"), text="", files=()),
    Awkward("nothing but parts too deep to be taken apart", mail(f"{HEAD}{DEEP}"), text="--b30\n" + DEEP.partition("--b30\n")[2].strip("\n"), status="partial"),
    Awkward("a file and nothing else", parts(PDF), text="", files=(("brief.pdf", b"%PDF"),)),
    Awkward("an empty file", parts(PLAIN, "Content-Type: application/pdf; name=leeg.pdf\n\n"), files=(("leeg.pdf", b""),)),
    Awkward("base64 that is cut", parts(PLAIN, "Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGg", end=""),
            files=(("a.png", b"\x89PNG\r\n\x1a"),), status="partial"),
]  # fmt: skip

FILES = [
    with_file_name('filename="=?utf-8?B?w6lzw6kucGRm?="', "ésé.pdf", "a file name in base64"),
    with_file_name("filename==?utf-8?q?=C3=A9=2Epdf?=", "é.pdf", "a file name encoded and not quoted"),
    with_file_name('filename="=?utf-8?q?een?= =?utf-8?q?_twee=2Epdf?="', "een twee.pdf", "a file name in two words"),
    with_file_name("filename*=iso-8859-1'nl'caf%E9.pdf", "café.pdf", "a file name in Western"),
    with_file_name("filename*=''a%20b.pdf", "a b.pdf", "a file name without a charset"),
    with_file_name("filename=a.pdf; filename*=utf-8''%C3%A9.pdf", "é.pdf", "a file name said twice"),
    with_file_name("filename*1=g.pdf; filename*0=lan", "lang.pdf", "pieces of a file name the wrong way"),
    with_file_name("filename=mijn brief.pdf", "mijn brief.pdf", "a file name with a bare space"),
    with_file_name('filename="mijn \\"brief\\".pdf"', "mijn brief.pdf", "quotes in a file name"),
    with_file_name('filename="a\tb\r\n c.pdf"', "a b c.pdf", "a folded file name"),
    with_file_name('filename="/"', "bijlage-1.pdf", "a file name of a slash"),
    with_file_name('filename=".htaccess"', "htaccess", "a hidden file"),
    with_file_name('filename="CON:a|b?.pdf"', "CONab.pdf", "signs that Windows refuses"),
    with_file_name('filename="brief.pdf  .exe"', "brief.pdf  .exe", "two endings"),
    with_file_name('filename="b%00.pdf"', "b%00.pdf", "an escaped NUL"),
    with_file_name('name="x.pdf"', "bijlage-1.pdf", "a name where none belongs"),
    Awkward("a file name in the type alone", parts(PLAIN, 'Content-Type: application/pdf; name="=?utf-8?q?=C3=A9?=.pdf"\n\n%PDF'), files=(("é.pdf", b"%PDF"),)),
    Awkward("a raw 8-bit file name", parts(PLAIN).replace(b"--x--", b'--x\r\nContent-Type: application/pdf; name="caf\xe9.pdf"\r\n\r\n%PDF\r\n--x--'), files=(("café.pdf", b"%PDF"),)),
    Awkward("names that differ in capitals", parts(NAMED.format("filename=A.pdf"), NAMED.format("filename=a.pdf")), files=(("A.pdf", b"%PDF"), ("a (2).pdf", b"%PDF"))),
    Awkward("three files of one name", parts(PDF, PDF, PDF), files=(("brief.pdf", b"%PDF"), ("brief (2).pdf", b"%PDF"), ("brief (3).pdf", b"%PDF"))),
    Awkward("a vcard", parts(PLAIN, "Content-Type: text/vcard\n\nBEGIN:VCARD"), text="Dag", files=(("bijlage-1.vcf", b"BEGIN:VCARD"),)),
    Awkward("a photo of an Apple", parts(PLAIN, "Content-Type: image/heic; name=IMG_1.HEIC\n\nx"), files=(("IMG_1.HEIC", b"x"),)),
]  # fmt: skip

HELPDESKS = [*SENDERS, *SUBJECTS, *WORLD, *BROKEN, *STRUCTURES, *FILES]
