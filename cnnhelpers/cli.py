"""The command line: python -m cnnhelpers {studies,run,records,verdicts,data,doctor,notebook,book}."""

import argparse
import ast
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cnnhelpers.environment import open_standard_streams, start_keras
from cnnhelpers.errors import InputError, unknown

if TYPE_CHECKING:
    from cnnhelpers import Experiment

DONE, FAILED, USAGE, INTERRUPTED, CUT_OFF = 0, 1, 2, 130, 141
NOTEBOOK_CODES = (  # of notebooks.EXIT_CODES, in words
    "exit codes: 0 done, 1 failed (a cell raised an error), 2 notebook or parameters cannot be executed, "
    "3 dead kernel (killed, out of memory or crashed), 4 timeout, 5 exited (a cell called sys.exit), "
    "6 no kernel (it never started), 130 interrupted"
)
STUDY_COLUMNS = ["id", "study", "dataset", "parameters", "identity", "title"]
RECORD_COLUMNS = [
    *("experiment", "seed", "profile", "status", "identity", "dataset", "official"),
    *("train_accuracy", "validation_accuracy", "test_accuracy", "epochs_run", "seconds"),
    *("backend", "device", "precision"),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something failed, 2 bad usage, 130 interrupted."""
    open_standard_streams()
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("\ninterrupted; start the same command again to finish what is missing", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # of `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF


def studies(options: argparse.Namespace) -> int:
    """List the published experiments, or those of one study, report or id."""
    start_keras()
    from cnnhelpers.reports import all_experiments, find

    experiments = find(options.name) if options.name else all_experiments()
    table = pd.DataFrame([_about(experiment) for experiment in experiments])
    return _print(table if options.json else table[STUDY_COLUMNS], options.json)


def run(options: argparse.Namespace) -> int:
    """Train the missing runs of a study, a report or an experiment."""
    start_keras()
    from cnnhelpers import execution
    from cnnhelpers.reports import find, profiles

    changes = _changes(options.set)
    experiments = [profiles.apply(experiment, options.profile) for experiment in find(options.name)]
    if changes:
        if dataset := changes.pop("dataset", None):
            experiments = [profiles.on_dataset(experiment, dataset) for experiment in experiments]
        experiments = [experiment.change(profile="own", **changes) for experiment in experiments]
    seeds = options.seeds if options.seeds is not None else profiles.seeds(options.profile)
    runs = execution.run(experiments, seeds, workers=options.workers, folder=options.folder)
    _print(runs[RECORD_COLUMNS], options.json)
    return DONE if (runs.status == "done").all() else FAILED


def records(options: argparse.Namespace) -> int:
    """Show the table of recorded runs, or with --verify the records that are damaged."""
    from cnnhelpers import records

    if options.verify:
        wrong = records.verify(_folder(options))
        _print(wrong, options.json, empty="every record is whole")
        return FAILED if len(wrong) else DONE
    runs = records.load(_folder(options))
    if options.study is not None:
        recorded = set(runs["study"])
        if recorded and options.study not in recorded:
            raise unknown("recorded study", options.study, recorded)
        runs = runs[runs["study"] == options.study]
    if options.tensorboard is not None:
        records.export(runs, options.tensorboard)
    return _print(runs[RECORD_COLUMNS], options.json)


def verdicts(options: argparse.Namespace) -> int:
    """Test the reports' conclusions on the recorded runs."""
    from cnnhelpers import claims, reports

    table = reports.published_verdicts(options.report, options.profile, options.dataset, _folder(options))
    if options.json:
        return _print(table.drop(columns="parts"), True)
    print(claims.as_text(table))
    if commands := dict.fromkeys(filter(None, table["command"])):
        print(f"missing runs are trained by: {'; '.join(commands)}")
    return DONE


def data(options: argparse.Namespace) -> int:
    """Print the source of a dataset, its shapes and whether its arrays are the official ones."""
    from cnnhelpers.data import load

    dataset = load(options.name)
    facts = {"name": dataset.name, "source": dataset.source, "classes": dataset.classes}
    facts |= {"train": list(dataset.train_images.shape), "test": list(dataset.test_images.shape)}
    return _print_facts(facts | {"official": dataset.official, "fingerprint": dataset.fingerprint}, options.json)


def doctor(options: argparse.Namespace) -> int:
    """Print versions, device, data and other facts that decide whether and how fast studies run here."""
    start_keras()
    import keras

    from cnnhelpers import environment, training
    from cnnhelpers.data import KNOWN, is_local
    from cnnhelpers.records import default_folder

    facts: dict[str, Any] = dict(environment.versions())
    facts |= {"backend": keras.backend.backend(), "device": environment.device(), "cores": environment.cores()}
    facts |= {"processor": environment.processor(), "vectors": environment.vectors()}
    facts |= {"bfloat16": training.bfloat16_available(), "data": [name for name in KNOWN if is_local(name)]}
    facts |= {"records": str(default_folder()), "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1)}
    facts |= {"graphviz": shutil.which("dot") is not None, "commit": environment.commit()}
    return _print_facts(facts, options.json)


def notebook(options: argparse.Namespace) -> int:
    """Execute a notebook, with parameters, into a new file."""
    from cnnhelpers.book import execute

    status = execute(options.path, options.output, dict(options.parameters), timeout=options.timeout)
    if options.json:
        print(json.dumps([asdict(status)], indent=2))
    elif status.done:
        print(f"{options.output}: done, {status.seconds:.1f} s")
    if not status.done:
        print(f"error: {status.notebook}: {status.status}, {status.error}", file=sys.stderr)
    return status.exit_code


def book(options: argparse.Namespace) -> int:
    """Execute the notebooks and build the site."""
    from cnnhelpers.book import build

    def say(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    built = build(only=options.only or None, timeout=options.timeout, say=say)
    if options.json:
        print(json.dumps([asdict(step) for step in built.steps], indent=2))
    return built.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnnhelpers", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Any) -> argparse.ArgumentParser:
        sub = commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        sub.add_argument("--json", action="store_true", help="print only a JSON list on standard output")
        sub.set_defaults(command=function)
        return sub

    sub = command(studies)
    sub.add_argument("name", nargs="?", help="a study, a report (A to E) or an experiment; all by default")
    sub = command(run)
    sub.add_argument("name", help="a study, a report (A to E) or an experiment such as A1")
    sub.add_argument("--profile", default="published", help="smoke, quick, narrow, published (default) or fair")
    sub.add_argument("--seeds", type=int, help="number of seeds; by default the profile's")
    sub.add_argument("--workers", help="processes (default: one per core), or tcp://HOST:PORT or file of a scheduler")
    changes = {"action": "extend", "nargs": "+", "default": [], "metavar": "FIELD=VALUE"}
    sub.add_argument("--set", **changes, help="change fields of the protocol, such as epochs=3")
    sub.add_argument("--folder", type=Path, help="where runs are recorded; by default book/records")
    sub = command(records)
    sub.add_argument("--study", help="only this study")
    sub.add_argument("--verify", action="store_true", help="list damaged, outdated, edited records; exit code 1 if any")
    sub.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write the histories there as TensorBoard logs")
    sub.add_argument("--folder", type=Path, help="where runs are recorded; by default book/records")
    sub = command(verdicts)
    sub.add_argument("--report", help="only this report, A to E")
    sub.add_argument("--profile", default="published", help="runs of this profile (default published)")
    sub.add_argument("--dataset", help="runs on this dataset; by default the report's own where there are several")
    sub.add_argument("--folder", type=Path, help="where runs are recorded; by default book/records")
    sub = command(data)
    sub.add_argument("name", help="a known dataset, or the path of your own file or folder")
    command(doctor)
    sub = command(notebook)
    sub.epilog = NOTEBOOK_CODES
    sub.add_argument("path", help="the notebook")
    sub.add_argument("output", help="where the executed one is written; a failed one is kept as NAME.failed.ipynb")
    given = {"action": "append", "nargs": 2, "default": [], "metavar": ("NAME", "VALUE"), "dest": "parameters"}
    sub.add_argument("-p", "--parameter", **given, help="a parameter of the notebook, such as -p seeds 3")
    sub.add_argument("--timeout", type=float, default=3600.0, help="seconds for the whole notebook (default 3600)")
    sub = command(book)
    sub.add_argument("--only", action="append", metavar="PAGE", help="execute this notebook only; keep the others")
    sub.add_argument("--timeout", type=float, default=3600.0, help="seconds for one notebook (default 3600)")
    return parser


def _about(experiment: "Experiment") -> dict[str, Any]:
    from cnnhelpers.data import info
    from cnnhelpers.experiments import identity_of, padded_shape

    protocol, dataset = experiment.protocol, info(experiment.protocol.dataset)
    text = experiment.text(dataset)
    shape = padded_shape(dataset.image_shape, protocol.padding)
    return {
        "id": experiment.id,
        "study": experiment.study,
        "report": experiment.report,
        "dataset": protocol.dataset,
        "title": experiment.title,
        "network": text.split("network:\n", 1)[1],
        "parameters": experiment.build(shape, dataset.classes).count_params(),
        "protocol": protocol.text(),
        "identity": identity_of(text),
    }


def _folder(options: argparse.Namespace) -> Path | None:
    if options.folder is not None and not options.folder.is_dir():
        raise InputError(f"there is no folder of records at {options.folder}")
    return options.folder


def _changes(settings: Sequence[str]) -> dict[str, Any]:
    """Return FIELD=VALUE settings with the values read as Python literals where they are, else as text.

    >>> _changes(["epochs=3", "learning_rate=1e-3", "optimizer=sgd", "schedule=None"])
    {'epochs': 3, 'learning_rate': 0.001, 'optimizer': 'sgd', 'schedule': None}
    """
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set takes FIELD=VALUE, such as epochs=3. Received: {setting!r}")
        try:
            changes[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            changes[name] = text
    return changes


def _print(table: pd.DataFrame, as_json: bool, empty: str = "nothing recorded") -> int:
    if as_json:
        print(json.dumps(json.loads(table.to_json(orient="records")), indent=2))
    else:
        print(table.to_string(index=False) if len(table) else empty)
    return DONE


def _print_facts(facts: dict[str, Any], as_json: bool) -> int:
    lines = (f"{name:<14} {value}" for name, value in facts.items())
    print(json.dumps([facts], indent=2) if as_json else "\n".join(lines))
    return DONE
