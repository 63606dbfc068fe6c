"""The examples of every docstring and of the README run as they stand."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import convpool

MODULES = [
    "convpool",
    *(
        module.name
        for module in pkgutil.walk_packages(convpool.__path__, "convpool.")
        if not module.name.endswith(".__main__")  # that is the command line itself
    ),
]


# Modules that need what is no dependency.
EXTRAS = {
    "convpool.dask": "dask",
    "convpool.plot": "matplotlib",
    "convpool._onnx": "onnx",
    "convpool._onnx.network": "onnx",
}


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name, tmp_path, monkeypatch):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    monkeypatch.chdir(tmp_path)  # examples may write files
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0


def test_examples_are_found():
    """Every function that convpool exports has one."""
    finder = doctest.DocTestFinder()
    for name in convpool.__all__:
        value = getattr(convpool, name)
        if callable(value):
            examples = sum(len(test.examples) for test in finder.find(value, name))
            assert examples, f"convpool.{name} has no example"


def test_readme(tmp_path, monkeypatch):
    readme = Path(__file__).parent.parent / "README.md"
    monkeypatch.chdir(tmp_path)
    failures, _ = doctest.testfile(str(readme), module_relative=False)
    assert failures == 0
