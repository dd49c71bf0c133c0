"""What the contracts of import-linter can't say of the house."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.core.protocols import PROTOCOLS

PACKAGE: Final = Path(__file__).resolve().parents[1] / "bluezone_agent"
TESTS: Final = PACKAGE.parent / "tests"
TELLS_TIME: Final = {"time", "time_ns", "monotonic", "now", "today", "utcnow", "now_s", "now_min", "today_s"}
OPENS: Final = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "files"}
MOST_LATE_IMPORTS: Final = 10
REASON: Final = re.compile(r"# noqa: PLC0415 - \S")


def modules(folder: str = "") -> Iterator[tuple[Path, str]]:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        yield path, path.read_text("utf-8")


def late_imports(source: str) -> set[int]:
    """Return the lines of imports inside functions."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {s.lineno for f in functions for s in ast.walk(f) if isinstance(s, ast.Import | ast.ImportFrom)}


def opens(source: str) -> list[str]:
    """Return the calls that open a file, or read one of the package."""
    calls = [n.func for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    names = [f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else "" for f in calls]
    return [name for name in names if name in OPENS]


def clocks_at_import(source: str) -> list[int]:
    """Return the lines at which a module asks for the time while it is imported."""
    found: list[int] = []

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            for evaluated in [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
                look(evaluated)
            return
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in TELLS_TIME:
                found.append(node.lineno)
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(source))
    return found


def test_no_test_takes_the_time_of_its_import_for_the_present() -> None:
    """In a slow run its tests come an hour later: a device that scanned "now" has then not scanned for long."""
    found = {path: clocks_at_import(path.read_text("utf-8")) for path in TESTS.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert clocks_at_import("import time\nA = int(time.time())\ndef f(a=now_s()):\n    time.time()\n") == [2, 3]
    assert clocks_at_import("@parametrize('at_s', [now_s()])\ndef test(at_s):\n    now_s()\n") == [1]


def test_the_core_opens_no_file() -> None:
    allowed = {"key_export.py": ["open"]}  # a member of a zip that is in memory
    found = {path.name: opens(source) for path, source in modules("core") if opens(source)}
    assert {name: calls for name, calls in found.items() if calls != allowed.get(name)} == {}
    assert opens("from pathlib import Path\nPath('x').read_text()") == ["read_text"]


def test_imports_inside_functions_are_few_and_have_a_reason() -> None:
    lines = [source.split("\n")[line - 1] for _path, source in modules() for line in late_imports(source)]
    assert len(lines) <= MOST_LATE_IMPORTS
    assert [line for line in lines if not REASON.search(line)] == []
    assert late_imports("def f():\n    import os") == {2}


def test_there_is_one_way_to_a_sqlite_file() -> None:
    """Else a connection may leave what it sorts in files of /var/tmp."""
    found = [path.name for path, source in modules() if "sqlite3.connect(" in source]
    assert found == ["connection.py", "dp3t.py"]  # the second reads recordings of others, in place


def test_a_configuration_knows_the_names_of_all_protocols() -> None:
    assert tuple(PROTOCOLS) == PROTOCOL_NAMES
