"""Which tests run: all of a path that was named, also in several processes."""

from __future__ import annotations

import sys

import pytest

from tests.support import processes
from tests.support.document import ROOT

LONG = "tests/unit/test_reloading.py::test_a_copy_that_differs_and_a_process_that_is_silent_are_named"


@pytest.mark.long
def test_a_test_that_was_named_runs_in_another_process_though_it_is_long(tmp_path):
    command = [sys.executable, "-m", "pytest", "-n", "1", "-o", f"cache_dir={tmp_path}", LONG]
    ran = processes.run(command, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
