"""The models' parameters and multiply-adds: exact, and beside the figures their papers print.

The exact numbers here come from the papers' lists of layers, multiplied out by hand, and agree with
those widely published for torchvision's and Caffe's models.
"""

import numpy as np
import pytest

from convpool import models, nn
from convpool.nn import _steps

#         parameters, multiply-adds of the usual image
EXACT = {
    "lenet5": (61_706, 416_520),
    "alexnet": (61_100_840, 714_188_480),
    "vgg16": (138_357_544, 15_470_264_320),
    "googlenet": (6_998_552, 1_582_671_872),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 4_089_184_256),
    "squeezenet": (1_248_424, 818_924_576),
    "mobilenet_v2": (3_504_872, 300_774_272),
}


@pytest.mark.parametrize("name", models.MODELS)
def test_totals(name):
    net = models.MODELS[name]()
    table = net.summary()
    shape = table.rows[0].input_shape
    assert (net.parameters, net.macs(shape)) == EXACT[name]
    assert (table.parameters, table.macs) == EXACT[name]
    assert net.parameters == net.weights + net.biases
    assert net.macs((3, *shape)) == 3 * net.macs(shape)
    assert net.output_shape((3, *shape)) == (3, 10 if name == "lenet5" else 1000)


def test_other_versions():
    old = models.alexnet(2012)
    # Krizhevsky, Sutskever & Hinton: "60 million parameters"; Sze et al., Efficient Processing of
    # Deep Neural Networks (2017), table II: 61 M weights and 724 M multiply-adds.
    assert (old.parameters, old.macs((3, 227, 227))) == (60_965_224, 724_406_816)
    new = models.squeezenet("1.1")
    assert (new.parameters, new.macs((3, 224, 224))) == (1_235_496, 349_151_936)
    with pytest.raises(ValueError, match="year: got 2013, expected 2012 or 2014"):
        models.alexnet(2013)
    with pytest.raises(ValueError, match=r"version: got '2.0', expected one of 1.0, 1.1"):
        models.squeezenet("2.0")


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        # LeCun et al., 1998: about 60,000 parameters.
        ("lenet5", (60e3, 0.03), None),
        # Simonyan & Zisserman, table 2: 138 M for D. He et al., 2015, table 1 and figure 3, have
        # 15.3e9 for VGG-16's convolutions, which is all but 1 % of it.
        ("vgg16", (138e6, 0.005), (15.3e9, 0.012)),
        # He et al., table 1: 1.8e9 for 18 layers; 3.8e9 for 50, with strides in 1x1 convolutions.
        ("resnet18", (11.7e6, 0.005), (1.8e9, 0.01)),
        ("resnet50", (25.6e6, 0.005), (3.8e9, 0.08)),
        # Iandola et al., table 1: 1,248,424 parameters.
        ("squeezenet", (1_248_424, 0), None),
        # Sandler et al., table 4: 3.4 M parameters, 300 M multiply-adds.
        ("mobilenet_v2", (3.4e6, 0.035), (300e6, 0.005)),
        # Szegedy et al.: 1.5 thousand millions of multiply-adds.
        ("googlenet", (7e6, 0.03), (1.5e9, 0.06)),
    ],
)
def test_totals_near_the_papers(name, parameters, macs):
    net = models.MODELS[name]()
    assert net.parameters == pytest.approx(parameters[0], rel=parameters[1])
    if macs is not None:
        assert net.summary().macs == pytest.approx(macs[0], rel=macs[1])


