"""The rules of sending: what the file says, what the house says without it, and what is no rule."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from crmlib.core.errors import ParameterError
from crmlib.outreach.permission import Cap
from crmlib.run.lists.rules import FILE, read


def test_without_a_file_the_house_s_rules_hold(tmp_path: Path) -> None:
    found = read(tmp_path).contact
    assert (found.quiet_from, found.quiet_to, found.overall) == (time(20), time(9), Cap(3, 30))


def test_the_file_says_hours_caps_and_prices(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        'quiet_from: "19:00"\ndays_off: [6]\nchannels: {sms: {most: 1, days: 7}}\nprice_minor: {sms: 4}\n'
    )
    found = read(tmp_path)
    assert (found.contact.quiet_from, found.contact.days_off) == (time(19), frozenset({6}))
    assert (found.contact.channels, found.price_minor) == ({"sms": Cap(1, 7)}, {"sms": 4})


@pytest.mark.parametrize(
    "text",
    [
        "quiet: now\n",
        "overall: {most: -1, days: 3}\n",
        "smtp: {host: mail.example, port: 25, sender: a@b, security: loopback}\n",
        "[",
    ],
)
def test_what_is_no_rule_is_refused_and_nothing_leaves_in_the_clear(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ParameterError) as error:
        read(tmp_path)
    assert error.value.code == "run.bad_rules"
