"""The command line: what it writes, and that what a user got wrong is one line and exit code 2."""

import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import convpool
from convpool import cli, filters

RNG = np.random.default_rng
NAMES = ["identity", "box_blur", "gaussian", "sharpen", "emboss", "outline"]
NAMES += ["sobel_x", "sobel_y", "laplacian"]
ORIENTATION = 0x0112

GREY = RNG(1).integers(0, 256, (12, 17)).astype(np.uint8)
RGB = RNG(2).integers(0, 256, (12, 17, 3)).astype(np.uint8)
RGBA = np.dstack([RGB, np.where(RNG(3).random((12, 17)) < 0.3, 0, GREY)])
DEEP = RNG(4).integers(0, 65536, (12, 17)).astype(np.uint16)
# What a lossy file can keep.
SMOOTH = np.dstack([np.add.outer(5 * np.arange(24), 6 * np.arange(16)) + c for c in (0, 20, 40)])
SMOOTH = SMOOTH.astype(np.uint8)


def correlated(pixels, kernel, mode="mirror"):
    """Every channel by scipy in float64, then rounded half to even and saturated."""
    planes = np.atleast_3d(pixels).astype(np.float64)
    planes = [ndimage.correlate(plane, kernel, mode=mode) for plane in np.moveaxis(planes, 2, 0)]
    limit = np.iinfo(pixels.dtype).max
    result = np.clip(np.rint(np.stack(planes, 2)), 0, limit).astype(pixels.dtype)
    return result.reshape(pixels.shape)


def read(path):
    with Image.open(path) as picture:
        assert ORIENTATION not in picture.getexif()
        return np.array(picture)


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the command runs: relative names are here, and the table is not squeezed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """A command that succeeds; returns what it printed."""

    def run(*words):
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out

    return run


@pytest.fixture
def refuse(folder, capsys):
    """A command that the user got wrong; returns the line without its beginning."""

    def refuse(*words):
        before = listed(folder)
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        assert (code, printed.out) == (2, "")
        assert re.fullmatch(r"convpool: error: [^\n]+\n", printed.err)
        assert listed(folder) == before
        return printed.err.removeprefix("convpool: error: ").rstrip("\n")

    return refuse


@pytest.fixture
def photo(folder):
    Image.fromarray(RGB).save("photo.png")
    return "photo.png"


# filter: kinds of pictures


@pytest.mark.parametrize("name", ["emboss", "sharpen", "outline", "sobel_x", "sobel_y"])
@pytest.mark.parametrize("pixels", [GREY, RGB, DEEP], ids=["grey", "RGB", "16-bit grey"])
def test_filter(run, folder, name, pixels):
    Image.fromarray(pixels).save("photo.png")
    assert run("filter", "photo.png", "--kernel", name, "-o", "out.png") == ""
    y = read("out.png")
    assert (y.dtype, y.shape) == (pixels.dtype, pixels.shape)
    np.testing.assert_array_equal(y, correlated(pixels, filters.get(name)))
    assert listed(folder) == ["out.png", "photo.png"]


@pytest.mark.parametrize("name", NAMES)
def test_filter_by_every_kernel(run, photo, name):
    run("filter", photo, "--kernel", name, "--output", "out.png")
    np.testing.assert_array_equal(read("out.png"), convpool.filter2d(RGB, filters.get(name)))


@pytest.mark.parametrize("name", ["box_blur", "emboss"])
def test_alpha_stays(run, folder, name):
    Image.fromarray(RGBA).save("photo.png")
    run("filter", "photo.png", "--kernel", name, "-o", "out.png")
    y = read("out.png")
    np.testing.assert_array_equal(y[..., 3], RGBA[..., 3])
    # Colours under transparent pixels count as any others.
    expected = convpool.filter2d(np.ascontiguousarray(RGB), filters.get(name))
    np.testing.assert_array_equal(y[..., :3], expected)


def test_grey_with_alpha(run, folder):
    Image.fromarray(np.dstack([GREY, RGBA[..., 3]])).save("photo.png")
    run("filter", "photo.png", "--kernel", "emboss", "-o", "out.png")
    y = read("out.png")
    np.testing.assert_array_equal(y[..., 3], RGBA[..., 3])
    for channel in range(3):
        np.testing.assert_array_equal(y[..., channel], correlated(GREY, filters.emboss()))


