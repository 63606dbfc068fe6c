"""Every operator gives the same bits on any number of threads, and again when it is asked again."""

import numpy as np
import pytest

from operators import bits, operators, takes

# Large enough that work is shared out.
CALLS = {dtype: operators(18, dtype) for dtype in (np.float16, np.float32, np.float64)}


@pytest.mark.parametrize("dtype", CALLS)
@pytest.mark.parametrize(
    "name", [name for name, call in CALLS[np.float32].items() if takes(call[0], "num_threads")]
)
def test_any_number_of_threads(name, dtype):
    function, arguments = CALLS[dtype][name]
    expected = bits(function(**arguments, num_threads=1))
    for threads in (2, 2, 3, 5, 16):
        assert bits(function(**arguments, num_threads=threads)) == expected
