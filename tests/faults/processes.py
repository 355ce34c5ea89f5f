"""Real processes for the tests: the runner as a script of its own, what it started, and waiting with a limit."""

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


def until(found, *arguments):
    """Return what `found` gives as soon as it is true, with patience."""
    deadline = time.monotonic() + PATIENCE
    while not (result := found(*arguments)):
        assert time.monotonic() < deadline, f"{found} {arguments}: nothing within {PATIENCE} s"
        time.sleep(0.05)
    return result


def children(pid):
    """Return the processes that train below process `pid`."""
    return below(pid, "cnnhelpers.execution.worker_process")


def below(pid, command):
    """Return the processes below process `pid` whose command line holds `command`."""
    with suppress(psutil.Error):
        return [one for one in psutil.Process(pid).children(recursive=True) if command in _command(one)]
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
