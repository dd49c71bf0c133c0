"""What a person prefers before any command runs: a language, and whether colours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from bluezone_agent import paths
from bluezone_agent.app.language import configured_language
from bluezone_agent.errors import ConfigError
from bluezone_agent.i18n import LANGUAGES, use_language


def speak_as_asked(arguments: Sequence[str]) -> None:
    """Speak the language of ``--lang``, else the configuration's, before anything is parsed.

    click words its mistakes while it parses, and its help before any command runs.
    """
    named = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, equals, value = argument.partition("=")
        named[name] = value if equals else following
    if named.get("--lang") in LANGUAGES:
        use_language(named["--lang"], asked=True)
        return
    with suppress(ConfigError):  # of a ~ that nobody knows, which is said when the option is parsed
        configured = configured_language(paths.expanded(named["--config"]) if "--config" in named else None)
        if configured in LANGUAGES:
            use_language(configured)


def takes_colour() -> bool | None:
    """Return False where nobody wants colours (https://no-color.org, a terminal that has none); None: click decides."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
