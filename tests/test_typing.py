"""Type checkers see the public functions as they are: what works is accepted, what does not is not.

They read a copy of tests/typing/usage.py against the package, as in a caller's own project.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

import convpool

USAGE = Path(__file__).parent / "typing" / "usage.py"
PACKAGE = Path(convpool.__file__).parent


def mypy(folder):
    if find_spec("mypy") is None:
        pytest.skip("no mypy here")
    settings = folder / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n")
    environment = dict(os.environ)
    if not PACKAGE.is_relative_to(sysconfig.get_path("platlib")):
        environment["MYPYPATH"] = str(PACKAGE.parent)
    command = [sys.executable, "-m", "mypy", "--output=json", f"--config-file={settings}"]
    ended = subprocess.run(
        [*command, f"--cache-dir={folder}", folder / USAGE.name],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert ended.returncode < 2, ended.stdout + ended.stderr
    for line in ended.stdout.splitlines():
        found = json.loads(line)
        assert Path(found["file"]).name == USAGE.name, found
        if found["severity"] == "error":
            yield found["line"], found["message"]


def pyright(folder):
    program = shutil.which("pyright") or shutil.which("basedpyright")
    if program is None:
        pytest.skip("no pyright here")
    project = folder / "pyrightconfig.json"
    settings = {"typeCheckingMode": "strict"}
    if not PACKAGE.is_relative_to(sysconfig.get_path("platlib")):
        settings["extraPaths"] = [str(PACKAGE.parent)]
    project.write_text(json.dumps(settings))
    command = [program, "--outputjson", "--pythonpath", sys.executable, "--project", project]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode < 2, ended.stdout + ended.stderr
    for found in json.loads(ended.stdout)["generalDiagnostics"]:
        if found["severity"] == "error":
            yield found["range"]["start"]["line"] + 1, found["message"]


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_usage(checker, tmp_path):
    shutil.copy(USAGE, tmp_path)
    found = {}
    for line, message in checker(tmp_path):
        found.setdefault(line, message)
    lines = USAGE.read_text(encoding="utf-8").splitlines()
    refused = {n for n, line in enumerate(lines, 1) if line.endswith("# error")}
    assert {n: found[n] for n in found.keys() - refused} == {}
    assert [lines[n - 1] for n in sorted(refused - found.keys())] == []


def test_annotations_are_shipped():
    assert (PACKAGE / "py.typed").is_file()