def test_palette(run, folder):
    picture = Image.fromarray(RGB).quantize(16)
    assert picture.mode == "P"
    picture.save("photo.png")
    run("filter", "photo.png", "--kernel", "emboss", "-o", "out.png")
    colours = np.array(picture.getpalette()).reshape(-1, 3)[np.asarray(picture)].astype(np.uint8)
    np.testing.assert_array_equal(read("out.png"), correlated(colours, filters.emboss()))


def test_palette_with_a_transparent_colour(run, folder):
    picture = Image.fromarray(RGB).quantize(16)
    picture.save("photo.png", transparency=5)
    run("filter", "photo.png", "--kernel", "emboss", "-o", "out.png")
    y, indices = read("out.png"), np.asarray(picture)
    assert (indices == 5).any()
    np.testing.assert_array_equal(y[..., 3], np.where(indices == 5, 0, 255))
    colours = np.array(picture.getpalette()).reshape(-1, 3)[indices].astype(np.uint8)
    np.testing.assert_array_equal(y[..., :3], correlated(colours, filters.emboss()))


@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "RGB"])
def test_a_transparent_colour_without_a_palette(run, folder, pixels):
    pixels = pixels.copy()
    pixels[3:5, 4:9] = 7
    Image.fromarray(pixels).save("photo.png", transparency=7 if pixels.ndim == 2 else (7, 7, 7))
    run("filter", "photo.png", "--kernel", "emboss", "-o", "out.png")
    y = read("out.png")
    clear = (np.atleast_3d(pixels) == 7).all(axis=2)
    assert y.shape == (*pixels.shape[:2], 4)
    np.testing.assert_array_equal(y[..., 3], np.where(clear, 0, 255))
    expected = np.broadcast_to(np.atleast_3d(correlated(pixels, filters.emboss())), (12, 17, 3))
    np.testing.assert_array_equal(y[..., :3], expected)


