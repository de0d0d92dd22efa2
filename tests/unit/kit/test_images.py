"""Pictures lose what describes them and nothing of what they show."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.kit.images import Metadata, without_metadata
from tests.unit.kit.pictures import JPEG, SECRET, chunk, comment, exif, gif, jpeg, png, segment, upright, webp

XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET
PHOTOSHOP = b"Photoshop 3.0\x008BIM\x04\x04" + SECRET
DESCRIBED = {
    "jpeg Exif": (jpeg(segment(0xE1, b"Exif\0\0" + exif())), JPEG),
    "jpeg XMP": (jpeg(segment(0xE1, XMP)), JPEG),
    "jpeg IPTC": (jpeg(segment(0xED, PHOTOSHOP)), JPEG),
    "jpeg comment": (jpeg(segment(0xFE, SECRET)), JPEG),
    "jpeg with all, twice": (jpeg(*[segment(0xE1, b"Exif\0\0" + exif()), segment(0xE1, XMP), segment(0xFE, SECRET)] * 2), JPEG),
    "jpeg thumbnail of its own": (jpeg(segment(0xE0, b"JFXX\0\x10" + SECRET)), JPEG),
    "jpeg with another behind it": (jpeg(after=jpeg(segment(0xE1, b"Exif\0\0" + exif()))), JPEG),
    "jpeg with a film behind it": (jpeg(segment(0xE2, b"MPF\0" + SECRET), after=b"\0\0\0\x18ftypmp42" + SECRET), JPEG),
    "png Exif": (png(chunk(b"eXIf", exif())), png()),
    "png text": (png(chunk(b"tEXt", b"Comment\0" + SECRET), chunk(b"zTXt", SECRET), chunk(b"iTXt", XMP)), png()),
    "png time": (png(chunk(b"tIME", b"\x07\xea\x0b\x19\x0a\0\0"), chunk(b"caBX", SECRET)), png()),
    "png with something behind it": (png(after=SECRET), png()),
    "webp Exif": (webp((b"EXIF", exif()), flags=0x18), webp(flags=0x10)),
    "webp Exif as in a jpeg": (webp((b"EXIF", b"Exif\0\0" + exif()), flags=0x08), webp()),
    "webp XMP": (webp((b"XMP ", XMP), (b"note", SECRET), flags=0x04), webp()),
    "gif comment": (gif(comment(SECRET)), gif()),
    "gif XMP": (gif(b"!\xff\x0bXMP DataXMP" + bytes((len(SECRET),)) + SECRET + b"\0"), gif()),
    "gif with something behind it": (gif(after=SECRET), gif()),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_describes_a_picture_goes_and_what_it_shows_stays(name: str) -> None:
    described, bare = DESCRIBED[name]
    picture = without_metadata(described)
    assert picture.content == bare
    assert picture.metadata is Metadata.REMOVED
    assert SECRET not in picture.content


@pytest.mark.parametrize("bare", [JPEG, png(), webp(), gif()], ids=["jpeg", "png", "webp", "gif"])
def test_a_picture_that_tells_nothing_stays_byte_for_byte(bare: bytes) -> None:
    assert without_metadata(bare).content == bare


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8, 9, 0])
@pytest.mark.parametrize("order", ["big", "little"])
def test_which_side_is_up_is_all_that_stays_of_exif(orientation: int, order: str) -> None:
    told = upright(orientation) if orientation in range(2, 9) else b""
    assert without_metadata(jpeg(segment(0xE1, b"Exif\0\0" + exif(orientation, order)))).content == jpeg(
        *[segment(0xE1, b"Exif\0\0" + told)] * bool(told)
    )
    assert without_metadata(png(chunk(b"eXIf", exif(orientation, order)))).content == png(*[chunk(b"eXIf", told)] * bool(told))
    shown = webp((b"EXIF", told), flags=0x08) if told else webp()
    assert without_metadata(webp((b"EXIF", exif(orientation, order)), flags=0x0C)).content == shown


def test_the_colours_of_a_picture_stay() -> None:
    coloured = jpeg(segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(40)), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"))
    assert without_metadata(coloured).content == coloured
    assert without_metadata(png(chunk(b"iCCP", bytes(20)))).content == png(chunk(b"iCCP", bytes(20)))


def test_the_thumbnail_in_the_first_segment_goes() -> None:
    with_thumbnail = b"\xff\xd8" + segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x04\x04" + bytes(48)) + JPEG[20:]
    assert without_metadata(with_thumbnail).content == JPEG


def test_a_picture_in_several_scans_keeps_them_all_and_loses_what_stands_between() -> None:
    scan = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x01\xff\0\xff\xd0\x02\xff\0"
    table = segment(0xC4, b"\0" + b"\x01" + bytes(15) + b"\0")
    head, end = JPEG[:-15], b"\xff\xd9"
    progressive = head + scan + segment(0xFE, SECRET) + table + scan + end
    assert without_metadata(progressive).content == head + scan + table + scan + end


def test_a_picture_that_was_cut_off_is_shown_as_far_as_it_goes() -> None:
    cut = jpeg(segment(0xE1, XMP))[:-3]
    assert without_metadata(cut).content == JPEG[:-3]


@pytest.mark.parametrize(
    "kept",
    [
        b"II*\0" + SECRET,
        b"MM\0*" + SECRET,
        b"\0\0\0\x18ftypheic" + SECRET,
        b"\0\0\0\x18ftypavif" + SECRET,
        b"\0\0\0\x18ftypqt  " + SECRET,
        b"\0\0\0\x0cJXL \r\n\x87\n" + SECRET,
        JPEG[:15],
        JPEG[:22],
        JPEG[:20] + b"words",
        JPEG[:20] + b"\xff\xd9",
        png()[:-4],
        png()[:30],
        webp()[:-2],
        gif()[:-1],
        gif()[:12],
        b"GIF89a",
    ],
)
def test_what_cannot_be_taken_apart_stays_as_it_is_and_that_is_said(kept: bytes) -> None:
    picture = without_metadata(kept)
    assert (picture.content, picture.metadata) == (kept, Metadata.KEPT)


@pytest.mark.parametrize("other", [b"", b"words", b"%PDF-1.7", b"PK\x03\x04", b"BM6\0", b"RIFF\x04\0\0\0WAVE"])
def test_what_is_no_picture_stays_as_it_is(other: bytes) -> None:
    picture = without_metadata(other)
    assert (picture.content, picture.metadata) == (other, Metadata.NONE)


WHOLE = [described for described, _ in DESCRIBED.values()]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """Draw a picture that was cut, torn and written over."""
    content = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 8))
        content[place : place + length] = draw(st.binary(max_size=8))
    return bytes(content[: draw(st.integers(0, len(content) + 20))])


@settings(max_examples=1_000, deadline=None)
@given(
    mutilated()
    | st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"II*\0"]).flatmap(
        lambda start: st.binary().map(start.__add__)
    )
)
@example(b"RIFF\xff\xff\xff\xffWEBP")
def test_whatever_the_bytes_are_a_file_comes_back(content: bytes) -> None:
    picture = without_metadata(content)
    assert picture.metadata is Metadata.REMOVED or picture.content == content
    assert len(picture.content) <= len(content) + 40
    assert without_metadata(picture.content).content == picture.content, "once is enough"


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "nothing but stuffed bytes": lambda size: JPEG[:-3] + b"\xff\0" * (size // 2),
    "nothing but fill bytes": lambda size: JPEG[:20] + b"\xff" * size,
    "fill bytes in a scan": lambda size: JPEG[:-3] + b"\xff" * size,
    "segments of two bytes": lambda size: JPEG[:20] + b"\xff\xfe\0\x02" * (size // 4),
    "Exif data with many entries": lambda size: jpeg(
        *[segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(65_000))] * (size // 65_000)
    ),
    "chunks without a body": lambda size: png(chunk(b"tEXt", b"") * (size // 24)),
    "sub-blocks of one byte": lambda size: gif(b"!\xfe" + b"\x01x" * (size // 2) + b"\0"),
    "chunks of a WebP": lambda size: webp(*[(b"XMP ", b"")] * (size // 8)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_picture_that_is_made_to_take_long_does_not(name: str) -> None:
    content = HOSTILE[name](8_000_000)
    started = time.process_time()
    without_metadata(content)
    assert time.process_time() - started < 2
