"""Opening hours in words."""

from onthaal_schema.opening_hours import OpeningHours
from services.kit.words import PageLanguage, Words
from services.kit.words.hours import moment


def on_the_form(hours: OpeningHours | None, words: Words) -> str:
    """Say whether anybody reads now, and when if not. Unknown hours are said to be unknown."""
    if hours is None:
        return words("hours.unknown")
    if hours.open:
        return words("hours.form_open")
    if hours.next_opening is None:
        return words("hours.form_closed_unknown")
    at = moment(hours.next_opening, words)
    if hours.holiday and words.language is PageLanguage.NL:
        return words("hours.form_closed_name", name=hours.holiday, moment=at)
    return words("hours.form_closed", moment=at)


def of_a_channel(hours: OpeningHours | None, words: Words) -> str:
    """Say whether a channel is open now, and when if not."""
    if hours is None:
        return words("hours.unknown")
    if hours.open:
        return words("hours.channel_open")
    if hours.next_opening is None:
        return words("hours.channel_closed_unknown")
    return words("hours.channel_closed", moment=moment(hours.next_opening, words))


def after_sending(hours: OpeningHours, words: Words) -> str:
    """Say when the message that was just registered will be read."""
    if hours.open:
        return words("sent.read_now")
    if hours.next_opening is None:
        return words("sent.read_later_unknown")
    return words("sent.read_later", moment=moment(hours.next_opening, words))
