"""Reading sizes and limits."""

from __future__ import annotations

import click
import pytest

from genvm_replay.cli import transaction_options


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("65536", 65536),
        ("512KiB", 512 << 10),
        ("64MiB", 64 << 20),
        ("3 GiB", 3 << 30),
        (None, None),
    ],
)
def test_sizes(text, size):
    assert transaction_options.read_size(None, None, text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5MiB", "64MB", "64mib", "4GiB", "٣", "9" * 13, "0x10"])
def test_what_is_no_size(text):
    with pytest.raises(click.BadParameter):
        transaction_options.read_size(None, None, text)


def sent(**given):
    options = {
        "value": 0,
        "sender": None,
        "moment": None,
        "fuel": None,
        "memory_limit": None,
        "deadline": None,
    }
    return transaction_options.call_options(**options | given)


def test_deadlines():
    assert sent(deadline=0).deadline_ms is None
    assert sent(deadline=0.25).deadline_ms == 250
    assert sent().deadline_ms == 60_000


def test_fuel_takes_the_place_of_the_deadline(capsys):
    assert sent(fuel=5).deadline_ms is None
    assert sent(fuel=5, deadline=0).deadline_ms is None
    assert capsys.readouterr().err == ""
    assert sent(fuel=5, deadline=1).deadline_ms is None
    assert "not by the deadline" in capsys.readouterr().err
