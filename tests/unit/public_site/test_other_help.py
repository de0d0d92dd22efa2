"""The list of other help."""

from pathlib import Path

import pytest

from services.kit.settings import InvalidSettings
from services.public_site import other_help
from services.public_site.settings import PublicSiteSettings


def test_the_list_has_the_emergency_numbers_first_and_nothing_that_is_not_for_the_public() -> None:
    entries = other_help.read(PublicSiteSettings().other_help)
    assert [entry.phone for entry in entries if entry.emergency] == ["112", "101"]
    assert all(entry.public for entry in entries)
    assert "I.T.E.R." not in {entry.name for entry in entries}


@pytest.mark.parametrize("content", ["", "{}", '[{"name": "x"}]', '[{"name": 1, "what": "x", "audience": "x"}]'])
def test_a_damaged_list_stops_the_start_with_a_clear_line(tmp_path: Path, content: str) -> None:
    damaged = tmp_path / "help.json"
    damaged.write_text(content)
    with pytest.raises(InvalidSettings, match="ONTHAAL_OTHER_HELP"):
        other_help.read(damaged)
    with pytest.raises(InvalidSettings, match="ONTHAAL_OTHER_HELP"):
        other_help.read(tmp_path / "missing.json")
