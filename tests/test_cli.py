"""The command line, as scripts use it: JSON alone on standard output, exit codes, one line for bad usage."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnhelpers.cli import main
from cnnhelpers.data import datasets as data
from tests.tiny import hear_ctrl_c

ROOT = Path(__file__).parents[1]
SMALL = ["--profile", "smoke", "--seeds", "1", "--set", "epochs=1", "images=64"]


def printed(capsys, *arguments):
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_studies_lists_the_experiments_of_a_report_with_their_identities(capsys):
    code, rows = printed(capsys, "studies", "A")
    assert code == 0
    assert [row["id"] for row in rows][:3] == ["A1", "A2", "A3"]
    keys = {"id", "study", "report", "dataset", "network", "parameters", "protocol", "identity"}
    assert keys <= set(rows[0])
    assert rows[0]["parameters"] == 19146
    assert "Conv2D(filters=32" in rows[0]["network"]


def test_a_network_runs_on_other_images_than_its_own_and_verdicts_tell_datasets_apart(capsys, tmp_path):
    small = ["--seeds", "1", "--set", "epochs=1", "images=100", "dataset=digits", "--folder", str(tmp_path)]
    code, (row,) = printed(capsys, "run", "D0", *small)  # digits are padded to its 32x32x3
    assert (code, row["status"], row["dataset"]) == (0, "done", "digits")
    assert printed(capsys, "verdicts", "--dataset", "digits", "--folder", str(tmp_path))[0] == 0
    assert main(["verdicts", "--dataset", "digit", "--folder", str(tmp_path)]) == 2
    assert "did you mean 'digits'" in capsys.readouterr().err


def test_run_trains_what_is_missing_and_records_shows_it(capsys, tmp_path):
    code, rows = printed(capsys, "run", "A1", *SMALL, "--folder", str(tmp_path))
    assert (code, [row["status"] for row in rows]) == (0, ["done"])
    code, rows = printed(capsys, "records", "--study", "regularization", "--folder", str(tmp_path))
    assert code == 0
    assert rows[0]["experiment"] == "A1"
    assert rows[0]["dataset"] == "digits"
    assert rows[0]["epochs_run"] == 1
    names = "experiment seed profile status identity dataset official train_accuracy validation_accuracy test_accuracy"
    assert [*rows[0]] == [*names.split(), "epochs_run", "seconds", "backend", "device", "precision"]


def test_a_failed_run_gives_exit_code_1(capsys, tmp_path):
    wild = ["--set", "optimizer=sgd", "--set", "learning_rate=1e30"]
    code, rows = printed(capsys, "run", "A2", *SMALL, *wild, "--folder", str(tmp_path))
    assert (code, rows[0]["status"], rows[0]["test_accuracy"]) == (1, "failed", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "regularizatoin"], "did you mean 'regularization'"),
        (["run", "A1", "--profile", "quik"], "did you mean 'quick'"),
        (["run", "A1", "--set", "epoch=3"], "did you mean 'epochs'"),
        (["run", "A1", "--set", "epochs"], "FIELD=VALUE"),
        (["run", "A1", "--set", "epochs=0"], "epochs=0"),
        (["run", "A1", "--set", "learning_rate=nan"], "learning_rate"),
        (["run", "A1", "--seeds", "-1"], "seeds=-1"),
        (["run", "A1", "--workers", "0"], "workers=0"),
        (["data", "fashion_mist"], "did you mean 'fashion_mnist'"),
        (["studies", "regularisation"], "did you mean 'regularization'"),
        (["records", "--folder", "nowhere"], "nowhere"),
        (["verdicts", "--profile", "publised"], "did you mean 'published'"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_on_standard_error_and_exit_code_2(capsys, arguments, message):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1


def test_data_says_where_a_dataset_comes_from(capsys):
    code, (row,) = printed(capsys, "data", "digits")
    assert (code, row["official"], row["train"]) == (0, True, [1297, 28, 28, 1])
    assert row["fingerprint"] == data.KNOWN["digits"].fingerprint


def test_verdicts_lists_the_conclusions_of_a_report_and_what_they_lack(capsys, tmp_path):
    code, rows = printed(capsys, "verdicts", "--report", "B", "--folder", str(tmp_path))
    assert (code, [row["number"] for row in rows]) == (0, [9, 10, 11, 12, 13])
    assert {row["verdict"] for row in rows} == {"not enough runs"}
    assert rows[0]["command"] == "python -m cnnhelpers run B --profile narrow --seeds 5"
    assert main(["verdicts", "--folder", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "30 E   not enough runs" in told
    assert "CNNs beat dense networks by over 20 points" in told


def test_doctor_names_versions_device_and_data(capsys):
    code, (row,) = printed(capsys, "doctor")
    assert code == 0
    assert {"keras", "backend", "device", "cores", "vectors", "bfloat16", "data", "free_disk_gb"} <= set(row)
    assert row["data"] == ["digits"]


def test_ctrl_c_gives_exit_code_130_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "cnnhelpers", "run", "A2", "--profile", "smoke", "--seeds", "2"]
    command += ["--set", "epochs=200", "--folder", str(tmp_path)]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=hear_ctrl_c, **pipes)
    assert next(line for line in process.stderr if "0 of 2 runs" in line)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "start the same command again" in told
    assert not [line for line in told.splitlines() if "Traceback" in line]


def test_module_runs_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cnnhelpers", "data", "digits", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert json.loads(done.stdout)[0]["name"] == "digits"
    assert done.stderr == ""


def test_verdicts_of_the_committed_records_say_nothing_on_standard_error():
    told = subprocess.run([sys.executable, "-m", "cnnhelpers", "verdicts"], capture_output=True, text=True, check=True)
    assert told.stderr == ""
