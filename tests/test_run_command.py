"""`convpool run` and `convpool bench`: what they print and write, and one line for mistakes."""

import re
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import convpool
from convpool import cli

RGB = np.random.default_rng(1).integers(0, 256, (12, 17, 3)).astype(np.uint8)


def classifier(shape=("n", 3, 8, 8), axis=1, dtype=TensorProto.FLOAT, softmax=False):
    """The mean of each channel, times a matrix: the brightest of red, green, blue wins."""
    spatial = [a for a in (1, 2, 3) if a != axis]
    nodes = [
        helper.make_node("Cast", ["picture"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["m"], axes=spatial, keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["scores"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["p"]))
    weight = numpy_helper.from_array(np.eye(3, 4, dtype=np.float32), "w")
    last = "p" if softmax else "scores"
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("picture", dtype, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def filters():
    """Two outputs that are pictures."""
    nodes = [
        helper.make_node("Relu", ["picture"], ["a/b"]),
        helper.make_node("Neg", ["picture"], ["c"]),
    ]
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "filters",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("a/b", "c")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    onnx.save(classifier(), "m.onnx")
    for name, colour in (("red", (250, 20, 10)), ("blue", (10, 0, 200))):
        Image.fromarray(np.full((12, 17, 3), colour, np.uint8)).save(f"{name}.png")
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    def command(*words):
        assert cli.main([str(word) for word in words]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return command


@pytest.fixture
def refuse(folder, capsys):
    def command(*words):
        assert cli.main([str(word) for word in words]) == 2
        printed = capsys.readouterr()
        assert re.fullmatch(r"convpool: error: [^\n]+\n", printed.err)
        return printed.err.removeprefix("convpool: error: ").strip()

    return command


def test_top_answers(run, folder):
    (folder / "labels.txt").write_text("red\ngreen\nblue\nnothing\n")
    options = ("--labels", "labels.txt", "--top", 2, "--pixels", "unit")
    lines = run("run", "m.onnx", "red.png", "blue.png", *options).splitlines()
    assert lines[0] == "red.png:" and lines[1].endswith("%  red")
    assert lines[3] == "blue.png:" and lines[4].endswith("%  blue")
    scores = np.exp(np.float64([250, 20, 10, 0]) / 255)
    assert float(lines[1].split()[0]) == pytest.approx(100 * scores[0] / scores.sum(), abs=0.01)


def test_classes_without_labels(run):
    assert run("run", "m.onnx", "red.png", "--top", 1).splitlines()[1].endswith("%  class 0")


def test_probabilities_are_left_as_they_are(run, folder):
    onnx.save(classifier(softmax=True), "p.onnx")
    plain = run("run", "m.onnx", "red.png", "--pixels", "unit")
    assert run("run", "p.onnx", "red.png", "--pixels", "unit") == plain


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ("unit", lambda x: x / 255),
        ("signed", lambda x: x / 127.5 - 1),
        ("bytes", lambda x: x),
        ("imagenet", lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ],
)
def test_raw_outputs(run, folder, pixels, expected):
    onnx.save(filters(), "f.onnx")
    Image.fromarray(RGB).save("photo.png")
    printed = run("run", "f.onnx", "photo.png", "-o", "out", "--pixels", pixels)
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "photo.a_b.npy",
        "photo.c.npy",
    ]
    assert "photo.png: out" in printed
    x = expected(RGB.astype(np.float64)).transpose(2, 0, 1)[None]
    np.testing.assert_allclose(np.load("out/photo.c.npy"), -x, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.load("out/photo.a_b.npy"), np.maximum(x, 0), atol=1e-4)


def test_outputs_that_are_no_scores(run, folder):
    onnx.save(filters(), "f.onnx")
    lines = run("run", "f.onnx", "red.png", "--size", "6x5", "--pixels", "bytes").splitlines()
    assert lines == [
        "red.png: a/b: float32 (1, 3, 6, 5), 10 to 250 (-o writes it)",
        "red.png: c: float32 (1, 3, 6, 5), -250 to -10 (-o writes it)",
    ]


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16])
def test_channels_last_and_other_types(run, folder, dtype):
    onnx.save(classifier(["n", 8, 8, 3], 3, dtype), "last.onnx")
    printed = run("run", "last.onnx", "blue.png", "--top", 1, "--pixels", "unit")
    assert printed.splitlines()[1].endswith("%  class 2")


