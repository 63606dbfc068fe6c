"""Trained models from ONNX files.

read (model.py) -> fold (folding.py) -> one kernel a node (operators.py and those beside it)
-> run once, to learn shapes -> plan of buffers and calls for these shapes (plan.py)
"""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network


def load_onnx(model: str | PathLike[str] | bytes) -> "Network":
    """Make a network of a trained model in the ONNX format.

    Batch normalisation, bias, padding, residual and activation are folded into the convolutions
    and weights are packed, once. The extra `onnx` of this package reads the file.

    Parameters
    ----------
    model : str, path or bytes
        The file's name, or its contents. Weights that the model keeps in files of their own are
        read from its folder and from nowhere else.

    Returns
    -------
    Network
        ``net(x)``, ``net.run({"name": x})``, ``net.plan()``, ``net.profile(x)``.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    OSError
        If the file cannot be read.
    ValueError
        If it is no ONNX model, if it is damaged, or if it has an operator that is not known here:
        the message names the node and the operator.

    Examples
    --------
    >>> import convpool, numpy as np, onnx
    >>> graph = onnx.parser.parse_model('''
    ...     <ir_version: 8, opset_import: ["" : 17]>
    ...     tiny (float[n, 1, h, w] x) => (float[n, 1, p, q] y)
    ...     <float[1, 1, 2, 2] kernel = {1, 1, 1, 1}>
    ...     { sums = Conv(x, kernel)  y = Relu(sums) }''')
    >>> net = convpool.load_onnx(graph.SerializeToString())
    >>> print(net.plan())
    Conv+relu  x -> y
    >>> net(np.float32([[[[1, 2, -9], [3, 4, -9]]]]))
    array([[[[10.,  0.]]]], dtype=float32)
    """
    from .network import load

    return load(model)
