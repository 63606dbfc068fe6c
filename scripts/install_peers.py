"""Installs those of the tests' peers that this platform has packages for.

They are no part of what a wheel needs: tests that compare with one of them are left out without it
(tests/conftest.py). None of them is compiled.
"""

import subprocess
import sys

for package in ("scipy", "scikit-image", "onnx", "dask[array,distributed]", "matplotlib"):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", package]
    if subprocess.run(command, check=False).returncode:
        print(f"no package of {package} for this platform: tests that need it are left out")
