"""Strict papermill: inspect, validate, execute a notebook, and say truly how it ended."""

import hashlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from cnnhelpers import environment
from cnnhelpers.atomic import check_writable, replace_file
from cnnhelpers.book.notebook_process import MARK, end_marked
from cnnhelpers.book.parameters import Parameter, inspect, validate
from cnnhelpers.book.sanitize import plain_text
from cnnhelpers.errors import InputError

__all__ = ["EXIT_CODES", "Parameter", "Status", "execute", "inspect", "status_of", "validate"]

KERNEL = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")  # never another environment's
_FOLDERS = ("CNNHELPERS_RECORDS", "CNNHELPERS_DATA", "KERAS_HOME")  # relative to us, not to the notebook
_LIBRARIES = ("ipykernel", "papermill", "matplotlib")
#: How a notebook can end, with the exit code of each; 2 is that of a notebook or a parameter unfit to be executed.
EXIT_CODES = {"done": 0, "failed": 1, "dead kernel": 3, "timeout": 4, "exited": 5, "no kernel": 6}


@dataclass(frozen=True)
class Status:
    """How a notebook ended; OUTPUT.json next to the output holds the same."""

    notebook: str  #: file name
    status: str  #: one of EXIT_CODES; of a page of the book also "refused" or "not executed"
    seconds: float
    error: str = ""  #: without colours and without paths of this machine
    parameters: dict[str, Any] = field(default_factory=dict)  #: those that were given
    versions: dict[str, str] = field(default_factory=dict)
    source: str = ""  #: SHA-256 of the notebook that was executed
    commit: str = ""  #: of the package that it called, "+" after it if that was changed

    @property
    def done(self) -> bool:
        """Whether every cell ran."""
        return self.status == "done"

    @property
    def exit_code(self) -> int:
        """The exit code of `python -m cnnhelpers notebook`."""
        return EXIT_CODES.get(self.status, EXIT_CODES["failed"])


def execute(
    path: str | Path,
    output: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    timeout: float = 3600.0,
    start_timeout: float = 60.0,
) -> Status:
    """Run a notebook top to bottom in a fresh kernel of this very interpreter, in the notebook's own folder.

    `output` is written under another name and renamed when every cell ran. Otherwise an earlier `output` stays as it
    was and the executed part is kept as NAME.failed.ipynb. Either way the status is in NAME.json. No process that the
    notebook started outlives the call.

    Parameters
    ----------
    parameters
        Values by name, checked by `validate` before any kernel starts.
    timeout
        Seconds that the whole notebook may take.
    start_timeout
        Seconds that the kernel may take to answer.

    Raises
    ------
    InputError
        If the notebook or a parameter is not fit to be executed, or `output` cannot be written. Nothing is then.
    """
    path, output = Path(path).resolve(), Path(output).resolve()
    values = validate(path, parameters or {})
    if path == output:
        raise InputError(f"the output would overwrite the notebook itself: {path.name}")
    if not timeout > 0:
        raise InputError(f"timeout must be a number of seconds above 0. Received: timeout={timeout}")
    check_writable(output.parent, "name another output")
    source = sha256(path)
    partial = output.with_name(f".{output.stem}.{uuid4().hex[:8]}.ipynb")
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="cnnhelpers-", ignore_cleanup_errors=True) as folder:
            job = {"notebook": str(path), "output": str(partial), "parameters": values, "start_timeout": start_timeout}
            outcome, error = _run(job, Path(folder), path.parent, timeout)
        seconds = round(time.monotonic() - started, 1)
        status = Status(
            path.name, outcome, seconds, plain_text(error)[:2000], values, _versions(), source, environment.commit()
        )
        _keep(partial, output, status, path.name)
    finally:
        partial.unlink(missing_ok=True)
    return status


def status_of(output: str | Path) -> Status | None:
    """Return the status next to an executed notebook, or None if there is no readable one."""
    try:
        return Status(**json.loads(Path(output).with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(job: dict[str, Any], folder: Path, working: Path, timeout: float) -> tuple[str, str]:
    """Run the job in a process of its own; return (status, error) and leave no process behind."""
    result, log = folder / "result.json", folder / "log.txt"
    mark = uuid4().hex
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cnnhelpers.book.notebook_process"],
            cwd=working,
            env=_environment(folder, mark),
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C reaches us alone; we end the rest
        )
    try:
        process.stdin.write(json.dumps(job | {"result": str(result)}).encode() + b"\n")
        process.stdin.flush()  # and stays open: when it closes, the process knows that we are gone
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return "timeout", f"the notebook took longer than {timeout:g} s"
    except BrokenPipeError:
        code = process.wait()
    finally:
        end_marked(mark)
        process.stdin.close()
        process.wait()
    if not result.exists():
        ending = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return "failed", f"the process that ran the notebook ended ({ending}): {_tail(log)}"
    outcome = json.loads(result.read_text(encoding="utf-8"))
    error = outcome["error"]
    if outcome["status"] in ("no kernel", "dead kernel") and _tail(log):
        error += f" ({_tail(log)})"
    return outcome["status"], error


def _environment(folder: Path, mark: str) -> dict[str, str]:
    """Return the environment of the process: our kernel as python3, the user's own IPython start-up left out."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True)
    specification = {"argv": list(KERNEL), "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    checkout = str(Path(__file__).resolve().parents[2])
    paths = [checkout, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # Agg would show no figure
    folders = {name: os.path.abspath(os.path.expanduser(inherited[name])) for name in _FOLDERS if inherited.get(name)}  # noqa: PTH100, PTH111
    return (
        inherited
        | folders
        | {
            "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in paths),  # noqa: PTH100
            "JUPYTER_PATH": str(folder),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            MARK: mark,
        }
    )


def _keep(partial: Path, output: Path, status: Status, name: str) -> None:
    """Put what papermill wrote where it belongs and write the status next to it."""
    failed = output.with_suffix(".failed.ipynb")
    try:
        notebook = json.loads(partial.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nothing, or cut off in the middle of a write
        notebook = None
    if notebook is not None:
        notebook["metadata"].get("papermill", {}).update(input_path=name, output_path=output.name)
        write_text(output if status.done else failed, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    if status.done:
        failed.unlink(missing_ok=True)
    write_text(output.with_suffix(".json"), json.dumps(asdict(status), indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    replace_file(path, lambda file: file.write(text.encode()))


def _tail(log: Path) -> str:
    """Return the last line that says something."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _versions() -> dict[str, str]:
    found = environment.versions()
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
