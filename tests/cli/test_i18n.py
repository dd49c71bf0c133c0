"""What is translated, and what is not."""

import pytest

from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, rendered, use_language


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
    inner = AgentError(N_("{path} exists already and is never overwritten"), path="x")
    assert rendered(AgentError("{reason}", reason=inner))[0] == rendered(inner)[0] != str(inner)