def test_crop_keeps_proportions(run, folder):
    """A disc stays round when it is cropped, and does not when it is stretched."""
    rows, columns = np.indices((60, 120))
    disc = np.where((rows - 30) ** 2 + (columns - 60) ** 2 < 15**2, 255, 0).astype(np.uint8)
    Image.fromarray(disc).save("disc.png")
    onnx.save(filters(), "f.onnx")
    for fit, round_ in (("crop", True), ("stretch", False)):
        options = ("--size", "48x48", "--fit", fit, "--pixels", "unit", "-o", fit)
        run("run", "f.onnx", "disc.png", *options)
        bright = np.argwhere(np.load(f"{fit}/disc.a_b.npy")[0, 0] > 0.5)
        height, width = np.ptp(bright, axis=0) + 1
        assert (abs(height / width - 1) < 0.1) == round_


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.onnx", "red.png"), "No such file"),
        (("red.png", "red.png"), "not a model in the ONNX format"),
        (("m.onnx", "missing.png"), "missing.png: No such file"),
        (("m.onnx", "m.onnx"), "m.onnx: not a picture"),
        (("m.onnx", "red.png", "--top", 0), "--top: got 0"),
        (("m.onnx", "red.png", "--labels", "missing.txt"), "missing.txt"),
        (("m.onnx",), "required: photo"),
    ],
)
def test_mistakes(refuse, words, message):
    assert message in refuse("run", *words)


@pytest.mark.parametrize("size", ["8", "0x8", "8x8x8", "axb", "-1x3", "99999x1"])
def test_bad_size(refuse, folder, size):
    onnx.save(filters(), "f.onnx")
    assert "--size: got" in refuse("run", "f.onnx", "red.png", f"--size={size}")


def test_model_that_takes_no_picture(refuse, folder):
    onnx.save(classifier(["n", 5, 8, 8]), "five.onnx")
    assert "takes 5 channels" in refuse("run", "five.onnx", "red.png")


@pytest.mark.parametrize("module", ["onnx", "PIL"])
def test_missing_extra(refuse, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert f"{module} is not installed: pip install" in refuse("run", "m.onnx", "red.png")


def test_several_photos_without_rich(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert run("run", "m.onnx", "red.png", "blue.png").count("class 0") == 2


QUICK = ("--rounds", 1, "--seconds", 0.001)


def test_bench(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    printed = run("bench", "m.onnx", *QUICK, "--threads", 1, "--profile")
    assert "ONNX Runtime is not installed" in printed
    assert re.search(r"convpool: +[\d.]+ ms at best, +[\d.]+ ms median, \d+ calls", printed)
    assert "1 threads, batch and sizes (1, 3, 8, 8)" in printed
    assert re.search(r"us in \d+ steps", printed)


def test_bench_against_onnx_runtime(run):
    pytest.importorskip("onnxruntime")
    printed = run("bench", "m.onnx", *QUICK, "--shape", "2x3x8x8")
    assert re.search(r"scores: \(2, 4\), differs by \d\.\de-\d\d", printed)
    assert re.search(r"convpool is [\d.]+ times as fast", printed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--shape", "axb"), "--shape: got 'axb'"),
        (("--shape", "other=1x3"), "--shape: got 'other', expected one of picture"),
        (("--shape", "1x3x9x9"), "picture: got shape (1, 3, 9, 9)"),
        (("--rounds", "0"), "--rounds"),
        (("--seconds", "nan"), "--seconds"),
    ],
)
def test_mistakes_of_bench(refuse, words, message):
    assert message in refuse("bench", "m.onnx", *words)


def test_bench_of_a_model_of_open_sizes(refuse, folder):
    onnx.save(filters(), "f.onnx")
    assert "say one: --shape picture=" in refuse("bench", "f.onnx")


def test_the_command_runs_what_load_onnx_makes(run, folder):
    net = convpool.load_onnx("m.onnx")
    x = np.asarray(Image.open("red.png")).astype(np.float32)[:8, :8].transpose(2, 0, 1)[None]
    run("run", "m.onnx", "red.png", "--pixels", "bytes", "-o", "out")
    np.testing.assert_allclose(np.load("out/red.npy"), net(x), rtol=1e-6)
