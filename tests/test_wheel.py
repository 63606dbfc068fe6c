"""What is installed: one version, NumPy alone, with its headers, types and licence."""

import re
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

import convpool

PACKAGE = Path(convpool.__file__).parent
PROJECT = Path(__file__).parent.parent
INSTALLED = PACKAGE.parent == Path(sysconfig.get_path("platlib"))


def test_one_version():
    header = Path(convpool.get_include(), "convpool", "convpool.h").read_text(encoding="utf-8")
    numbers = re.findall(r"#define CONVPOOL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    citation = re.search(r"^version: (\S+)$", (PROJECT / "CITATION.cff").read_text(), re.MULTILINE)
    assert convpool.__version__ == convpool.get_config()["version"] == ".".join(numbers)
    assert convpool.__version__ == metadata.version("convpool") == citation[1]
    assert f"## {convpool.__version__}" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.skipif(not INSTALLED, reason="convpool runs from its source folder")
def test_needs_numpy_alone():
    needs = [need for need in metadata.requires("convpool") if "extra ==" not in need]
    assert [re.split(r"[<>=!~ ]", need)[0] for need in needs] == ["numpy"]


@pytest.mark.skipif(not INSTALLED, reason="convpool runs from its source folder")
def test_files():
    there = metadata.files("convpool")
    names = {file.as_posix() for file in there}
    headers = {f"convpool/_include/convpool/{p.name}" for p in PROJECT.glob("include/convpool/*.h")}
    declarations = {f"convpool/{path.name}" for path in PROJECT.glob("src/convpool/*.pxd")}
    assert headers and headers <= names
    assert "convpool/__init__.pxd" in declarations and declarations <= names
    assert "convpool/py.typed" in names
    assert not [name for name in names if name.endswith((".pyx", ".c", ".cpp"))]
    assert not [name for name in names if name.partition("/")[0] in ("tests", "include", "src")]
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert metadata.metadata("convpool")["License-Expression"] == "MIT"