def test_one_bit(run, folder):
    Image.fromarray(GREY > 127).save("photo.png")
    with Image.open("photo.png") as picture:
        assert picture.mode == "1"
    run("filter", "photo.png", "--kernel", "box_blur", "-o", "out.png")
    expected = correlated(np.where(GREY > 127, 255, 0).astype(np.uint8), filters.box_blur())
    np.testing.assert_array_equal(read("out.png"), expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits(run, folder, suffix):
    """Values beyond 255 and at both ends survive in each file that keeps 16 bits."""
    deep = DEEP.copy()
    deep[0, :3] = 0, 65535, 256
    Image.fromarray(deep).save("photo" + suffix)
    run("filter", "photo" + suffix, "--kernel", "identity", "-o", "out" + suffix)
    y = read("out" + suffix)
    assert y.dtype == np.uint16
    np.testing.assert_array_equal(y, deep)


def test_cmyk(run, folder):
    Image.fromarray(SMOOTH).convert("CMYK").save("photo.jpg", quality=95)
    with Image.open("photo.jpg") as picture:
        assert picture.mode == "CMYK"
        colours = np.array(picture.convert("RGB"))
    run("filter", "photo.jpg", "--kernel", "sharpen", "-o", "out.png")
    np.testing.assert_array_equal(read("out.png"), correlated(colours, filters.sharpen()))


# What each orientation of EXIF says to do with the stored pixels.
UPRIGHT = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_turned_photo(run, folder, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(SMOOTH).save("photo.jpg", exif=exif, quality=95)
    with Image.open("photo.jpg") as picture:
        assert picture.getexif()[ORIENTATION] == orientation
        upright = UPRIGHT[orientation](np.array(picture))
    run("filter", "photo.jpg", "--kernel", "sobel_x", "-o", "out.png")
    # The kernel's left and right are those of the upright picture.
    np.testing.assert_array_equal(read("out.png"), correlated(upright, filters.sobel_x()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_pictures(run, folder, shape):
    pixels = np.ascontiguousarray(GREY[: shape[0], : shape[1]])
    Image.fromarray(pixels).save("photo.png")
    run("filter", "photo.png", "--kernel", "box_blur", "--size", 7, "-o", "out.png")
    np.testing.assert_array_equal(read("out.png"), correlated(pixels, filters.box_blur(7)))


# filter: options


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_size(run, photo, size):
    run("filter", photo, "--kernel", "box_blur", "--size", size, "-o", "out.png")
    mean = np.full((size, size), 1 / size**2)
    np.testing.assert_array_equal(read("out.png"), convpool.filter2d(RGB, mean))


def test_sigma(run, photo):
    run("filter", photo, "--kernel", "gaussian", "--sigma", 2.5, "-o", "out.png")
    soft = read("out.png")
    np.testing.assert_array_equal(soft, convpool.filter2d(RGB, filters.gaussian(2.5)))
    run("filter", photo, "--kernel", "gaussian", "-o", "out.png")
    assert (read("out.png") != soft).any()


def test_sigma_and_size(run, photo):
    run("filter", photo, "--kernel", "gaussian", "--sigma", 2.5, "--size", 4, "-o", "out.png")
    expected = convpool.filter2d(RGB, filters.gaussian(2.5, 4))
    np.testing.assert_array_equal(read("out.png"), expected)


@pytest.mark.parametrize(
    ("mode", "scipys"),
    [("reflect", "mirror"), ("replicate", "nearest"), ("circular", "wrap"), ("zeros", "constant")],
)
def test_padding_mode(run, photo, mode, scipys):
    run("filter", photo, "--kernel", "emboss", "--padding-mode", mode, "-o", "out.png")
    np.testing.assert_array_equal(read("out.png"), correlated(RGB, filters.emboss(), scipys))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads(run, photo, monkeypatch, threads):
    seen = []

    def filter2d(*arguments, **options):
        seen.append(convpool.get_num_threads())
        return convpool.filter2d(*arguments, **options)

    monkeypatch.setattr(cli, "filter2d", filter2d)
    before = convpool.get_num_threads()
    run("filter", photo, "--kernel", "emboss", "--threads", threads, "-o", "out.png")
    assert seen == [threads]
    assert convpool.get_num_threads() == before
    np.testing.assert_array_equal(read("out.png"), correlated(RGB, filters.emboss()))
    run("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert seen == [threads, before]


# filter: the file that it writes


def test_what_stood_there_is_replaced(run, folder, photo):
    (folder / "out.png").write_text("something else, longer than a picture" * 100)
    run("filter", photo, "--kernel", "emboss", "-o", "out.png")
    np.testing.assert_array_equal(read("out.png"), correlated(RGB, filters.emboss()))


def test_photo_onto_itself(run, folder, photo):
    run("filter", photo, "--kernel", "emboss", "-o", photo)
    np.testing.assert_array_equal(read(photo), correlated(RGB, filters.emboss()))
    assert listed(folder) == [photo]


@pytest.mark.parametrize("name", ["out.PNG", "sub/out.png", "two words.png", "größe.png", "-o.png"])
def test_names_of_outputs(run, folder, photo, name):
    (folder / "sub").mkdir()
    run("filter", photo, "--kernel", "emboss", f"--output={folder / name}")
    np.testing.assert_array_equal(read(folder / name), correlated(RGB, filters.emboss()))
    assert listed(folder) == sorted([photo, "sub", name])


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".jpg", "JPEG"), (".bmp", "BMP"), (".tif", "TIFF"), (".webp", "WEBP")]
)
def test_suffix_chooses_the_kind_of_file(run, folder, suffix, kind):
    Image.fromarray(SMOOTH).save("photo.png")
    run("filter", "photo.png", "--kernel", "identity", "-o", "out" + suffix)
    with Image.open("out" + suffix) as picture:
        assert (picture.format, picture.mode, picture.size) == (kind, "RGB", (16, 24))


def test_jpeg_has_no_alpha(run, folder):
    Image.fromarray(RGBA).save("photo.png")
    run("filter", "photo.png", "--kernel", "emboss", "-o", "out.jpeg")
    with Image.open("out.jpeg") as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")


def writable_suffixes():
    """One for each kind of file that Pillow writes."""
    Image.init()
    kinds = {kind: suffix for suffix, kind in sorted(Image.EXTENSION.items()) if kind in Image.SAVE}
    return sorted(kinds.values())


@pytest.mark.filterwarnings(
    "ignore:.*image format is deprecated:DeprecationWarning"
)  # kinds that Pillow is to drop
@pytest.mark.parametrize("suffix", writable_suffixes())
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "16-bit grey", "wide"])
def test_each_suffix_works_or_says_why_not(folder, capsys, suffix, mode):
    wide = np.zeros((1, 70_000), np.uint8)  # more than 16 bits can count
    pixels = {"L": GREY, "RGB": RGB, "RGBA": RGBA, "16-bit grey": DEEP, "wide": wide}[mode]
    Image.fromarray(pixels).save("photo.png")
    code = cli.main(["filter", "photo.png", "--kernel", "identity", "-o", "out" + suffix])
    printed = capsys.readouterr()
    if code == 0:
        assert printed.err == ""
        assert listed(folder) == sorted(["photo.png", "out" + suffix])
        assert (folder / ("out" + suffix)).stat().st_size
    else:
        assert code == 2
        assert re.fullmatch(r"convpool: error: out\.[^\n]+\n", printed.err)
        assert listed(folder) == ["photo.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_mode_bits_of_any_new_file(run, folder, photo, mask):
    before = os.umask(mask)
    try:
        run("filter", photo, "--kernel", "emboss", "-o", "out.png")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "out.png").stat().st_mode) == 0o666 & ~mask


