"""How much hypothesis tries (HYPOTHESIS_PROFILE=long: a night), and a fresh interpreter."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "ci", deadline=None, max_examples=500, derandomize=os.environ.get("CI") == "true"
)
settings.register_profile("long", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


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
