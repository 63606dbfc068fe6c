"""Layers and networks of them: counted by hand or by table, and run on NumPy arrays.

A layer is fixed when it is made, but for its weights. It knows its `parameters`, its
`output_shape(input_shape)` and its `macs(input_shape)` without a weight in memory; called, it
computes. Layers joined by `Sequential`, `Concat` and `Residual` are layers again.
"""

from ._layer import Layer
from .containers import Concat, Residual, Sequential
from .convolution import Conv2d, Linear
from .normalisation import BatchNorm2d, LocalResponseNorm
from .pointwise import Dropout, Flatten, ReLU, ReLU6, Softmax, Tanh
from .pooling import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from .summary import Row, Summary

__all__ = [
    "AvgPool2d",
    "BatchNorm2d",
    "Concat",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2d",
    "Layer",
    "Linear",
    "LocalResponseNorm",
    "MaxPool2d",
    "ReLU",
    "ReLU6",
    "Residual",
    "Row",
    "Sequential",
    "Softmax",
    "Summary",
    "Tanh",
]
