"""Every operator against what others make of the same numbers (docs/agreement.py)."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from operators import operators

DOCS = Path(__file__).parents[1] / "docs"
# Roundings of sums of up to a few hundred products, which partly cancel, and of the result.
BOUNDS = {np.float32: 64 * 2.0**-24, np.float64: 64 * 2.0**-53, np.float16: 2 * 2.0**-11}
DRAWS = 40


def test_the_page_lists_every_operator():
    page = (DOCS / "agreement.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([\w.]+)`", page)) >= set(operators())


@pytest.fixture(scope="module")
def agreement():
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("agreement", DOCS / "agreement.py")
    module = sys.modules["agreement"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_differences(agreement):
    for row in agreement.ROWS:
        found = agreement.differences(row, DRAWS)
        for dtype, difference in zip(row.types, found, strict=True):
            assert difference <= BOUNDS[dtype], (row.names, dtype)


def test_integers_are_exact(agreement):
    for names, _, pair, axes in agreement.EXACT:
        for spatial in axes:
            for seed in range(DRAWS):
                ours, theirs = pair(np.random.default_rng([seed, spatial]), spatial)
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs, err_msg=str(names))