# filter: what a user gets wrong


def test_missing_photo(refuse):
    message = refuse("filter", "missing.png", "--kernel", "emboss", "-o", "out.png")
    assert message == "missing.png: No such file or directory"


def test_not_a_picture(refuse, folder):
    (folder / "notes.png").write_text("no picture")
    message = refuse("filter", "notes.png", "--kernel", "emboss", "-o", "out.png")
    assert message == "notes.png: not a picture that Pillow can read"


def test_empty_file(refuse, folder):
    (folder / "photo.png").touch()
    message = refuse("filter", "photo.png", "--kernel", "emboss", "-o", "out.png")
    assert message == "photo.png: not a picture that Pillow can read"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".ppm"])
def test_truncated_photo(folder, capsys, suffix):
    """Cut anywhere; only what Pillow takes for whole (a missing end mark) may pass."""
    Image.fromarray(SMOOTH).save("whole" + suffix)
    whole = (folder / ("whole" + suffix)).read_bytes()
    photo = folder / ("photo" + suffix)
    refused = 0
    for length in range(0, len(whole), 1 if len(whole) < 700 else 7):
        photo.write_bytes(whole[:length])
        before = listed(folder)
        code = cli.main(["filter", photo.name, "--kernel", "emboss", "-o", "out.png"])
        printed = capsys.readouterr()
        if code == 0:
            assert printed.err == ""
            os.unlink("out.png")
        else:
            assert code == 2
            assert re.fullmatch(r"convpool: error: photo\.[^\n]+\n", printed.err)
            refused += 1
        assert listed(folder) == before
    assert refused > 0
    photo.write_bytes(whole[: len(whole) // 2])
    assert cli.main(["filter", photo.name, "--kernel", "emboss", "-o", "out.png"]) == 2


def test_folder_as_photo(refuse, folder):
    (folder / "album").mkdir()
    message = refuse("filter", "album", "--kernel", "emboss", "-o", "out.png")
    # Windows does not open folders at all.
    assert message in ("album: Is a directory", "album: Permission denied")


def test_photo_too_large_to_be_honest(refuse, photo, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 17 // 2 - 1)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert message.startswith("photo.png: ")
    assert "decompression bomb" in message


@pytest.mark.parametrize("name", ["swirl", "", "Emboss"])
def test_unknown_kernel(refuse, photo, name):
    message = refuse("filter", photo, "--kernel", name, "-o", "out.png")
    assert message == f"kernel: got {name!r}, expected one of {', '.join(NAMES)}"


def test_missing_folder_of_the_output(refuse, photo):
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "nowhere/out.png")
    assert message == f"{os.path.join('nowhere', 'out.png')}: there is no folder nowhere"


def test_output_in_what_is_a_file(refuse, photo):
    message = refuse("filter", photo, "--kernel", "emboss", "-o", f"{photo}/out.png")
    assert message.endswith("there is no folder photo.png")


def test_output_is_a_folder(refuse, folder, photo):
    (folder / "album.png").mkdir()
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "album.png")
    assert message == "album.png: is a folder"


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.", ".png", "out.png.txt"])
def test_unknown_suffix(refuse, photo, name):
    message = refuse("filter", photo, "--kernel", "emboss", "-o", name)
    assert message.startswith(f"{name}: no kind of picture ends in ")


def test_suffix_that_is_only_read(refuse, photo):
    Image.init()
    suffix = next(s for s, kind in Image.EXTENSION.items() if kind not in Image.SAVE)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out" + suffix)
    assert message == f"out{suffix}: Pillow cannot write {suffix} files"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="mode bits do not bind this user"
)
def test_folder_that_may_not_be_written(refuse, folder, photo):
    (folder / "locked").mkdir(mode=0o500)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "locked/out.png")
    assert message == "locked/out.png: may not be written"


