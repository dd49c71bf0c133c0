"""What the kernel says of its clock, against a C program that asks with the system's own header."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.clocks.kernel_clock import kernel_clock

PROGRAM: Final = """
#include <stdio.h>
#include <sys/timex.h>
int main(void) {
    struct timex t = {0};
    int state = adjtimex(&t);
    printf("%d %ld %ld %zu\\n", state, t.esterror, t.maxerror, sizeof t);
    return 0;
}
"""


def test_it_is_what_a_c_program_reads(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (apt: gcc)")
    (tmp_path / "timex.c").write_text(PROGRAM)
    subprocess.run([compiler, "-o", tmp_path / "timex", tmp_path / "timex.c"], check=True)
    done = subprocess.run([tmp_path / "timex"], check=True, capture_output=True, text=True)
    state, estimated_us, maximum_us, size = map(int, done.stdout.split())
    found = kernel_clock()
    if state < 0:
        assert found is None
        return
    assert found is not None
    assert found.synchronised == (state < 5)
    assert found.estimated_error_s == pytest.approx(estimated_us / 1e6, abs=0.01)
    assert found.maximum_error_s == pytest.approx(maximum_us / 1e6, abs=0.01)
    assert size <= 512
