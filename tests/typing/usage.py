"""What callers write, and the types that checkers are to see. `tests/test_typing.py` reads this.

Every line that ends in "# error" must be refused, all others accepted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import convpool

Array = NDArray[Any]

x = np.zeros((1, 3, 8, 8), np.float32)
weight = np.zeros((4, 3, 3, 3), np.float32)
out = np.zeros((1, 4, 8, 8), np.float32)

# Convolution: whatever NumPy makes an array of; ints of NumPy's; padding in every form.
assert_type(convpool.conv2d(x, weight), Array)
assert_type(convpool.conv1d([[[1.0, 2.0]]], [[[1.0]]]), Array)
assert_type(convpool.conv3d(x, weight, np.zeros(4)), Array)
convpool.conv2d(x, weight, stride=2, dilation=(1, np.int64(2)), groups=np.int32(1))
convpool.conv2d(x, weight, padding="same", padding_mode="reflect", algorithm="direct")
convpool.conv2d(x, weight, padding=[1, 1])
convpool.conv2d(x, weight, padding=((1, 2), (0, 1)), padding_value=0.5)
convpool.conv2d(x, weight, activation="relu", residual=x, layout="NHWC", out=out, num_threads=1)
convpool.conv2d(x, weight, activation=("leaky_relu", 0.1), flip=True)
convpool.conv2d(x)  # error
convpool.conv2d(x, weight, None, 2)  # error
convpool.conv2d(x, weight, stride=1.5)  # error
convpool.conv2d(x, weight, padding=(1.0, 1.0))  # error
convpool.conv2d(x, weight, layout="HWC")  # error
convpool.conv1d(x, weight, layout="NCHW")  # error
convpool.conv2d(x, weight, activation=0.1)  # error
convpool.conv2d(x, weight, strides=2)  # error
convpool.conv2d(x, weight, out=[0.0])  # error

# Weights prepared once.
packed = convpool.pack_weight(weight, stride=2)
assert_type(packed, convpool.PackedWeight)
assert_type(convpool.conv2d(x, packed), Array)
convpool.linear(x, packed)  # error

# Pooling: indices only where they are asked for.
assert_type(convpool.max_pool2d(x, 2), Array)
assert_type(convpool.max_pool2d(x, (2, 2), return_indices=False), Array)
assert_type(convpool.max_pool2d(x, 2, stride=1, return_indices=True), tuple[Array, Array])
assert_type(convpool.avg_pool2d(x, 3, padding=1, count_include_pad=False), Array)
convpool.avg_pool2d(x, 3, divisor_override=np.int64(4))
convpool.max_pool2d(x)  # error
convpool.max_pool2d(x, 2.0)  # error
convpool.avg_pool2d(x, 2, return_indices=True)  # error

# Images and their kernels.
photo = np.zeros((4, 4, 3), np.uint8)
assert_type(convpool.filter2d(photo, convpool.filters.gaussian(1.5, size=5)), Array)
convpool.filter2d(photo, [[0, 1], [1, 0]], padding_mode="circular")
convpool.filters.box_blur(2.5)  # error
convpool.filters.emboss(3)  # error

assert_type(convpool.linear(x, weight, activation="tanh"), Array)

# The process.
assert_type(convpool.__version__, str)
assert_type(convpool.get_include(), str)
assert_type(convpool.get_num_threads(), int)
convpool.get_config()["isa"]
convpool.set_num_threads(2)
with convpool.num_threads(2):
    pass
convpool.set_num_threads("2")  # error
