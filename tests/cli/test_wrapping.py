"""Lines on a terminal end at words; in a pipe or file each sentence stays one line."""

import sys

import pytest

from bluezone_agent.cli.wrapping import wrapped

SENTENCE = "  22:00 to 22:35: 30 min within 2 m; attenuation: minimum 50 dB"


def test_a_pipe_gets_each_sentence_in_one_line() -> None:
    assert wrapped(SENTENCE) == SENTENCE


def test_a_terminal_gets_lines_that_fit_with_the_rest_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert wrapped(f"one\n{SENTENCE}").split("\n") == [
        "one",
        "  22:00 to 22:35: 30 min within 2 m;",
        "    attenuation: minimum 50 dB",
    ]


def test_what_no_line_can_hold_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "bluezone-agent-keys-of-vietnam" in wrapped("see bluezone-agent-keys-of-vietnam", hanging=30).split()
