"""How much hypothesis tries (HYPOTHESIS_PROFILE=long: a night; few: with sanitizers), what is left
out where a platform has no packages for it, and a fresh interpreter."""

import ast
import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "ci", deadline=None, max_examples=500, derandomize=os.environ.get("CI") == "true"
)
settings.register_profile("few", deadline=None, max_examples=30)
settings.register_profile("long", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Peers that not every platform of the wheels has packages for.
PEERS = {name for name in ("scipy", "onnx", "skimage", "dask") if find_spec(name) is None}


def missing_peers(path):
    """Those of the absent packages that a test file, or a file of ours that it imports, needs."""
    imported = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    ours = [path.with_name(f"{name}.py") for name in imported]
    return PEERS & imported | {n for file in ours if file.is_file() for n in missing_peers(file)}


def pytest_report_header():
    return [f"no {name} here: tests that compare with it are left out" for name in sorted(PEERS)]


def pytest_ignore_collect(collection_path):
    if PEERS and collection_path.name.startswith("test_") and missing_peers(collection_path):
        return True
    return None


@pytest.fixture
def python():
    """Runs code in an interpreter of its own, which may crash, hang or differ in its environment.

    It can import what the tests can, and of the variables that convpool reads it has those given.
    """

    def run(code, timeout=120, **environment):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CONVPOOL_", "OMP_", "GOMP_"))
        }
        path = os.pathsep.join(filter(None, [str(Path(__file__).parent), kept.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**kept, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
