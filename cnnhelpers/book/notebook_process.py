"""The process in which papermill runs one notebook: it tells the ways to end apart, and ends with its parent."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import psutil

MARK = "CNNHELPERS_NOTEBOOK"  # in the environment of every process that a notebook starts, so that none is left


def end_marked(mark: str) -> None:
    """Kill every other process that carries the mark, and wait until they are gone."""
    for _ in range(20):  # again, because one may start another while it is killed
        marked = [process for process in psutil.process_iter() if _carries(process, mark)]
        if not marked:
            return
        for process in marked:
            try:
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(marked, timeout=1)


def run(job: dict[str, Any]) -> tuple[str, str]:
    """Execute `job["notebook"]` into `job["output"]`; return (status, error)."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    started: list[bool] = []
    try:
        notebook = papermill.execute_notebook(
            _literal_path(job["notebook"]),
            _literal_path(job["output"]),
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=job["start_timeout"],
            iopub_timeout=60,
            on_cell_start=lambda **_: started.append(True),
        )
    except PapermillExecutionError as error:
        status = "exited" if error.ename == "SystemExit" else "failed"
        return status, f"cell {error.exec_count}: {error.ename}: {error.evalue}"
    except DeadKernelError:
        return "dead kernel", "the kernel died (killed, out of memory or crashed) before the notebook ended"
    except Exception as error:
        disk = isinstance(error, OSError) and not isinstance(error, FileNotFoundError)  # full, read-only, not ours
        no_kernel = not started and not disk
        return "no kernel" if no_kernel else "failed", f"{type(error).__name__}: {error}"
    if notebook.metadata.papermill.exception:  # papermill lets sys.exit(0) pass
        return "exited", "a cell called sys.exit: what follows it never ran"
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if any(cell.execution_count is None for cell in code):
        return "failed", "not every cell ran"
    return "done", ""


def main() -> None:
    """Read a job from standard input, run it, write the result; end with everything if standard input closes."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    status, error = run(job)
    Path(job["result"]).write_text(json.dumps({"status": status, "error": error}), encoding="utf-8")


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    end_marked(os.environ[MARK])
    os._exit(1)


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _literal_path(path: str) -> str:
    """Return the path as papermill needs it, which takes braces for placeholders."""
    return path.replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    main()
