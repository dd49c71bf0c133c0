"""What every test shares."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from bluezone_agent.i18n import ASKED
from tests.key_servers.google import Servers, running
from tests.program import Program

structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    processors=[structlog.processors.KeyValueRenderer()],
)

# a busy machine makes no test fail, and a commit's tests try the same examples each time; --long draws new ones
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=5)
settings.register_profile("long", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="the long forms of proofs, and new examples of properties: about an hour each of the tests and the lab",
    )
    parser.addoption(
        "--quick", action="store_true", help="leave out what is marked slow, and try few examples of each property"
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in ("quick", "long"):
        if config.getoption(f"--{name}"):
            settings.load_profile(name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture(autouse=True)
def language_ends_with_the_test() -> Iterator[None]:
    """A command that runs in this process leaves the language that was asked for in its environment."""
    before = {name: os.environ.get(name) for name in (ASKED, "LANGUAGE")}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form of a test is asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def servers() -> Iterator[Servers]:
    with running() as both:
        yield both


@pytest.fixture
def program(tmp_path: Path) -> Program:
    found = Program(tmp_path)
    found.state_dir.mkdir(0o700)  # what is named has to be there
    return found
