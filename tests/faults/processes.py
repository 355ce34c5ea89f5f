"""Real processes for tests: the runner as a script, the processes below it, and waiting with a limit."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.tiny import hear_ctrl_c

ROOT = Path(__file__).parents[2]
PATIENCE = 600  # seconds; a busy machine takes long to import TensorFlow


def script(code, **options):
    """Start Python with `code` in a process that hears Ctrl-C."""
    options = {"stderr": subprocess.DEVNULL, "preexec_fn": hear_ctrl_c} | options
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **options)


def until(condition, *arguments):
    """Return what `condition` returns as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (result := condition(*arguments)):
        assert time.monotonic() < deadline, f"{condition} {arguments}: nothing within {PATIENCE} s"
        time.sleep(0.05)
    return result


def children(pid):
    """Return the processes that train below process `pid`."""
    return below(pid, "cnnhelpers.execution.worker_process")


def below(pid, command):
    """Return the processes below process `pid` whose command line holds `command`."""
    with suppress(psutil.Error):
        return [each for each in psutil.Process(pid).children(recursive=True) if command in _command(each)]
    return []


def gone(processes, seconds=5):
    """Return whether all processes end within `seconds`."""
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def environment(**changes):
    """Return this environment with changes; None takes a variable out."""
    return {name: value for name, value in (os.environ | changes).items() if value is not None}


def _command(process):
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
