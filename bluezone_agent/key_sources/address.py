"""A place that case files come from, as an operator describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bluezone_agent.errors import N_, ConfigError

DEADLINE_S: Final = 300
"""For everything that one check fetches from one source: 14 days of files over a slow mobile link."""
SILENCE_S: Final = 15
"""Without a byte, after which a connection is given up."""


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Where a source is, and how it may be reached."""

    location: str
    """A path or a URL."""
    layout: str = ""
    """A name of ``key_sources.LAYOUTS``; recognised from the location where it is empty."""
    index: str = ""
    """Path of the index below the location, for a server whose index lies deeper than what its lines begin from."""
    regions: tuple[str, ...] = ()
    """Which regions' files, for a layout that keeps them apart."""
    ca_file: str = ""
    """Certificates of the authority, alone, that certifies the server; empty for the system's."""
    use_proxy: bool = False
    """Whether the proxies that the environment names are used."""
    allow_http: bool = False
    """Whether the server may be reached without TLS."""
    deadline_s: float = DEADLINE_S
    silence_s: float = SILENCE_S

    @property
    def is_url(self) -> bool:
        """Whether the location is on a server."""
        return "://" in self.location

    def require_url(self, layout: str) -> None:
        """Raise ConfigError for a path: ``layout`` is one of servers."""
        if not self.is_url:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" needs a URL'),
                N_("remove layout for a local folder, or use the https address of the server"),
                location=self.location,
                layout=layout,
            )

    def refuse_index(self, layout: str) -> None:
        """Raise ConfigError for an index: ``layout`` has none that one could name."""
        if self.index:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" takes no index'),
                N_('remove index: it is only for layout = "index"'),
                location=self.location,
                layout=layout,
            )

    def refuse_regions(self, layout: str) -> None:
        """Raise ConfigError for regions: ``layout`` has none."""
        if self.regions:
            raise ConfigError(
                N_('[[source]] {location}: layout = "{layout}" takes no regions'),
                N_("remove regions: every file there is read"),
                location=self.location,
                layout=layout,
            )
