"""Preferences that apply before any command runs: language and colours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from bluezone_agent import paths
from bluezone_agent.app.language import configured_language
from bluezone_agent.errors import ConfigError
from bluezone_agent.i18n import LANGUAGES, use_language


def speak_as_asked(arguments: Sequence[str]) -> None:
    """Switch to the language of ``--lang``, else to the configured one, before anything is parsed.

    click reports errors while it parses, and prints its help before any command runs.
    """
    named = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, equals, value = argument.partition("=")
        named[name] = value if equals else following
    if named.get("--lang") in LANGUAGES:
        use_language(named["--lang"], asked=True)
        return
    with suppress(ConfigError):  # an unknown user after ~, which is reported when the option is parsed
        configured = configured_language(paths.expanded(named["--config"]) if "--config" in named else None)
        if configured in LANGUAGES:
            use_language(configured)


def takes_colour() -> bool | None:
    """Return False if colours are unwanted or unsupported (https://no-color.org); None: click decides."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
