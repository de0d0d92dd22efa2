"""Scans are recognised by what they are."""

import pytest

from services.phone_log.scans import SentFile, uploads


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7 ...", "application/pdf"),
        (b"\xff\xd8\xff\xe0 ...", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n ...", "image/png"),
        (b"II*\x00 ...", "image/tiff"),
        (b"MM\x00* ...", "image/tiff"),
    ],
)
def test_what_a_scanner_makes_is_kept_whatever_its_name(start: bytes, kind: str) -> None:
    kept, refused = uploads([SentFile("brief.exe", start)], "scan")
    assert [(file.media_type, file.role, file.content) for file in kept] == [(kind, "scan", start)]
    assert refused == []


def test_anything_else_is_refused_by_name() -> None:
    kept, refused = uploads([SentFile("brief.pdf", b"<html>"), SentFile("leeg.pdf", b"")], "scan")
    assert kept == []
    assert refused == ["‘brief.pdf’ is geen pdf, jpeg, png of tiff.", "‘leeg.pdf’ is leeg."]


def test_a_file_field_that_was_left_empty_is_nothing() -> None:
    assert uploads([SentFile("", b"")], "scan") == ([], [])


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("..\\..\\brief.pdf", "brief.pdf"),
        ("/etc/passwd", "passwd"),
        ("a\r\nb.pdf", "ab.pdf"),
        ("", "scan"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_is_a_label_and_never_a_path(name: str, label: str) -> None:
    kept, _ = uploads([SentFile(name, b"%PDF-1.7")], "scan")
    assert kept[0].name == label
