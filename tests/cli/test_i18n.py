"""What is translated, and what is not."""

import errno
import os

import pytest

from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, local_number, rendered, use_language
from tests.program import Program


@pytest.fixture
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")
    use_language("vi")


@pytest.mark.usefixtures("vietnamese")
def test_data_that_read_like_a_text_of_ours_stay_as_they_are() -> None:
    assert _("refused") != "refused"
    error = AgentError("{a} {b}", a="refused", b=N_("refused"))
    assert rendered(error)[0] == f"refused {_('refused')}"


@pytest.mark.usefixtures("vietnamese")
def test_an_error_within_an_error_is_rendered_too() -> None:
    inner = AgentError(N_("{path} already exists and is never overwritten"), path="x")
    assert rendered(AgentError("{reason}", reason=inner))[0] == rendered(inner)[0] != str(inner)


@pytest.mark.usefixtures("vietnamese")
def test_numbers_and_reasons_of_the_system_are_vietnamese_too() -> None:
    assert f"{local_number(-3.456):+.2f} {local_number(12):g} {local_number(0.5):.0%}" == "-3,46 12 50%"
    error = AgentError(N_("can't read {path}: {reason}"), path="a.b", reason=os.strerror(errno.ENOENT))
    assert rendered(error)[0] == "không đọc được a.b: không có tệp hoặc thư mục này"


def test_numbers_are_english_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")
    assert f"{local_number(1.28):.1f}" == "1.3"


def test_a_vietnamese_usage_line_has_no_english_word(program: Program) -> None:
    shown = program.run("calibrate", "measure", "--help", "--lang", "vi").stdout
    assert shown.startswith("Cách dùng: bluezone-agent calibrate measure [TÙY_CHỌN]\n")
    assert "--distance MÉT " in shown
    shown = program.run("calibrate", "table", "--lang", "vi").stderr
    assert "bluezone-agent calibrate table [TÙY_CHỌN] BẢNG THIẾT_BỊ\n" in shown
    assert "'BẢNG'" in shown


def test_a_date_that_is_none_is_refused_in_the_persons_language(program: Program) -> None:
    done = program.run("exposures", "explain", "32-13", "--lang", "vi")
    assert done.returncode == 2
    assert "32-13 không phải là ngày: hãy viết theo dạng 2021-08-31" in done.stderr
