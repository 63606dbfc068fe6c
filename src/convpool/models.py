"""Networks of the literature, layer by layer.

A model is made at once and without a weight in memory: its counts are exact all the same. Weights
are drawn from `seed` when it first runs, or set by `load_state`; arrays are named as in PyTorch's
torchvision where there is such a model. None of them ends in a `Softmax` but GoogLeNet's, whose
table lists it.
"""

from collections.abc import Callable
from typing import SupportsIndex

from ._arguments import choice, integer
from .nn import (
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    ReLU6,
    Residual,
    Sequential,
    Softmax,
    Tanh,
)

__all__ = [
    "MODELS",
    "alexnet",
    "googlenet",
    "lenet5",
    "mobilenet_v2",
    "resnet18",
    "resnet50",
    "squeezenet",
    "vgg16",
]


def _made(net: Sequential, shape: tuple[int, int, int], seed: SupportsIndex) -> Sequential:
    """Tell a network the shape it is made for and the seed of its weights."""
    vars(net)["_usual"] = shape
    net.initialise(seed)
    return net


def _pairs(*layers: tuple[str, Layer]) -> Sequential:
    return Sequential(dict(layers))


def lenet5(seed: SupportsIndex = 0) -> Sequential:
    """LeNet-5: digits of 32x32 (LeCun et al., Gradient-Based Learning, 1998).

    As it is usually built: every kernel of the second convolution sees all six maps, the poolings
    have no parameters, and the output layer is fully connected.

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.lenet5().parameters
    61706
    """
    net = _pairs(
        ("conv1", Conv2d(1, 6, 5)),
        ("tanh1", Tanh()),
        ("pool1", AvgPool2d(2)),
        ("conv2", Conv2d(6, 16, 5)),
        ("tanh2", Tanh()),
        ("pool2", AvgPool2d(2)),
        ("flatten", Flatten()),
        ("fc1", Linear(400, 120)),
        ("tanh3", Tanh()),
        ("fc2", Linear(120, 84)),
        ("tanh4", Tanh()),
        ("fc3", Linear(84, 10)),
    )
    return _made(net, (1, 32, 32), seed)


def alexnet(year: SupportsIndex = 2014, seed: SupportsIndex = 0) -> Sequential:
    """AlexNet: the network that won ImageNet in 2012.

    Parameters
    ----------
    year : {2014, 2012}
        2014: one column (Krizhevsky, One weird trick for parallelizing convolutional neural
        networks), for images of 224x224, as in torchvision. 2012: two columns that meet in some
        layers only, hence groups, and local response normalisation (Krizhevsky, Sutskever &
        Hinton), for images of 227x227: the paper says 224, with which its own sizes do not come
        out.
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        If the year is another.

    Examples
    --------
    >>> from convpool import models
    >>> models.alexnet().parameters, models.alexnet(2012).parameters
    (61100840, 60965224)
    """
    number = integer("year", year, 0)
    if number not in (2012, 2014):
        raise ValueError(f"year: got {number}, expected 2012 or 2014")
    if number == 2014:
        features = Sequential(
            Conv2d(3, 64, 11, stride=4, padding=2), ReLU(), MaxPool2d(3, 2),
            Conv2d(64, 192, 5, padding=2), ReLU(), MaxPool2d(3, 2),
            Conv2d(192, 384, 3, padding=1), ReLU(),
            Conv2d(384, 256, 3, padding=1), ReLU(),
            Conv2d(256, 256, 3, padding=1), ReLU(), MaxPool2d(3, 2),
        )  # fmt: skip
        classifier = Sequential(
            Dropout(), Linear(9216, 4096), ReLU(),
            Dropout(), Linear(4096, 4096), ReLU(), Linear(4096, 1000),
        )  # fmt: skip
        net = Sequential(features=features, flatten=Flatten(), classifier=classifier)
        return _made(net, (3, 224, 224), seed)

    def norm() -> Layer:
        return LocalResponseNorm(5, alpha=5e-4, k=2)  # the paper's 1e-4 multiplies the sum

    net = _pairs(
        ("conv1", Conv2d(3, 96, 11, stride=4)), ("relu1", ReLU()), ("norm1", norm()),
        ("pool1", MaxPool2d(3, 2)),
        ("conv2", Conv2d(96, 256, 5, padding=2, groups=2)), ("relu2", ReLU()), ("norm2", norm()),
        ("pool2", MaxPool2d(3, 2)),
        ("conv3", Conv2d(256, 384, 3, padding=1)), ("relu3", ReLU()),
        ("conv4", Conv2d(384, 384, 3, padding=1, groups=2)), ("relu4", ReLU()),
        ("conv5", Conv2d(384, 256, 3, padding=1, groups=2)), ("relu5", ReLU()),
        ("pool5", MaxPool2d(3, 2)),
        ("flatten", Flatten()),
        ("fc6", Linear(9216, 4096)), ("relu6", ReLU()), ("drop6", Dropout()),
        ("fc7", Linear(4096, 4096)), ("relu7", ReLU()), ("drop7", Dropout()),
        ("fc8", Linear(4096, 1000)),
    )  # fmt: skip
    return _made(net, (3, 227, 227), seed)


