"""Lengths of text messages, the calendar, and mistakes in campaign.toml."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.campaign.plan import CampaignFacts, CampaignPlan, Dates, read_plan
from bluezone_agent.campaign.reminders import calendar, reminder_times
from bluezone_agent.campaign.sms import GSM, GSM_EXTENDED, sms_length
from bluezone_agent.campaign.words import built_in, words_of
from bluezone_agent.errors import ConfigError

GOOD: Final = """\
[campaign]
unit = "Sở Y tế"
link = "https://bluezone.gov.vn"
hotline = "19009095"
languages = ["vi"]

[dates]
start = 2021-05-10
end = 2021-06-10
"""


def plan(
    start: date = date(2021, 5, 10), days: int = 31, every: int = 3, unit: str = "Sở; Y tế, \\ số 1"
) -> CampaignPlan:
    return CampaignPlan(
        campaign=CampaignFacts(unit=unit, link="https://bluezone.gov.vn", hotline="19009095"),
        dates=Dates(start=start, end=start + timedelta(days), remind_every_days=every),
    )


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "messages"),
    [
        ("a" * 160, "GSM 03.38", 160, 1),
        ("a" * 161, "GSM 03.38", 161, 2),
        ("a" * 306, "GSM 03.38", 306, 2),
        ("a" * 307, "GSM 03.38", 307, 3),
        ("à" * 160, "GSM 03.38", 160, 1),
        ("€" * 80, "GSM 03.38", 160, 1),
        ("{" * 81, "GSM 03.38", 162, 2),
        ("ạ" * 70, "UCS-2", 70, 1),
        ("ạ" + "a" * 70, "UCS-2", 71, 2),
        ("ạ" * 134, "UCS-2", 134, 2),
        ("😷" * 35, "UCS-2", 70, 1),
        ("😷" * 36, "UCS-2", 72, 2),
    ],
)
def test_a_message_is_counted_in_the_units_of_the_standard(text: str, alphabet: str, units: int, messages: int) -> None:
    found = sms_length(text)
    assert (found.alphabet, found.units, found.messages) == (alphabet, units, messages)


def test_the_alphabet_has_as_many_letters_as_the_standard_says() -> None:
    """128 places: 127 letters and the escape."""
    assert len(set(GSM)) == len(GSM) == 127
    assert len(set(GSM_EXTENDED)) == 10
    assert not set(GSM) & set(GSM_EXTENDED)


@given(st.text(max_size=400))
def test_messages_hold_what_is_sent(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    found = sms_length(text)
    assert found.messages == 1 or found.units > found.limit
    assert found.units >= len(text)


@pytest.mark.parametrize("language", built_in())
def test_every_language_has_short_messages_and_says_what_it_does_not_prove(language: str, tmp_path: Path) -> None:
    words = words_of(language, plan(), tmp_path)
    assert sms_length(words.sms).messages == 1
    assert len(words.limits) == 3
    if words.sms_gsm:
        assert sms_length(words.sms_gsm).alphabet == "GSM 03.38"
        assert sms_length(words.sms_gsm).messages == 1
    for text in (words.sms, words.zalo):
        assert "https://bluezone.gov.vn" in text
        assert "19009095" in text


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 90), st.integers(1, 20))
def test_another_library_reads_the_reminders(start: date, days: int, every: int) -> None:
    made = plan(start, days, every)
    words = words_of("vi", made, Path())
    data = calendar(made, words, datetime(2021, 5, 1, tzinfo=UTC))
    read = icalendar.Calendar.from_ical(data)
    events = read.walk("VEVENT")
    times = [event.decoded("DTSTART").astimezone(ZoneInfo("Asia/Ho_Chi_Minh")) for event in events]
    assert times == reminder_times(made)
    assert times[0].date() == start
    assert times[-1].date() == start + timedelta(days)
    assert {(at.hour, at.minute) for at in times} == {(9, 0)}
    assert len({str(event["UID"]) for event in events}) == len(events)
    assert str(events[0]["SUMMARY"]) == words.reminder
    assert str(events[0]["DESCRIPTION"]) == words.reminder_text
    assert all(len(event.walk("VALARM")) == 1 for event in events)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert not read.errors


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('hotline = "19009095"', "hotline = 19009095", "line 4: [campaign] hotline has to be text in quotes"),
        ('hotline = "19009095"', 'hotline = "call us"', 'line 4: [campaign] hotline = "call us" is not a telephone'),
        ('hotline = "19009095"', 'hotlin = "1"', 'line 4: unknown setting [campaign] "hotlin"'),
        ('hotline = "19009095"\n', "", 'line 1: [campaign] needs "hotline"'),
        ("https://bluezone.gov.vn", "bluezone.gov.vn", "line 3: [campaign] link"),
        ("https://bluezone.gov.vn", "javascript:alert(1)", "line 3: [campaign] link"),
        ("https://bluezone.gov.vn", "https://a b", "line 3: [campaign] link"),
        ('unit = "Sở Y tế"', 'unit = ""', "line 2: [campaign] unit"),
        ('unit = "Sở Y tế"', f'unit = "{"a" * 91}"', "has 91 characters"),
        ('["vi"]', '["vi", "vi"]', "line 5: [campaign] languages"),
        ('["vi"]', '["vi"', "is not valid TOML"),
        ('["vi"]', '["xx"]', 'there is no language "xx"'),
        ('["vi"]', '["vi"]\nlogo = "no.svg"', 'line 6: [campaign] logo = "no.svg"'),
        ("end = 2021-06-10", "end = 2021-04-10", "line 9: [dates] end = 2021-04-10 is before"),
        ("end = 2021-06-10", 'end = "soon"', "line 9: [dates] end has to be a date"),
        ("end = 2021-06-10", "end = 2021-06-10\nremind_every_days = 0", "line 10: [dates] remind_every_days"),
        ("end = 2021-06-10", 'end = 2021-06-10\ntimezone = "Huế"', 'line 10: there is no time zone "Huế"'),
        ("[dates]", "[date]", 'line 7: unknown setting the file "date"'),
    ],
)
def test_a_mistake_is_said_with_its_line_and_the_way_out(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "campaign.toml"
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as error:
        found = read_plan(path)
        for language in found.campaign.languages:
            words_of(language, found, tmp_path)
    assert said in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{hotline}", "{telephone}", "has a brace that names nothing"),
        ("{hotline}", "{hotline.__class__}", "has a brace that names nothing"),
        ("{hotline}", "{0}", "has a brace that names nothing"),
        ("{hotline}", "{", "has a brace that names nothing"),
        ('headline = "', 'title = "', "can't be used"),
    ],
)
def test_a_mistake_in_a_language_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    source = Path(words_of.__code__.co_filename).parent / "languages/en.toml"
    (tmp_path / "own.toml").write_text(source.read_text().replace(old, new))
    with pytest.raises(ConfigError) as error:
        words_of("own.toml", plan(), tmp_path)
    assert said in str(error.value)


def test_a_language_is_one_file(tmp_path: Path) -> None:
    source = Path(words_of.__code__.co_filename).parent / "languages/en.toml"
    (tmp_path / "own.toml").write_text(source.read_text().replace('code = "en"', 'code = "xx"'))
    assert words_of("own.toml", plan(), tmp_path).code == "xx"