def test_resnet50_with_the_papers_strides():
    """A stride moved from 3x3 to the 1x1 before: three of those then see a quarter of the pixels,
    which is all that lies between the paper's figure and ours."""
    moved = 0
    for stage, side in ((2, 56), (3, 28), (4, 14)):
        narrow = 64 * 2 ** (stage - 1)
        moved += (side**2 - (side // 2) ** 2) * (2 * narrow * narrow)
    macs = models.resnet50().macs((3, 224, 224)) - moved
    assert macs == pytest.approx(3.86e9, rel=0.002)


# GoogLeNet, row by row: Szegedy et al., Going Deeper with Convolutions, table 1.

# Name: output, #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj; then as printed there:
# params in K, ops in M.
PAPER = {
    "conv1": ((64, 112, 112), None, 2.7, 34),
    "pool1": ((64, 56, 56), None, 0, 0),
    "conv2": ((192, 56, 56), None, 112, 360),
    "pool2": ((192, 28, 28), None, 0, 0),
    "inception_3a": ((256, 28, 28), (64, 96, 128, 16, 32, 32), 159, 128),
    "inception_3b": ((480, 28, 28), (128, 128, 192, 32, 96, 64), 380, 304),
    "pool3": ((480, 14, 14), None, 0, 0),
    "inception_4a": ((512, 14, 14), (192, 96, 208, 16, 48, 64), 364, 73),
    "inception_4b": ((512, 14, 14), (160, 112, 224, 24, 64, 64), 437, 88),
    "inception_4c": ((512, 14, 14), (128, 128, 256, 24, 64, 64), 463, 100),
    "inception_4d": ((528, 14, 14), (112, 144, 288, 32, 64, 64), 580, 119),
    "inception_4e": ((832, 14, 14), (256, 160, 320, 32, 128, 128), 840, 170),
    "pool4": ((832, 7, 7), None, 0, 0),
    "inception_5a": ((832, 7, 7), (256, 160, 320, 32, 128, 128), 1072, 54),
    "inception_5b": ((1024, 7, 7), (384, 192, 384, 48, 128, 128), 1388, 71),
    "pool5": ((1024, 1, 1), None, 0, 0),
    "dropout": ((1024,), None, 0, 0),
    "linear": ((1000,), None, 1000, 1),
    "softmax": ((1000,), None, 0, 0),
}
K = 1024  # the paper's: its 112K of conv2 are 114,688 weights, its 1000K of linear 1,024,000

# Where the paper's params are not those of the layers it lists.
OTHER_PARAMS = {
    "conv1": 9.2,  # a separable convolution, see below
    "inception_3b": 379,
    "inception_4a": 366.8,
    "inception_4b": 438,
    "inception_4c": 497.5,
    "inception_4d": 590.5,
    "inception_4e": 847,
    "inception_5a": 1018,
    "inception_5b": 1409,
}
OTHER_OPS = {"conv1": 118, "inception_5a": 51.1}


@pytest.fixture(scope="module")
def table():
    return {row.name: row for row in models.googlenet().summary(depth=1).rows}


def test_googlenet_has_the_papers_rows(table):
    """And two normalisations, which the paper's figure shows, and a flattening."""
    assert [name for name in table if name in PAPER] == list(PAPER)
    assert set(table) - set(PAPER) == {"norm1", "norm2", "flatten"}
    for name, (shape, _, _, _) in PAPER.items():
        assert table[name].output_shape == shape, name


def test_googlenet_conv2(table):
    """3 x 3 x 64 x 192 weights, after 1x1 convolutions that the paper counts in the same row."""
    conv = models.googlenet()["conv2.conv"]
    assert conv.weights == 3 * 3 * 64 * 192 == 110_592
    assert table["conv2"].weights == 64 * 64 + 110_592
    assert table["conv2"].macs == 56 * 56 * table["conv2"].weights


@pytest.mark.parametrize("name", [name for name in PAPER if PAPER[name][1]])
def test_googlenet_modules_by_hand(table, name):
    (outputs, height, width), (one, to3, three, to5, five, proj), _, _ = PAPER[name]
    names = list(PAPER)
    inputs = PAPER[names[names.index(name) - 1]][0][0]
    weights = inputs * (one + to3 + to5 + proj) + 9 * to3 * three + 25 * to5 * five
    assert one + three + five + proj == outputs
    assert table[name].weights == weights
    assert table[name].parameters == weights + one + to3 + three + to5 + five + proj
    assert table[name].macs == weights * height * width


def rounded(value, printed):
    """Whether a printed whole number may stand for a value: rounded, or cut off."""
    return int(value) == printed or round(value) == printed


def test_googlenet_params_of_the_paper(table):
    """The paper counts weights without biases, in units of 1024."""
    for name, (_, _, params, _) in PAPER.items():
        exact = table[name].weights / K
        if name in OTHER_PARAMS:
            assert not rounded(exact, params), name
            assert exact == pytest.approx(OTHER_PARAMS[name], rel=0.005), name
        else:
            assert rounded(exact, params), name


def test_googlenet_ops_of_the_paper(table):
    """All but two rows agree: 4a to 5b's params, where they differ, contradict the paper's own
    operations, which are params times pixels."""
    for name, (_, _, _, ops) in PAPER.items():
        exact = table[name].macs / 1e6
        if name in OTHER_OPS:
            assert not rounded(exact, ops), name
            assert exact == pytest.approx(OTHER_OPS[name], rel=0.005), name
        else:
            assert rounded(exact, ops), name


def test_googlenet_conv1_of_the_paper(table):
    """2.7K and 34M are those of a separable convolution: eight kernels of 7x7 for each colour,
    then 1x1 to 64 channels, on 112 x 112 pixels. The network as published has 7x7x3x64."""
    depthwise = nn.Conv2d(3, 24, 7, stride=2, padding=3, groups=3, bias=False)
    pointwise = nn.Conv2d(24, 64, 1, bias=False)
    separable = nn.Sequential(depthwise, pointwise)
    assert separable.parameters == 2712
    assert rounded(separable.macs((3, 224, 224)) / 1e6, 34)
    assert table["conv1"].weights == 7 * 7 * 3 * 64 == 9408


def test_googlenet_5a_of_the_paper():
    """54M are those of 48 kernels of 1x1 before 5x5, as 5b has, instead of the 32 that are listed;
    its 1072K fit neither."""
    weights = 832 * (256 + 160 + 48 + 128) + 9 * 160 * 320 + 25 * 48 * 128
    assert rounded(49 * weights / 1e6, 54)
    assert not rounded(weights / K, 1072)


def test_googlenet_is_22_layers_deep():
    """ "22 layers deep when counting only layers with parameters": along one path."""

    def depth(layer):
        if isinstance(layer, nn.Concat):
            return max(depth(child) for _, child in layer.children)
        if isinstance(layer, nn.Sequential):
            return sum(depth(child) for _, child in layer.children)
        return int(layer.parameters > 0)

    assert depth(models.googlenet()) == 22


# Making and running them


def test_models_are_made_without_weights():
    """VGG-16 has half a gigabyte of them."""
    import tracemalloc

    tracemalloc.start()
    net = models.vgg16()
    net.summary()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_names_of_pytorch():
    """Some of torchvision's, of each kind of model."""
    for name, wanted in {
        "vgg16": "features.28.weight classifier.6.bias",
        "alexnet": "features.10.weight classifier.1.weight",
        "resnet50": "conv1.weight layer1.0.downsample.1.running_var layer4.2.conv3.weight fc.bias",
        "resnet18": "bn1.running_mean layer2.0.downsample.0.weight layer4.1.bn2.weight",
        "squeezenet": "features.0.weight features.12.expand3x3.bias classifier.1.weight",
        "mobilenet_v2": "features.1.conv.1.weight features.2.conv.1.1.bias features.18.0.weight "
        "classifier.1.weight",
    }.items():
        net = models.MODELS[name]()
        names = [
            path + "." + array for path, layer in net._leaves() for array in layer.array_shapes
        ]
        assert set(wanted.split()) <= set(names), name


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "squeezenet", "mobilenet_v2"])
def test_models_run(name):
    """Reproducibly, and as layer by layer."""
    net = models.MODELS[name]()
    shape = (1, 32, 32) if name == "lenet5" else (3, 64, 64)
    x = np.random.default_rng(1).random(shape).astype(np.float32)
    y = net(x)
    assert y.shape == net.output_shape(shape)
    np.testing.assert_array_equal(models.MODELS[name](seed=0)(x), y)
    assert not np.array_equal(models.MODELS[name](seed=1)(x), y)
    if name == "googlenet":
        assert y.sum() == pytest.approx(1)
    else:
        x = x.astype(np.float64)
        y, one_by_one = net(x), list(net.activations(x).values())[-1]
        assert abs(y - one_by_one).max() <= 1e-12 * abs(y).max()


def plain_layers(steps):
    """Kinds of the layers that run as steps of their own."""
    for step in steps:
        inner = [getattr(step, name, None) for name in ("body", "shortcut")]
        for some in [*inner, *getattr(step, "branches", [])]:
            yield from plain_layers(some or [])
        if isinstance(step, _steps.Plain):
            yield type(step.layer).__name__
        assert getattr(step, "last", step) is not None, "a sum by itself"


@pytest.mark.parametrize("name", models.MODELS)
def test_convolutions_take_along_what_follows_them(name):
    """No norm, no activation, no sum and no joining is left for a pass of its own."""
    left = set(plain_layers(_steps.steps_of([models.MODELS[name]()])))
    pools = {"MaxPool2d", "AvgPool2d", "GlobalAvgPool2d"}
    assert left <= pools | {"LocalResponseNorm", "Flatten", "Softmax"}