def test_no_leave_to_write(refuse, photo, monkeypatch):
    """As above, for any user."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert message == "out.png: may not be written"


def test_sixteen_bits_do_not_fit_a_jpeg(refuse, folder):
    Image.fromarray(DEEP).save("photo.png")
    (folder / "out.jpg").write_bytes(b"what stood there")
    message = refuse("filter", "photo.png", "--kernel", "emboss", "-o", "out.jpg")
    assert message.startswith("out.jpg: ")
    assert (folder / "out.jpg").read_bytes() == b"what stood there"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("no")])
def test_writing_fails_half_way(refuse, folder, photo, monkeypatch, error):
    def save(self, file, **options):
        file.write(b"half of it")
        raise error

    (folder / "out.png").write_bytes(b"what stood there")
    monkeypatch.setattr(Image.Image, "save", save)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert message == f"out.png: {getattr(error, 'strerror', None) or error}"
    assert (folder / "out.png").read_bytes() == b"what stood there"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("emboss", "--sigma", "1"), "kernel emboss takes no sigma"),
        (("outline", "--size", "3"), "kernel outline takes no size"),
        (("box_blur", "--sigma", "1"), "kernel box_blur takes no sigma"),
        (("identity", "--sigma", "1"), "kernel identity takes no sigma"),
        (("emboss", "--size", "3", "--sigma", "1"), "kernel emboss takes no size or sigma"),
        (("box_blur", "--size", "3", "--sigma", "1"), "kernel box_blur takes no sigma"),
    ],
)
def test_options_that_the_kernel_has_not(refuse, photo, words, message):
    assert refuse("filter", photo, "--kernel", *words, "-o", "out.png") == message


@pytest.mark.parametrize("sigma", ["0", "-1", "nan", "inf", "-inf", "2e6", "wide", ""])
def test_bad_sigma(refuse, photo, sigma):
    message = refuse("filter", photo, "--kernel", "gaussian", f"--sigma={sigma}", "-o", "out.png")
    assert "sigma: " in message


@pytest.mark.parametrize("name", ["identity", "box_blur", "gaussian"])
@pytest.mark.parametrize("size", ["0", "-1", "1.5", "three", "", "2147483648", "9" * 30])
def test_bad_size(refuse, photo, name, size):
    message = refuse("filter", photo, "--kernel", name, f"--size={size}", "-o", "out.png")
    assert "size: " in message


@pytest.mark.parametrize("name", ["identity", "box_blur"])
def test_kernel_that_fits_no_memory(refuse, photo, name):
    """2^62 numbers are 2^65 bytes."""
    refuse("filter", photo, "--kernel", name, "--size", 2**31 - 1, "-o", "out.png")


@pytest.mark.parametrize("threads", ["0", "-1", "1.5", "all", "", "1025"])
@pytest.mark.parametrize("command", ["filter", "demo"])
def test_bad_threads(refuse, photo, command, threads):
    words = ["--kernel", "emboss"] if command == "filter" else []
    message = refuse(command, photo, *words, f"--threads={threads}", "-o", "out.png")
    assert "threads: " in message


@pytest.mark.parametrize("mode", ["constant", "mirror", ""])
def test_bad_padding_mode(refuse, photo, mode):
    options = ("--kernel", "emboss", "--padding-mode", mode)
    message = refuse("filter", photo, *options, "-o", "out.png")
    for known in ("reflect", "replicate", "circular", "zeros"):
        assert known in message


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "required"),
        (("swirl",), "swirl"),
        (("",), "invalid choice"),
        (("filter",), "photo, --kernel, -o/--output"),
        (("filter", "photo.png", "--kernel", "emboss"), "-o/--output"),
        (("filter", "photo.png", "-o", "out.png"), "--kernel"),
        (("filter", "photo.png", "--kernel"), "--kernel"),
        (("filter", "a.png", "b.png", "--kernel", "emboss", "-o", "out.png"), "b.png"),
        (("demo", "--size", "3"), "--size"),
        (("info", "more"), "more"),
        (("--swirl",), "required"),
    ],
)
def test_words_that_are_no_command(refuse, words, part):
    assert part in refuse(*words)


@pytest.mark.parametrize(
    ("command", "module"),
    [("filter", "PIL"), ("demo", "PIL"), ("demo", "rich"), ("demo", "skimage")],
)
def test_missing_extra(refuse, photo, monkeypatch, command, module):
    monkeypatch.setitem(sys.modules, module, None)
    words = ["--kernel", "emboss"] if command == "filter" else []
    message = refuse(command, photo, *words, "-o", "out.png")
    assert message == f"{module} is not installed: pip install 'convpool[demo]'"


# Ctrl-C


def interrupt(*arguments, **options):
    raise KeyboardInterrupt


def test_interrupted(folder, photo, monkeypatch, capsys):
    monkeypatch.setattr(cli, "filter2d", interrupt)
    assert cli.main(["filter", photo, "--kernel", "emboss", "-o", "out.png"]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert listed(folder) == [photo]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError("too large")])
def test_interrupted_while_writing(folder, photo, monkeypatch, capsys, error):
    def save(self, file, **options):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(Image.Image, "save", save)
    code = cli.main(["filter", photo, "--kernel", "emboss", "-o", "out.png"])
    assert code == (130 if error is KeyboardInterrupt else 2)
    assert listed(folder) == [photo]


def test_interrupted_demo(folder, photo, monkeypatch):
    monkeypatch.setattr("convpool._demo.filter2d", interrupt)
    assert cli.main(["demo", photo, "-o", "out.png"]) == 130
    assert listed(folder) == [photo]


# info, --version, --help, python -m


def test_info(run):
    lines = dict(line.split(": ", 1) for line in run("info").splitlines())
    config = convpool.get_config()
    assert lines == {
        "version": config["version"],
        "isa": config["isa"],
        "isas": ", ".join(config["isas"]),
        "openmp": str(config["openmp"]),
        "threads": str(config["threads"]),
    }


def module(*words, **environment):
    """``python -m convpool`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "convpool", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_module_info(folder):
    ended = module("info", CONVPOOL_NUM_THREADS="3", CONVPOOL_ISA="baseline")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert f"version: {convpool.get_config()['version']}" in lines
    assert "isa: baseline" in lines
    assert "threads: 3" in lines


def test_module_version(folder):
    ended = module("--version")
    expected = (0, f"convpool {convpool.get_config()['version']}\n", "")
    assert (ended.returncode, ended.stdout, ended.stderr) == expected


def test_module_passes_the_exit_code_on(folder):
    ended = module("filter", "missing.png", "--kernel", "emboss", "-o", "out.png")
    expected = (2, "", "convpool: error: missing.png: No such file or directory\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == expected


def test_words_of_the_process(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["convpool", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out.startswith("convpool ")


def test_help(run):
    for command in ("demo", "filter", "info"):
        assert command in run("--help")
        assert run(command, "--help").startswith(f"usage: convpool {command}")
    for name in NAMES:
        assert name in run("filter", "--help")


# demo

LAYERS = ["convolution", "convolution + ReLU", "max pool 2x2"]


def rows(printed):
    """The table's cells, by the name of the step."""
    found = {}
    for line in printed.splitlines():
        cells = [cell.strip() for cell in re.split("[│┃|]", line)]
        if len(cells) == 8 and cells[1] != "step":
            found[cells[1]] = cells[2:7]
    return found


def assert_is_sheet(path):
    with Image.open(path) as sheet:
        assert (sheet.format, sheet.mode, sheet.width) == ("PNG", "RGB", 1280)
        pixels = np.array(sheet)
    # Not blank: paper, ink and pictures.
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_demo(run, folder):
    Image.fromarray(SMOOTH).save("photo.png")
    printed = run("demo", "photo.png", "-o", "sheet.png")
    assert_is_sheet("sheet.png")
    assert listed(folder) == ["photo.png", "sheet.png"]
    assert "contact sheet: sheet.png" in printed.splitlines()
    table = rows(printed)
    assert list(table) == [name.replace("_", " ") for name in NAMES] + LAYERS
    for name, (_, _, _, _, milliseconds) in table.items():
        assert float(milliseconds) >= 0, name
    cells = {name: row[:4] for name, row in table.items()}
    assert cells["box blur"] == ["24x16x3", "9x9", "24x16x3", "81"]
    assert cells["gaussian"] == ["24x16x3", "19x19", "24x16x3", "361"]
    assert cells["sobel x"] == ["24x16x3", "3x3", "24x16x3", "9"]
    for name in ("convolution", "convolution + ReLU"):
        assert cells[name] == ["1x3x24x16", "3x3x3", "1x8x24x16", "216"]
    assert cells["max pool 2x2"] == ["1x8x24x16", "", "1x8x12x8", "0"]


def test_demo_without_a_photo(run, folder):
    printed = run("demo")
    assert_is_sheet("contact-sheet.png")
    assert listed(folder) == ["contact-sheet.png"]
    table = rows(printed)
    assert list(table) == [name.replace("_", " ") for name in NAMES] + LAYERS
    assert table["emboss"][0] == "512x512x3"


def test_demo_shows_the_filtered_photo(run, folder):
    """The sheet's first picture is the photograph itself, an even one here."""
    Image.fromarray(np.full((30, 30, 3), (200, 30, 60), np.uint8)).save("photo.png")
    run("demo", "photo.png", "-o", "sheet.png")
    with Image.open("sheet.png") as sheet:
        assert sheet.getpixel((200, 300)) == (200, 30, 60)


def test_demo_on_few_threads(run, photo, monkeypatch):
    seen = set()

    def filter2d(*arguments, **options):
        seen.add(convpool.get_num_threads())
        return convpool.filter2d(*arguments, **options)

    monkeypatch.setattr("convpool._demo.filter2d", filter2d)
    run("demo", photo, "--threads", 2, "-o", "sheet.png")
    assert seen == {2}


@pytest.mark.parametrize(
    "pixels",
    [GREY, DEEP, RGBA, RGB[:2, :2], GREY[:2, :2], RGB[:2], RGB[:, :2], np.zeros((9, 9), np.uint8)],
    ids=["grey", "16-bit grey", "RGBA", "2x2", "grey 2x2", "2 high", "2 wide", "black"],
)
def test_demo_on_other_photos(run, folder, pixels):
    Image.fromarray(np.ascontiguousarray(pixels)).save("photo.png")
    table = rows(run("demo", "photo.png", "-o", "sheet.png"))
    assert_is_sheet("sheet.png")
    assert list(table) == [name.replace("_", " ") for name in NAMES] + LAYERS
    assert table["emboss"][0] == f"{pixels.shape[0]}x{pixels.shape[1]}x3"


def test_demo_on_a_strip(run, folder):
    Image.fromarray(np.zeros((2, 2000), np.uint8)).save("photo.png")
    run("demo", "photo.png", "-o", "sheet.png")
    assert_is_sheet("sheet.png")


def test_demo_of_sixteen_bits_is_that_of_the_upper_eight(run, folder):
    (folder / "deep").mkdir()
    Image.fromarray(DEEP).save("deep/photo.png")
    Image.fromarray((DEEP // 256).astype(np.uint8)).save("photo.png")
    run("demo", "deep/photo.png", "-o", "deep.png")
    run("demo", "photo.png", "-o", "sheet.png")
    np.testing.assert_array_equal(read("deep.png"), read("sheet.png"))


@pytest.mark.parametrize(
    "name", ["[red] sheet.png", "[b]/sheet.png", "x[/b]/sheet.png", ":+1:.png"]
)
def test_demo_prints_the_name_of_its_sheet(run, folder, photo, name):
    """Whatever a terminal's markup would make of it."""
    (folder / name).parent.mkdir(exist_ok=True, parents=True)
    printed = run("demo", photo, "-o", name)
    assert f"contact sheet: {name}" in printed.splitlines()
    assert_is_sheet(name)


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 1), "1 x 1"), ((1, 5), "5 x 1"), ((5, 1), "1 x 5")]
)
def test_demo_on_too_small_a_photo(refuse, folder, shape, size):
    Image.fromarray(np.zeros(shape, np.uint8)).save("photo.png")
    assert refuse("demo", "photo.png", "-o", "sheet.png") == f"photo.png: {size} is too small"


def test_demo_of_what_is_no_photo(refuse, folder, photo):
    (folder / "notes.png").write_text("no picture")
    message = refuse("demo", "missing.png", "-o", "sheet.png")
    assert message == "missing.png: No such file or directory"
    message = refuse("demo", "notes.png", "-o", "sheet.png")
    assert message == "notes.png: not a picture that Pillow can read"
    message = refuse("demo", photo, "-o", "nowhere/sheet.png")
    assert message.endswith("there is no folder nowhere")
    assert refuse("demo", photo, "-o", "sheet.xyz").startswith("sheet.xyz: no kind of picture")


# Files that neither name nor contents make easy


def test_name_longer_than_any_file_may_have(refuse, photo):
    name = 300 * "x" + ".png"
    assert name[:200] in refuse("filter", photo, "--kernel", "emboss", "-o", name)
    assert refuse("filter", name, "--kernel", "emboss", "-o", "out.png").startswith(name)


def test_name_of_two_lines_makes_one(refuse, photo):
    message = refuse("filter", "two\nlines.png", "--kernel", "emboss", "-o", "out.png")
    assert message == "two lines.png: No such file or directory"


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied")])
def test_folder_that_takes_no_new_file(refuse, photo, monkeypatch, error):
    """An output that may be written in a folder that may not, as root meets in /proc."""

    def mkstemp(**options):
        raise error

    monkeypatch.setattr("convpool._pictures.tempfile.mkstemp", mkstemp)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert message == "out.png: Permission denied"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_link_stays_a_link(run, folder, photo):
    (folder / "album").mkdir()
    (folder / "out.png").symlink_to(folder / "album" / "real.png")
    run("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert (folder / "out.png").is_symlink()
    np.testing.assert_array_equal(read("album/real.png"), correlated(RGB, filters.emboss()))
    assert listed(folder / "album") == ["real.png"]


def test_reader_that_raises_runtime_errors(refuse, photo, monkeypatch):
    """As Pillow's AVIF and DDS readers do of damaged files."""

    def load(self):
        raise RuntimeError("Failed to decode")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    message = refuse("filter", photo, "--kernel", "emboss", "-o", "out.png")
    assert message == "photo.png: Failed to decode"


def test_pillows_log_is_no_second_line(folder):
    """Too many samples a pixel: Pillow logs it, and refuses the file."""
    Image.fromarray(RGB).save("photo.tif")
    whole = (folder / "photo.tif").read_bytes()
    # SamplesPerPixel: tag 277, type SHORT, one value, and that is 3.
    entry = b"\x15\x01\x03\x00\x01\x00\x00\x00"
    assert whole.count(entry + b"\x03\x00") == 1
    (folder / "photo.tif").write_bytes(whole.replace(entry + b"\x03\x00", entry + b"\x00\x08"))
    ended = module("filter", "photo.tif", "--kernel", "emboss", "-o", "out.png")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"convpool: error: photo\.tif: [^\n]+\n", ended.stderr)


def test_demo_keeps_the_proportions_of_a_tall_photo(run, folder):
    """A disc in a photo three times as high as wide stays round."""
    rows, columns = np.indices((300, 100))
    disc = np.where((rows - 150) ** 2 + (columns - 50) ** 2 < 40**2, 255, 0)
    Image.fromarray(disc.astype(np.uint8)).save("photo.png")
    run("demo", "photo.png", "-o", "sheet.png")
    with Image.open("sheet.png") as sheet:
        first = np.array(sheet.convert("L").crop((40, 120, 40 + 389, 120 + 778)))
    black = np.argwhere(first < 30)  # the picture's own ground
    (top, left), (bottom, right) = black.min(0), black.max(0)
    inside = first[top : bottom + 1, left : right + 1] > 200
    height, width = np.ptp(np.argwhere(inside), axis=0) + 1
    assert abs(height / width - 1) < 0.05
