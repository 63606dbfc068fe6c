"""The tutorial runs as it stands, and its pictures are there."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def test_code_blocks(tmp_path, monkeypatch):
    pytest.importorskip("skimage")
    monkeypatch.chdir(tmp_path)
    failures, tests = doctest.testfile(str(DOCS / "tutorial.md"), module_relative=False)
    assert failures == 0
    assert tests > 40


def test_pictures_are_those_that_the_script_draws(tmp_path, monkeypatch):
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    named = re.findall(r"\]\(pictures/(.+?)\)", (DOCS / "tutorial.md").read_text())
    assert sorted(named) == sorted(path.name for path in tmp_path.iterdir())
    assert sorted(named) == sorted(path.name for path in (DOCS / "pictures").iterdir())
