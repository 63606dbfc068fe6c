"""The table of a network: its rows, and every form it is shown in."""

import html.parser
import json
import re
import sys
from dataclasses import asdict

import pytest

from convpool import cli, models, nn


def small_net():
    return nn.Sequential(
        conv=nn.Conv2d(3, 4, (5, 3), stride=(2, 1)),
        fork=nn.Concat(nn.ReLU(), nn.MaxPool2d(3, 1, padding=1)),
        flatten=nn.Flatten(),
        fc=nn.Linear(8 * 14 * 30, 10, bias=False),
    )


def test_rows():
    rows = small_net().summary((2, 3, 32, 32)).rows
    assert [row.name for row in rows] == [
        "conv",
        "fork.0",
        "fork.1",
        "fork.concat",
        "flatten",
        "fc",
    ]
    conv, _, pool, concat, flatten, fc = rows
    assert (conv.kind, conv.kernel, conv.stride) == ("Conv2d", (5, 3), (2, 1))
    assert (conv.input_shape, conv.output_shape) == ((2, 3, 32, 32), (2, 4, 14, 30))
    assert (conv.parameters, conv.weights) == (4 * 3 * 15 + 4, 4 * 3 * 15)
    assert conv.macs == 2 * 14 * 30 * 4 * 3 * 15
    assert conv.memory == 4 * 2 * 4 * 14 * 30
    assert pool.receptive_field == (9, 5)
    assert (concat.output_shape, concat.memory) == ((2, 8, 14, 30), 0)
    assert flatten.memory == 0
    assert (fc.kernel, fc.output_shape, fc.parameters) == (None, (2, 10), 33600)


def test_totals():
    net = small_net()
    table = net.summary((3, 32, 32))
    assert table.parameters == net.parameters == 184 + 33600
    assert table.weights == 180 + 33600
    assert table.macs == net.macs((3, 32, 32)) == 14 * 30 * 180 + 33600
    assert table.fully_connected_share == 33600 / 33784
    assert table.fully_connected_macs_share == 33600 / table.macs
    assert table.memory == sum(row.memory for row in table.rows)


def test_depth():
    net = models.resnet50()
    whole, parts = net.summary(), net.summary(depth=1)
    assert [row.name for row in parts.rows] == [
        "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool",
        "flatten", "fc",
    ]  # fmt: skip
    for name in ("parameters", "weights", "macs", "memory", "fully_connected_share"):
        assert getattr(parts, name) == getattr(whole, name)
    layer2 = parts.rows[5]
    assert (layer2.input_shape, layer2.output_shape) == ((256, 56, 56), (512, 28, 28))
    assert (layer2.kind, layer2.kernel) == ("", None)
    blocks = net.summary(depth=2).rows
    assert sum(row.macs for row in blocks if row.name.startswith("layer2.")) == layer2.macs


def test_receptive_fields_of_the_literature():
    """Araujo, Norris & Sim, Computing Receptive Fields of CNNs (2019)."""
    for name, last, field in (
        ("alexnet", "features.12", 195),
        ("vgg16", "features.30", 212),
        ("resnet50", "layer4.2.sum", 427),  # strides in 3x3: theirs are in 1x1, 483
    ):
        rows = {row.name: row for row in models.MODELS[name]().summary().rows}
        assert rows[last].receptive_field == (field, field), name


def cells(text):
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def test_printed():
    lines = cells(str(small_net().summary((3, 32, 32))))
    assert lines[0] == ["layer", "kernel", "output", "parameters", "multiply-adds"]
    assert lines[1] == ["conv Conv2d", "5x3/2x1", "4 x 14 x 30", "184", "75,600"]
    assert lines[-2] == ["fc Linear", "10", "33,600", "33,600"]
    assert lines[-1] == ["total", "33,784", "109,200"]


def test_printed_with_all_columns():
    columns = ["input_shape", "weights", "receptive_field", "memory", "share"]
    table = small_net().summary((3, 32, 32), columns=columns)
    lines = cells(str(table))
    assert lines[0] == [
        "layer", "kernel", "input", "output", "parameters", "multiply-adds", "weights", "sees",
        "memory", "of parameters",
    ]  # fmt: skip
    assert lines[1] == [
        "conv Conv2d", "5x3/2x1", "3 x 32 x 32", "4 x 14 x 30", "184", "75,600", "180", "5x3",
        "6.7 kB", "0.5%",
    ]  # fmt: skip
    assert lines[-1][0] == "fully connected: 99.5% of parameters, 30.8% of multiply-adds"


class Tags(html.parser.HTMLParser):
    """Cells of a table, and that every tag is closed by its own."""

    def __init__(self):
        super().__init__()
        self.open, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_html():
    net = nn.Sequential({"a<b": nn.Conv2d(3, 4, 5), "r": nn.ReLU()})
    tags = Tags()
    tags.feed(net.summary((3, 32, 32))._repr_html_())
    assert tags.open == []
    assert tags.rows[1] == ["a<b Conv2d", "5x5", "4 x 28 x 28", "304", "235,200"]
    assert tags.rows[-1] == ["total", "304", "235,200"]


def test_json():
    table = small_net().summary((3, 32, 32))
    read = json.loads(table.to_json())
    assert read["rows"] == json.loads(json.dumps([asdict(row) for row in table.rows]))
    assert read["total"]["macs"] == table.macs


def test_summary_takes_no_time():
    import time

    start = time.perf_counter()
    models.vgg16().summary()
    assert time.perf_counter() - start < 0.5


# The command


def run(capsys, *words):
    code = cli.main(["summary", *words])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    return printed.out


def test_command(capsys):
    assert run(capsys, "googlenet") == f"{models.googlenet().summary()}\n"
    words = ("--depth", "1", "--columns", "share,memory", "--input", "3x224x224")
    table = models.vgg16().summary((3, 224, 224), depth=1, columns=["share", "memory"])
    assert run(capsys, "vgg16", *words) == f"{table}\n"
    assert "fully connected: 89.4% of parameters" in run(capsys, "vgg16", "--columns", "all")
    table = models.lenet5().summary()
    assert json.loads(run(capsys, "lenet5", "--json")) == json.loads(table.to_json())
    assert run(capsys, "lenet5", "--html") == table._repr_html_() + "\n"
    batch = json.loads(run(capsys, "resnet18", "--input", "4x3x96x96", "--json"))
    assert batch["rows"][-1]["output_shape"] == [4, 1000]


def test_command_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    printed = run(capsys, "googlenet", "--depth", "1", "--columns", "share")
    for word in (
        "inception_5b",
        "1024 x 7 x 7",
        "1,444,080",
        "6,998,552",
        "fully connected: 14.6%",
    ):
        assert word in printed
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert run(capsys, "lenet5") == f"{models.lenet5().summary()}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resnet"], "no network 'resnet': there are lenet5, alexnet, vgg16, googlenet, resnet18"),
        (["lenet5", "--input", "32,32"], "argument --input: got '32,32', expected one like 3x224"),
        (["lenet5", "--input", "1x30x30"], "flatten"),
        (["lenet5", "--depth", "0"], "depth: got 0, expected an int from 1"),
        (["lenet5", "--columns", "flops"], "columns: got 'flops', expected one of input_shape"),
        (["lenet5", "--json", "--html"], "not allowed with"),
        ([], "network"),
    ],
)
def test_command_got_wrong(capsys, words, message):
    assert cli.main(["summary", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"convpool: error: [^\n]+\n", printed.err)
    if message != "flatten":
        assert message in printed.err
    else:
        assert "fc1 (Linear): got input of" in printed.err
