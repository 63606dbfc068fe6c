"""Arrays larger than memory, and larger than 32 bits can count."""

import sys

import numpy as np
import pytest

import convpool

# Files are mapped; all else that a process asks the system for counts.
BOUNDED = """
    import resource
    import numpy as np, convpool

    def mapped(name, mode, dtype, *shape):
        return np.memmap({folder!r} + "/" + name, dtype, mode, shape=shape)

    def expected_at(image, row, column):
        window = image[:, row : row + 3, column : column + 3].astype(np.float64)
        return np.einsum("cij,ocij->o", window, weight)

    convpool.set_num_threads(2)
    weight = np.arange(2 * 3 * 9, dtype=np.float32).reshape(2, 3, 3, 3) / 7
    x = mapped("x", "w+", np.float32, 3, 5000, 5000)   # 300 MB
    out = mapped("out", "w+", np.float32, 2, 4998, 4998)
    halved = mapped("halved", "w+", np.float32, 3, 2500, 2500)
    blurred = mapped("blurred", "w+", np.float32, 5000, 5000)
    places = [(0, 0), (2345, 4321), (4997, 4997)]
    for row, column in places:
        x[:, row, column + 1] = row + column + np.arange(3) + 1
    small = x[:, :200, :200].copy()
    for _ in range(2):  # threads and their scratch are there before memory is bounded
        convpool.conv2d(small, weight, algorithm="direct")
        convpool.max_pool2d(small, 2)
        convpool.filter2d(small[0], np.ones((3, 3)) / 9)
    with open("/proc/self/status") as status:
        data = next(int(line.split()[1]) for line in status if line.startswith("VmData"))
    limit = 1024 * data + 40 * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        np.ones(x.size // 4, np.float32)
    except MemoryError:
        print("bounded")
    assert convpool.conv2d(x, weight, algorithm="direct", out=out) is out
    assert convpool.max_pool2d(x, 2, out=halved) is halved
    assert convpool.filter2d(x[0], np.ones((3, 3)) / 9, out=blurred) is blurred
    for row, column in places:
        np.testing.assert_allclose(out[:, row, column], expected_at(x, row, column), rtol=1e-5)
        block = x[:, row // 2 * 2 :, (column + 1) // 2 * 2 :][:, :2, :2]
        np.testing.assert_array_equal(
            halved[:, row // 2, (column + 1) // 2], block.max((1, 2)))
        if 0 < row < 4999:
            around = x[0, row - 1 : row + 2, column : column + 3].astype(np.float64)
            np.testing.assert_allclose(blurred[row, column + 1], around.mean(), rtol=1e-5)
    assert np.count_nonzero(out[0]) == sum(
        min(row, 2) - max(row - 4997, 0) + 1 for row, column in places
        for at in range(max(column - 1, 0), min(column + 1, 4997) + 1))
    print("right")
"""


def test_mapped_files_in_bounded_memory(python, tmp_path):
    if sys.platform != "linux":
        pytest.skip("the limit on data does not count mapped memory there")
    ended = python(BOUNDED.format(folder=str(tmp_path)))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["bounded", "right"]


# More than 2^31 elements. Zeros that nobody writes to take no memory.
SIDE = 46_500


def test_an_image_of_more_pixels_than_32_bits_count():
    x = np.zeros((1, 1, SIDE, SIDE), np.float16)
    assert x.size > 2**31
    places = [(0, 0), (23_456, 45_678), (SIDE - 2, SIDE - 2)]
    for i, (row, column) in enumerate(places):
        x[0, 0, row, column] = i + 1
    pooled, indices = convpool.max_pool2d(x, 31, return_indices=True)
    averages = convpool.avg_pool2d(x, 31)
    weight = np.float16(np.arange(1, 5).reshape(1, 1, 2, 2))
    sums = convpool.conv2d(x, weight, stride=31)
    assert np.count_nonzero(pooled) == np.count_nonzero(averages) == len(places)
    for i, (row, column) in enumerate(places):
        at = 0, 0, row // 31, column // 31
        assert pooled[at] == i + 1
        assert indices[at] == row * SIDE + column
        assert averages[at] == np.float16((i + 1) / 31**2)
        inside = row % 31 < 2 and column % 31 < 2
        tap = weight[0, 0, row % 31, column % 31] if inside else 0
        assert sums[at] == (i + 1) * tap


def test_a_filtered_image_of_more_pixels_than_32_bits_count():
    image = np.zeros((SIDE, SIDE), np.uint8)
    places = [(0, 0), (23_456, 45_678), (SIDE - 1, SIDE - 1)]
    for row, column in places:
        image[row, column] = 90
    kernel = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0.5]])
    filtered = convpool.filter2d(image, kernel, padding_mode="zeros")
    for row, column in places:
        assert filtered[row, column] == 90
        if row:
            assert filtered[row - 1, column - 1] == 45
    assert int(filtered.sum(dtype=np.int64)) == 90 * 3 + 45 * 2
