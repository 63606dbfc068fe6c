"""Same input, same bits, whatever runs it; and what decides on threads and instruction set."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import convpool
from reference import assert_convolves, assert_same_bits

RNG = np.random.default_rng
WITH_FMA = {"avx2", "avx512", "neon"}


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def conv(channels, outputs, size, image, **arguments):
    weight_shape = (outputs, channels // arguments.get("groups", 1), *size)
    x_shape = (5, *image, channels) if arguments.get("layout") == "NHWC" else (5, channels, *image)

    def run(x, **more):
        weight, bias = normal(2, *weight_shape, dtype=x.dtype), normal(3, outputs, dtype=x.dtype)
        return convpool.conv2d(x, weight, bias, **arguments, **more)

    return x_shape, run


# Each large enough for several threads, and with edges that no tile fits.
WORK = {
    "3x3": conv(17, 23, (3, 3), (29, 31), padding=1),
    "3x3, channels last": conv(17, 23, (3, 3), (29, 31), padding=1, layout="NHWC"),
    "1x1": conv(70, 50, (1, 1), (23, 21)),
    "1x1, channels last": conv(70, 50, (1, 1), (23, 21), layout="NHWC"),
    "winograd": conv(70, 20, (3, 3), (33, 29), padding=1, algorithm="winograd"),
    "winograd 5x5": conv(7, 8, (5, 5), (13, 40), padding=2, algorithm="winograd"),
    "winograd, few tiles": conv(20, 70, (3, 3), (7, 9), padding=1, algorithm="winograd"),
    "few pixels": conv(90, 112, (3, 3), (3, 3), padding=1),
    "few points": conv(300, 112, (1, 1), (3, 3)),
    "long sums": conv(300, 20, (3, 3), (7, 9), padding=1, algorithm="direct"),
    "strided": conv(16, 33, (5, 5), (40, 37), stride=2, padding="same", activation="silu"),
    "groups": conv(24, 36, (3, 3), (25, 27), groups=3, padding_mode="reflect", padding=2),
    "depthwise": conv(40, 40, (3, 3), (41, 43), groups=40, padding=1, activation="tanh"),
    "depthwise, channels last": conv(
        70, 70, (3, 3), (41, 43), groups=70, padding=1, layout="NHWC", activation="sigmoid"
    ),
    "dilated": conv(8, 9, (3, 2), (50, 51), dilation=(2, 5), activation="softplus"),
    "one channel": conv(1, 1, (7, 7), (90, 91), padding=3),
    "max_pool2d": (
        (5, 20, 50, 51),
        lambda x, **more: convpool.max_pool2d(x, 3, stride=2, padding=1, **more),
    ),
    "max_pool2d, narrow": (
        (5, 300, 7, 5),
        lambda x, **more: convpool.max_pool2d(x, (3, 5), stride=1, padding=(1, 2), **more),
    ),
    "avg_pool2d": (
        (5, 20, 50, 51),
        lambda x, **more: convpool.avg_pool2d(x, 3, stride=1, padding=1, **more),
    ),
    "avg_pool2d, channels last": (
        (5, 50, 51, 20),
        lambda x, **more: convpool.avg_pool2d(x, 3, layout="NHWC", **more),
    ),
    "linear": (
        (5, 700),
        lambda x, **more: convpool.linear(x, normal(2, 333, 700, dtype=x.dtype), **more),
    ),
}


def inputs(name, dtype=np.float32):
    shape, run = WORK[name]
    return normal(1, *shape, dtype=dtype), run


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", WORK)
def test_any_number_of_threads(name, dtype):
    x, run = inputs(name, dtype)
    expected = run(x, num_threads=1)
    for threads in (2, 3, 5, 16):
        assert_same_bits(run(x, num_threads=threads), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", WORK)
def test_whatever_batch_an_example_came_in(name, dtype):
    x, run = inputs(name, dtype)
    whole = run(x)
    for part in (slice(0, 1), slice(1, 3), slice(2, 5), slice(4, None), slice(None, None, -2)):
        assert_same_bits(run(x[part]), np.ascontiguousarray(whole[part]))
    assert_same_bits(run(x[3]), whole[3])
    many = np.concatenate([x] * 3)
    assert_same_bits(run(many, num_threads=3), np.concatenate([whole] * 3))


def test_whatever_shape_the_rows_of_linear_come_in():
    x, run = inputs("linear")
    assert_same_bits(run(x.reshape(5, 1, 700)), run(x).reshape(5, 1, 333))


@pytest.mark.parametrize("name", WORK)
def test_wherever_the_input_lies(name):
    """Alignment and strides decide which way data are read, not what comes out."""
    x, run = inputs(name)
    expected = run(x)
    for memory in (np.asfortranarray(x), x[..., ::-1].copy()[..., ::-1]):
        assert_same_bits(run(memory), expected)


@pytest.mark.parametrize("name", WORK)
def test_again_and_again(name):
    x, run = inputs(name)
    expected = run(x)
    for _ in range(10):
        assert_same_bits(run(x, num_threads=4), expected)


def test_filter2d_on_any_number_of_threads():
    image, taps = RNG(1).integers(0, 256, (300, 201, 3)).astype(np.uint8), normal(2, 5, 5)
    for given in (image, image[..., 0], image.astype(np.float32)):
        expected = convpool.filter2d(given, taps, num_threads=1)
        for threads in (2, 3, 5):
            assert_same_bits(convpool.filter2d(given, taps, num_threads=threads), expected)


def test_calls_from_sixteen_threads_at_once():
    expected = {name: run(x) for name, (x, run) in ((n, inputs(n)) for n in WORK)}

    def call(i):
        name = list(WORK)[i % len(WORK)]
        x, run = inputs(name)
        assert_same_bits(run(x, num_threads=1 + i % 3), expected[name])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(10 * len(WORK))))


# Who decides on threads


def threads():
    return convpool.get_config()["threads"]


@pytest.fixture
def process_threads():
    before = threads()
    yield before
    convpool.set_num_threads(before)


def test_call_over_context_over_process(process_threads):
    convpool.set_num_threads(3)
    assert threads() == 3
    with convpool.num_threads(5):
        assert threads() == 5
        with convpool.num_threads(2):
            assert threads() == 2
            convpool.set_num_threads(7)
            assert threads() == 2
        assert threads() == 5
        x, run = inputs("3x3")
        assert_same_bits(run(x, num_threads=1), run(x))
    assert threads() == 7


def test_a_context_ends_with_an_exception(process_threads):
    with pytest.raises(KeyError), convpool.num_threads(process_threads + 1):
        raise KeyError
    assert threads() == process_threads


def test_a_context_holds_in_its_own_thread_only(process_threads):
    with ThreadPoolExecutor(1) as pool:
        # One that runs before: those started later may inherit the context, from Python 3.14 on.
        assert pool.submit(threads).result() == process_threads
        with convpool.num_threads(process_threads + 1):
            assert pool.submit(threads).result() == process_threads


@pytest.mark.parametrize("value", [0, -1, 2**80, 1.5, True, None, "2"], ids=repr)
def test_numbers_of_threads_that_are_none(process_threads, value):
    for call in (convpool.set_num_threads, lambda n: convpool.num_threads(n).__enter__()):
        with pytest.raises((TypeError, ValueError), match=r"\bnum_threads\b"):
            call(value)
    assert threads() == process_threads


def test_config():
    config = convpool.get_config()
    assert {"version", "isa", "isas", "openmp", "threads"} <= set(config)
    assert config["isa"] in config["isas"]
    assert "baseline" in config["isas"]
    assert isinstance(config["openmp"], bool)
    assert config["threads"] >= 1
    assert config["version"].count(".") >= 2


# Other processes


@pytest.fixture
def answer(python):
    """What code in a fresh interpreter prints as JSON."""

    def run(code, **environment):
        result = python(code, **environment)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


CONFIG = "import json, convpool; print(json.dumps(convpool.get_config()))"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CONVPOOL_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "4"}, 4),
        ({"OMP_NUM_THREADS": "4,2"}, 4),  # one number for each level of nesting
        ({"CONVPOOL_NUM_THREADS": "3", "OMP_NUM_THREADS": "4"}, 3),
        ({"CONVPOOL_NUM_THREADS": "", "OMP_NUM_THREADS": "4"}, 4),
    ],
    ids=str,
)
def test_threads_from_the_environment(answer, environment, expected):
    assert answer(CONFIG, **environment)["threads"] == expected


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_no_number_in_the_environment(python, value):
    result = python(CONFIG, CONVPOOL_NUM_THREADS=value)
    assert result.returncode != 0
    assert "CONVPOOL_NUM_THREADS" in result.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_threads_are_at_most_the_cpus_of_the_process(answer):
    cpus = answer(CONFIG)["threads"]
    assert 1 <= cpus <= len(os.sched_getaffinity(0))
    one = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);" + CONFIG
    assert answer(one)["threads"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_after_fork_the_child_computes_and_ends(python):
    """The parent has run on several threads; its child, and the parent again, must not hang."""
    result = python(
        """
        import os, signal, time
        import test_threads
        expected = {}
        for name in test_threads.WORK:
            x, run = test_threads.inputs(name)
            expected[name] = run(x, num_threads=4)

        def same():
            for name in test_threads.WORK:
                x, run = test_threads.inputs(name)
                test_threads.assert_same_bits(run(x, num_threads=4), expected[name])

        for _ in range(3):
            child = os.fork()
            if child == 0:
                same()
                grandchild = os.fork()
                if grandchild == 0:
                    same()
                    os._exit(0)
                os._exit(0 if os.waitpid(grandchild, 0)[1] == 0 else 2)
            end = time.monotonic() + 60
            while True:
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    break
                if time.monotonic() > end:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    raise SystemExit("the child hangs")
                time.sleep(0.01)
            assert status == 0, status
            same()
        """,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr


# Instruction sets


def digests():
    """A digest of the bits of each piece of work, and proof that values are right."""
    found = {}
    for name in WORK:
        for dtype in (np.float16, np.float32, np.float64):
            x, run = inputs(name, dtype)
            settled = "pool" in name or "winograd" in name or name in ("linear", "long sums")
            direct = {} if settled else {"algorithm": "direct"}
            y = run(x[:2], num_threads=2, **direct)
            found[f"{name}, {dtype.__name__}"] = hashlib.sha256(y.tobytes()).hexdigest()
    for dtype in (np.float16, np.float32, np.float64):
        for layout, groups in (("NCHW", 1), ("NHWC", 1), ("NCHW", 6), ("NHWC", 6)):
            x = normal(1, 2, 6, 11, 6, dtype=dtype)
            weight, bias = normal(2, 18, 6 // groups, 3, 3, dtype=dtype), normal(3, 18, dtype=dtype)
            arguments = {"layout": layout, "groups": groups, "activation": "silu"}
            assert_convolves(convpool.conv2d(x, weight, bias, **arguments), x, weight, bias,
                             **arguments)  # fmt: skip
    return found


DIGESTS = """
    import json, convpool, test_threads
    print(json.dumps([convpool.get_config()["isa"], test_threads.digests()]))
    """


def test_every_instruction_set_is_right_and_those_with_fma_agree_to_the_bit(answer):
    found = {}
    for isa in convpool.get_config()["isas"]:
        used, found[isa] = answer(DIGESTS, CONVPOOL_ISA=isa)
        assert used == isa
    with_fma = [found[isa] for isa in found if isa in WITH_FMA]
    for other in with_fma[1:]:
        assert other == with_fma[0]
    # Maxima round nothing, so that all instruction sets agree on them.
    for name in found["baseline"]:
        if name.startswith("max_pool2d"):
            assert len({digest[name] for digest in found.values()}) == 1
    assert found[convpool.get_config()["isa"]] == digests()


def test_an_unknown_instruction_set_is_an_error_that_lists_those_there_are(python):
    result = python("import convpool", CONVPOOL_ISA="mmx")
    assert result.returncode != 0
    assert "CONVPOOL_ISA" in result.stderr
    assert "mmx" in result.stderr
    for isa in convpool.get_config()["isas"]:
        assert isa in result.stderr


def test_an_instruction_set_of_another_machine_is_an_error(python):
    for isa in WITH_FMA - set(convpool.get_config()["isas"]):
        result = python("import convpool", CONVPOOL_ISA=isa)
        assert result.returncode != 0
        assert "baseline" in result.stderr
