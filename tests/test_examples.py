"""The examples run as they are, and reach what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_lenet_learns_digits(seed, tmp_path):
    pytest.importorskip("sklearn", reason="the extra `examples` is not installed")
    picture = tmp_path / "lenet.png"
    done = subprocess.run(
        [sys.executable, FOLDER / "lenet.py", "--seed", seed, "-o", picture],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    recognised = float(re.search(r"recognised: ([\d.]+) %", done.stdout)[1])
    assert recognised > 97
    assert picture.read_bytes().startswith(b"\x89PNG")
