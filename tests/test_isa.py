"""Every instruction set with fused multiply-add makes the same bits, on this machine or emulated.

`c/bits.c` runs the kernels of one instruction set on fixed inputs and prints hashes of what they
make; `c/bits.txt` holds those of AVX2, which all others must meet. (After a change that is meant to
change bits: `./bits avx2 > tests/c/bits.txt`.)

NEON runs on other machines where an AArch64 compiler and QEMU are found; AVX-512 under Bochs, which
emulates a whole computer and therefore wants a Linux kernel, named by VMLINUZ.
"""

import os
import platform
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

import convpool

HERE = Path(__file__).parent
INCLUDE = Path(convpool.get_include())
EXPECTED = (HERE / "c" / "bits.txt").read_text().splitlines()
CASES = [line.split(" ")[0] for line in EXPECTED]
WITH_FMA = {"avx2", "avx512", "neon"}
ARM = platform.machine().lower() in ("aarch64", "arm64")
X86 = platform.machine().lower() in ("x86_64", "amd64")


def tool(*names):
    """The first of these programs that is there, or the test is skipped."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no {' nor '.join(names)} here")


def build(compiler, folder, *flags, name="bits"):
    program, source = folder / name, HERE / "c" / f"{name}.c"
    command = [compiler, "-O2", "-ffp-contract=off", *flags, "-I", INCLUDE, source, "-o", program]
    subprocess.run([*command, "-lm"], check=True)
    return program


def lines(*command):
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return result.stdout.splitlines()


# musl is the C library of Alpine Linux, for which there are wheels, too.
@pytest.mark.parametrize(
    ("compilers", "flags"),
    [(("cc", "gcc", "clang"), []), (("musl-gcc",), ["-static"])],
    ids=["", "musl"],
)
def test_here(compilers, flags, tmp_path):
    program = build(tool(*compilers), tmp_path, *flags)
    isas = lines(program)
    assert isas == convpool.get_config()["isas"]
    for isa in isas:
        found = lines(program, isa)
        assert [line.split(" ")[0] for line in found] == CASES
        assert lines(program, isa, "front") == found
        if isa in WITH_FMA:
            assert found == EXPECTED, isa
        else:  # what is no product rounds alike
            for verb in ("activation", "maximum", "index", "where", "average", "quantized"):
                assert [line for line in found if line.startswith(verb)] == [
                    line for line in EXPECTED if line.startswith(verb)
                ]


@pytest.mark.skipif(ARM, reason="NEON runs here without an emulator")
def test_neon_emulated(tmp_path):
    qemu = tool("qemu-aarch64-static", "qemu-aarch64")
    program = build(tool("aarch64-linux-gnu-gcc"), tmp_path, "-static")
    assert lines(qemu, program) == ["baseline", "neon"]
    assert lines(qemu, program, "neon") == EXPECTED


def initramfs(*programs):
    """An archive (cpio, newc) of a console and programs."""
    entries = [
        ("dev", stat.S_IFDIR | 0o755, (0, 0), b""),
        ("dev/console", stat.S_IFCHR | 0o600, (5, 1), b""),
        *((path.name, stat.S_IFREG | 0o755, (0, 0), path.read_bytes()) for path in programs),
        ("TRAILER!!!", 0, (0, 0), b""),
    ]
    archive = bytearray()
    for number, (name, mode, device, data) in enumerate(entries):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08x" % field for field in fields)
        archive += name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


BOCHS = """
plugin_ctrl: unmapped=1, biosdev=1, extfpuirq=1, serial=1, speaker=0
display_library: rfb, options="timeout=0"
cpu: model=corei7_skylake_x, ips=50000000, ignore_bad_msrs=1
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial
clock: sync=none
log: log
"""

# Bochs misstates the size of compacted registers, so that Linux must not use that form.
GRUB = """
set timeout=0
linux /vmlinuz console=ttyS0 quiet mitigations=off clearcpuid=xsaves,xsavec
initrd /initramfs
boot
"""


@pytest.mark.skipif(not X86, reason="builds for x86-64")
def test_avx512_emulated(tmp_path):
    bochs, mkrescue = tool("bochs"), tool("grub-mkrescue")
    if not (kernel := os.environ.get("VMLINUZ")):
        pytest.skip("VMLINUZ names no Linux kernel to run in Bochs")
    compiler, disc = tool("cc", "gcc", "clang"), tmp_path / "disc"
    (disc / "boot" / "grub").mkdir(parents=True)
    (disc / "boot" / "grub" / "grub.cfg").write_text(GRUB)
    (disc / "initramfs").write_bytes(
        initramfs(*(build(compiler, tmp_path, "-static", name=name) for name in ("init", "bits")))
    )
    shutil.copy(kernel, disc / "vmlinuz")
    subprocess.run([mkrescue, "-o", tmp_path / "disc.iso", disc], check=True, capture_output=True)
    (tmp_path / "bochsrc").write_text(BOCHS)
    (tmp_path / "continue").write_text("c\n")  # to Debian's Bochs, which starts in its debugger
    command = [bochs, "-q", "-f", "bochsrc", "-rc", "continue"]
    subprocess.run(
        command,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=900,
        check=False,
    )  # Bochs ends with an error when the power goes off
    serial = (tmp_path / "serial").read_text(errors="replace")
    assert [line for line in serial.splitlines() if line.split(" ")[0] in CASES] == EXPECTED


@pytest.mark.parametrize("standard", ["c11", "c++17"])
@pytest.mark.parametrize("compiler", ["gcc", "clang", "aarch64-linux-gnu-gcc"])
def test_headers_compile_without_a_warning(compiler, standard):
    language = "c++" if "++" in standard else "c"
    if language == "c++":
        compiler = compiler[:-2] + "++" if compiler.endswith("gcc") else compiler + "++"
    compiler = tool(compiler)
    code = '#include "convpool/convpool.h"\nint main(void) { return !convpool_find_kernels(0, 0); }'
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-std={standard}"]
    result = subprocess.run(
        [compiler, *flags, "-I", INCLUDE, "-x", language, "-"],
        input=code,
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
