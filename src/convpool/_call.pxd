# What the drivers' callers share: the terms of a convolution, and how its arrays fit together.
cimport numpy as cnp

from convpool._kernels cimport convpool_conv
from convpool._plain cimport Padding

# What a convolution is given beside its arrays.
cdef struct Terms:
    convpool_conv conv         # groups, strides, dilations, border and activation
    Padding padding
    int spatial, channels_last, flip, algorithm

cdef int settle(Terms* terms, int spatial, stride, padding, dilation, groups, padding_mode,
                padding_value, flip, activation, layout, algorithm) except -1
cdef int check_weight(cnp.ndarray kernels, int least, int most) except -1
cdef int fit_convolution(Terms* terms, cnp.ndarray images, cnp.ndarray kernels, padding_mode,
                         cnp.npy_intp* shape, bint* single) except -1
