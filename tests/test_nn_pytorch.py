"""Layers and whole models against PyTorch, in float64."""

import numpy as np
import pytest

from convpool import models, nn

torch = pytest.importorskip("torch")
functional = torch.nn.functional
RNG = np.random.default_rng


def as_tensor(array):
    return torch.from_numpy(np.array(array, np.float64))


def by_pytorch(layer, x):
    """The same layer by `torch.nn.functional`."""
    arrays = {name: as_tensor(array) for name, array in layer.state().items()}
    weight, bias = arrays.get("weight"), arrays.get("bias")
    match layer:
        case nn.Sequential():
            for _, child in layer.children:
                x = by_pytorch(child, x)
            return x
        case nn.Concat():
            return torch.cat([by_pytorch(child, x) for _, child in layer.children], 1)
        case nn.Residual():
            y = by_pytorch(layer.body, x)
            y = y + (x if layer.shortcut is None else by_pytorch(layer.shortcut, x))
            return y if layer.activation is None else by_pytorch(layer.activation, y)
        case nn.Conv2d(windows=w):
            pads = [before for before, _ in w.padding]
            return functional.conv2d(x, weight, bias, w.stride, pads, w.dilation, layer.groups)
        case nn.Linear():
            return functional.linear(x, weight, bias)
        case nn.MaxPool2d(windows=w):
            pads = [before for before, _ in w.padding]
            return functional.max_pool2d(x, w.kernel, w.stride, pads, w.dilation, w.ceil_mode)
        case nn.AvgPool2d(windows=w):
            return functional.avg_pool2d(x, w.kernel, w.stride)
        case nn.GlobalAvgPool2d():
            return functional.adaptive_avg_pool2d(x, 1)
        case nn.BatchNorm2d():
            mean, var = arrays["running_mean"], arrays["running_var"]
            return functional.batch_norm(x, mean, var, weight, bias, eps=layer.eps)
        case nn.LocalResponseNorm():
            return functional.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.k)
        case nn.Softmax():
            return functional.softmax(x, 1)
        case nn.ReLU():
            return functional.relu(x)
        case nn.ReLU6():
            return functional.relu6(x)
        case nn.Tanh():
            return torch.tanh(x)
        case nn.Flatten():
            return x.flatten(1)
        case nn.Dropout():
            return x
    raise TypeError(layer)


def trained(net):
    """Norms and biases as training may leave them."""
    rng = RNG(3)
    net.load_state(
        {
            name: 0.5 + rng.random(array.shape) if array.ndim == 1 else array
            for name, array in net.state().items()
        }
    )
    return net


# Smaller images where the layers after them allow it: what they share costs less.
SIZES = {"googlenet": 64, "resnet18": 64, "resnet50": 64, "squeezenet": 64, "mobilenet_v2": 64}
# The matrices of VGG-16 and AlexNet take the memory of all others together; their layers are
# among those.
NAMES = [name for name in models.MODELS if name not in ("vgg16", "alexnet")]


@pytest.mark.parametrize("name", NAMES)
def test_model(name):
    net = trained(models.MODELS[name]())
    side = SIZES.get(name, net._made_for()[-1])
    x = RNG(1).random((1, net._made_for()[0], side, side))
    expected = by_pytorch(net, as_tensor(x)).numpy()
    y = net(x)
    # Relative to the largest output; Winograd's sums among those of up to 100 layers.
    assert abs(y - expected).max() <= 1e-11 * abs(expected).max()
    if name in ("lenet5", "squeezenet", "mobilenet_v2"):
        y = net(x.astype(np.float32))
        assert abs(y - expected).max() <= 1e-4 * abs(expected).max()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_local_response_norm(size):
    layer = nn.LocalResponseNorm(size, alpha=0.5, k=2)
    x = RNG(1).standard_normal((2, 7, 5, 6))
    expected = by_pytorch(layer, as_tensor(x)).numpy()
    np.testing.assert_allclose(layer(x), expected, rtol=1e-13)
