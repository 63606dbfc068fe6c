"""What `import convpool` costs: NumPy, the standard library, and hardly any time."""

import re
import sys

CODE = "import numpy; import convpool"
# A machine imports NumPy in 80 ms; on a slower or a busy one the budget grows alike.
BUDGET, NUMPY = 20_000, 80_000


def test_needs_numpy_alone(python):
    ended = python(
        """
        import sys
        import numpy
        before = set(sys.modules)
        import convpool
        print(*{name.partition(".")[0] for name in set(sys.modules) - before})
        """
    )
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split()) - {"convpool", "numpy"} - sys.stdlib_module_names
    # Cython's modules share a module of this kind in memory; nothing is read for it.
    assert not {name for name in loaded if not name.startswith(("_cython_", "cython_runtime"))}


def test_time(python, tmp_path):
    cache = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    assert python(CODE, **cache).returncode == 0
    costs = []
    for _ in range(5):
        ended = python(CODE, PYTHONPROFILEIMPORTTIME="1", **cache)
        took = {
            name: int(microseconds)
            for microseconds, name in re.findall(r"\| +(\d+) \| (\w+)$", ended.stderr, re.MULTILINE)
        }
        costs.append(took["convpool"] / max(1, took["numpy"] / NUMPY))
    assert min(costs) < BUDGET, costs
