"""The address of a source of diagnosis key files, as an operator describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bluezone_agent.errors import N_, ConfigError

DEADLINE_S: Final = 300
"""For everything that one check fetches from one source: 14 days of files over a slow mobile link."""
SILENCE_S: Final = 15
"""Seconds without a byte after which a connection is given up."""


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Where a source is, and how it may be reached."""

    location: str
    """A path or a URL."""
    layout: str = ""
    """A name in ``key_sources.LAYOUTS``; if empty, it is derived from the location."""
    index: str = ""
    """Path of the index below the location, for a server whose index is deeper than the base of its lines."""
    regions: tuple[str, ...] = ()
    """The regions whose files to read, for a layout that separates them."""
    ca_file: str = ""
    """Certificates of the only authority that may certify the server; empty for the system's authorities."""
    use_proxy: bool = False
    """Whether the proxies in the environment are used."""
    allow_http: bool = False
    """Whether the server may be reached without TLS."""
    deadline_s: float = DEADLINE_S
    silence_s: float = SILENCE_S

    @property
    def is_url(self) -> bool:
        """Whether the location is on a server."""
        return "://" in self.location

    def require_url(self, layout: str) -> None:
        """Raise ConfigError for a path: ``layout`` is a server's layout."""
        if not self.is_url:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" needs a URL'),
                N_("remove layout for a local folder, or use the https address of the server"),
                location=self.location,
                layout=layout,
            )

    def refuse_index(self, layout: str) -> None:
        """Raise ConfigError for an index: ``layout`` takes none."""
        if self.index:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" takes no index'),
                N_('remove index: it is only for layout = "index"'),
                location=self.location,
                layout=layout,
            )

    def refuse_regions(self, layout: str) -> None:
        """Raise ConfigError for regions: ``layout`` takes none."""
        if self.regions:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" takes no regions'),
                N_("remove regions: every file there is read"),
                location=self.location,
                layout=layout,
            )
