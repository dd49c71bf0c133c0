"""Runs commands in situations, each in a process forked from this one, which has everything loaded.

One JSON object a line comes in, one goes out: ``python -m tests.cli.situations``. So a case takes what the command
takes, not what Python takes to start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from bluezone_agent.__main__ import main
from tests.modules import importable

TIMEOUT_S: Final = 60
LATE: Final = (
    *("encodings.utf_8_sig", "encodings.idna", "encodings.latin_1", "encodings.iso8859_1", "encodings.ascii"),
    *("sqlite_utils", "sqlite_utils.migrations", "traceback", "getpass", "getopt", "click._textwrap", "rich.markup"),
    *("click._termui_impl", "rich.table", "rich.progress", "rich.console", "rich.cells", "rich._unicode_data"),
    *("json.encoder", "difflib", "jinja2.runtime", "jinja2.ext", "jinja2.debug", "prometheus_client"),
)
"""What is else loaded when it is needed: another user may not be able to read Python's own files here."""


def run(case: dict[str, Any]) -> dict[str, Any]:
    """Run one case: ``arguments``, and what is not as usual."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            try:
                _in_child(case, out.fileno(), err.fileno())
            finally:
                os._exit(99)
        deadline_s = time.monotonic() + TIMEOUT_S
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline_s:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return {"code": os.waitstatus_to_exitcode(ended[1]), "out": texts[0], "err": texts[1]}


def _in_child(case: dict[str, Any], out: int, err: int) -> None:
    os.environ.clear()
    os.environ.update(case.get("environment", {}))
    os.chdir(case["folder"])
    for number, (name, usual) in enumerate((("stdin", None), ("stdout", out), ("stderr", err))):
        _attach(number, case.get(name), usual)
    os.closerange(3, 100)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        closed = case.get(name) == "closed"
        stream = None if closed else open(number, mode, encoding=case.get("encoding", "utf-8"), closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if case.get("uid"):
        os.setgroups([])
        os.setresgid(*[case["uid"]] * 3)
        os.setresuid(*[case["uid"]] * 3)
    time.tzset()
    if case.get("interrupt_s"):
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, case["interrupt_s"])
    sys.argv = ["bluezone-agent", *(os.fsdecode(a.encode("latin-1")) for a in case["arguments"])]
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 98
    except BaseException:  # noqa: BLE001 - said as Python says it
        sys.excepthook(*sys.exc_info())
        code = 97
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            code = 96
    os._exit(code)


def _attach(number: int, kind: str | None, usual: int | None) -> None:
    if kind == "closed":
        os.close(number)
    elif kind == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), number)
    elif kind == "broken":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, number)
    elif usual is not None:
        os.dup2(usual, number)
    else:
        os.dup2(os.open(os.devnull, os.O_RDONLY), number)


if __name__ == "__main__":
    for module in importable():
        import_module(module)
    for name in LATE:
        with suppress(ImportError):  # of another version of a library
            import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