def vgg16(seed: SupportsIndex = 0) -> Sequential:
    """VGG-16: thirteen convolutions of 3x3 (Simonyan & Zisserman, 2014, configuration D).

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.vgg16().parameters
    138357544
    """
    features: list[Layer] = []
    channels = 3
    for outputs in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if outputs:
            features += [Conv2d(channels, outputs, 3, padding=1), ReLU()]
            channels = outputs
        else:
            features.append(MaxPool2d(2))
    classifier = Sequential(
        Linear(25088, 4096), ReLU(), Dropout(), Linear(4096, 4096), ReLU(), Dropout(),
        Linear(4096, 1000),
    )  # fmt: skip
    net = Sequential(features=Sequential(*features), flatten=Flatten(), classifier=classifier)
    return _made(net, (3, 224, 224), seed)


# The columns of the paper's table: channels that enter, #1x1, #3x3 reduce, #3x3, #5x5 reduce,
# #5x5, pool proj.
_INCEPTION = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


def _inception(
    inputs: int, one: int, to3: int, three: int, to5: int, five: int, proj: int
) -> Layer:
    """Four branches: 1x1, 3x3 and 5x5 after 1x1, and pooling before 1x1."""

    def conv(name: str, before: int, after: int, kernel: int) -> list[tuple[str, Layer]]:
        return [
            (name, Conv2d(before, after, kernel, padding=kernel // 2)),
            (f"relu_{name}", ReLU()),
        ]

    # Layers are named as the columns of the paper's table.
    return Concat(
        {
            "branch1": _pairs(*conv("1x1", inputs, one, 1)),
            "branch2": _pairs(*conv("3x3_reduce", inputs, to3, 1), *conv("3x3", to3, three, 3)),
            "branch3": _pairs(*conv("5x5_reduce", inputs, to5, 1), *conv("5x5", to5, five, 5)),
            "branch4": _pairs(
                ("pool", MaxPool2d(3, 1, padding=1)), *conv("pool_proj", inputs, proj, 1)
            ),
        }
    )


def googlenet(seed: SupportsIndex = 0) -> Sequential:
    """GoogLeNet: nine modules of four branches (Szegedy et al., Going Deeper with Convolutions).

    The paper's network of 2014 with biases, without the two auxiliary classifiers that serve its
    training alone. ``summary(depth=1)`` has the rows of the paper's table.

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.googlenet().parameters
    6998552
    """

    def pool() -> Layer:
        return MaxPool2d(3, 2, ceil_mode=True)

    def modules(stage: str) -> list[tuple[str, Layer]]:
        return [
            (f"inception_{name}", _inception(*sizes))
            for name, sizes in _INCEPTION.items()
            if name.startswith(stage)
        ]

    conv1 = _pairs(("conv", Conv2d(3, 64, 7, stride=2, padding=3)), ("relu", ReLU()))
    conv2 = _pairs(
        ("reduce", Conv2d(64, 64, 1)),
        ("relu_reduce", ReLU()),
        ("conv", Conv2d(64, 192, 3, padding=1)),
        ("relu", ReLU()),
    )
    net = _pairs(
        ("conv1", conv1),
        ("pool1", pool()),
        ("norm1", LocalResponseNorm(5)),
        ("conv2", conv2),
        ("norm2", LocalResponseNorm(5)),
        ("pool2", pool()),
        *modules("3"),
        ("pool3", pool()),
        *modules("4"),
        ("pool4", pool()),
        *modules("5"),
        ("pool5", GlobalAvgPool2d()),
        ("flatten", Flatten()),
        ("dropout", Dropout(0.4)),
        ("linear", Linear(1024, 1000)),
        ("softmax", Softmax()),
    )
    return _made(net, (3, 224, 224), seed)


def _basic(inputs: int, outputs: int, stride: int) -> Sequential:
    return _pairs(
        ("conv1", Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)),
        ("bn1", BatchNorm2d(outputs)),
        ("relu1", ReLU()),
        ("conv2", Conv2d(outputs, outputs, 3, padding=1, bias=False)),
        ("bn2", BatchNorm2d(outputs)),
    )


def _bottleneck(inputs: int, outputs: int, stride: int) -> Sequential:
    narrow = outputs // 4
    return _pairs(
        ("conv1", Conv2d(inputs, narrow, 1, bias=False)),
        ("bn1", BatchNorm2d(narrow)),
        ("relu1", ReLU()),
        ("conv2", Conv2d(narrow, narrow, 3, stride, padding=1, bias=False)),
        ("bn2", BatchNorm2d(narrow)),
        ("relu2", ReLU()),
        ("conv3", Conv2d(narrow, outputs, 1, bias=False)),
        ("bn3", BatchNorm2d(outputs)),
    )


def _resnet(blocks: tuple[int, ...], expansion: int, seed: SupportsIndex) -> Sequential:
    stages: list[tuple[str, Layer]] = []
    inputs = 64
    for number, count in enumerate(blocks):
        outputs = 64 * 2**number * expansion
        stage: list[Layer] = []
        for block in range(count):
            stride = 2 if number and not block else 1
            body = (_bottleneck if expansion > 1 else _basic)(inputs, outputs, stride)
            shortcut = None
            if inputs != outputs:
                shortcut = Sequential(
                    Conv2d(inputs, outputs, 1, stride, bias=False), BatchNorm2d(outputs)
                )
            stage.append(Residual(body, shortcut, activation="relu"))
            inputs = outputs
        stages.append((f"layer{number + 1}", Sequential(*stage)))
    net = _pairs(
        ("conv1", Conv2d(3, 64, 7, stride=2, padding=3, bias=False)),
        ("bn1", BatchNorm2d(64)),
        ("relu", ReLU()),
        ("maxpool", MaxPool2d(3, 2, padding=1)),
        *stages,
        ("avgpool", GlobalAvgPool2d()),
        ("flatten", Flatten()),
        ("fc", Linear(inputs, 1000)),
    )
    return _made(net, (3, 224, 224), seed)


def resnet18(seed: SupportsIndex = 0) -> Sequential:
    """ResNet-18: blocks of two convolutions around a sum (He et al., 2015).

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.resnet18().parameters
    11689512
    """
    return _resnet((2, 2, 2, 2), 1, seed)


def resnet50(seed: SupportsIndex = 0) -> Sequential:
    """ResNet-50: bottlenecks of 1x1, 3x3, 1x1 around a sum (He et al., 2015).

    The stride of a block is that of its 3x3 convolution, as in torchvision; the paper has it in
    the 1x1 before, which takes 0.23 thousand millions of multiply-adds less.

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.resnet50().parameters
    25557032
    """
    return _resnet((3, 4, 6, 3), 4, seed)


def _fire(inputs: int, squeezed: int, expanded: int) -> Sequential:
    """Few maps by 1x1, then many by 1x1 and 3x3."""
    expand = Concat(
        expand1x1=Conv2d(squeezed, expanded, 1), expand3x3=Conv2d(squeezed, expanded, 3, padding=1)
    )
    return _pairs(
        ("squeeze", Conv2d(inputs, squeezed, 1)),
        ("squeeze_activation", ReLU()),
        ("", expand),
        ("expand_activation", ReLU()),
    )


def squeezenet(version: str = "1.0", seed: SupportsIndex = 0) -> Sequential:
    """SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters (Iandola et al., 2016).

    Parameters
    ----------
    version : {"1.0", "1.1"}
        "1.0" is the paper's; "1.1", by its authors, takes 2.4 times fewer multiply-adds.
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError, ValueError
        If there is no such version.

    Examples
    --------
    >>> from convpool import models
    >>> models.squeezenet().parameters, models.squeezenet("1.1").parameters
    (1248424, 1235496)
    """
    paper = choice("version", version, ("1.0", "1.1")) == "1.0"

    def pool() -> Layer:
        return MaxPool2d(3, 2, ceil_mode=True)

    first = Conv2d(3, 96, 7, stride=2) if paper else Conv2d(3, 64, 3, stride=2)
    fires = [
        _fire(96 if paper else 64, 16, 64),
        _fire(128, 16, 64),
        _fire(128, 32, 128),
        _fire(256, 32, 128),
        _fire(256, 48, 192),
        _fire(384, 48, 192),
        _fire(384, 64, 256),
        _fire(512, 64, 256),
    ]
    features: list[Layer] = [first, ReLU(), pool()]
    for number, fire in enumerate(fires):
        if number in ((3, 7) if paper else (2, 4)):
            features.append(pool())
        features.append(fire)
    classifier = Sequential(Dropout(), Conv2d(512, 1000, 1), ReLU(), GlobalAvgPool2d())
    net = Sequential(features=Sequential(*features), classifier=classifier, flatten=Flatten())
    return _made(net, (3, 224, 224), seed)


def _convolution(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Sequential:
    return Sequential(
        Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        BatchNorm2d(outputs),
        ReLU6(),
    )


def _inverted(inputs: int, outputs: int, stride: int, expansion: int) -> Layer:
    """Widen by 1x1, convolve each channel by itself, narrow by 1x1."""
    wide = inputs * expansion
    layers: list[Layer] = [_convolution(inputs, wide)] if expansion > 1 else []
    layers += [
        _convolution(wide, wide, 3, stride, groups=wide),
        Conv2d(wide, outputs, 1, bias=False),
        BatchNorm2d(outputs),
    ]
    body = Sequential(conv=Sequential(*layers))
    return Residual(body) if stride == 1 and inputs == outputs else body


def mobilenet_v2(seed: SupportsIndex = 0) -> Sequential:
    """MobileNetV2: inverted residuals and linear bottlenecks (Sandler et al., 2018).

    Parameters
    ----------
    seed : int
        What its weights are drawn from.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> from convpool import models
    >>> models.mobilenet_v2().parameters
    3504872
    """
    features: list[Layer] = [_convolution(3, 32, 3, 2)]
    inputs = 32
    for expansion, outputs, count, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for block in range(count):
            features.append(_inverted(inputs, outputs, 1 if block else stride, expansion))
            inputs = outputs
    features.append(_convolution(320, 1280))
    net = Sequential(
        features=Sequential(*features),
        avgpool=GlobalAvgPool2d(),
        flatten=Flatten(),
        classifier=Sequential(Dropout(0.2), Linear(1280, 1000)),
    )
    return _made(net, (3, 224, 224), seed)


# What the command line knows by name.
MODELS: dict[str, Callable[..., Sequential]] = {
    "lenet5": lenet5,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "googlenet": googlenet,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "squeezenet": squeezenet,
    "mobilenet_v2": mobilenet_v2,
}
