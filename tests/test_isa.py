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
import time
from pathlib import Path

import pytest

import convpool

HERE = Path(__file__).parent
INCLUDE = Path(convpool.get_include())
EXPECTED = (HERE / "c" / "bits.txt").read_text().splitlines()
WITH_FMA = {"avx2", "avx512", "neon"}
ARM = platform.machine().lower() in ("aarch64", "arm64")
X86 = platform.machine().lower() in ("x86_64", "amd64")


def tool(*names):
    """The first of these programs that is there, or the test is skipped."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no {' nor '.join(names)} here")


def build(compiler, folder, *flags):
    program = folder / "bits"
    command = [compiler, "-O2", "-ffp-contract=off", *flags, "-I", INCLUDE, HERE / "c" / "bits.c"]
    subprocess.run([*command, "-o", program, "-lm"], check=True)
    return program


def lines(*command):
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return result.stdout.splitlines()


def test_here(tmp_path):
    program = build(tool("cc", "gcc", "clang"), tmp_path)
    isas = lines(program)
    assert isas == convpool.get_config()["isas"]
    for isa in isas:
        found = lines(program, isa)
        assert [line.split()[0] for line in found] == [line.split()[0] for line in EXPECTED]
        if isa in WITH_FMA:
            assert found == EXPECTED, isa
        else:  # what is no product rounds alike
            for verb in ("maximum", "index", "where", "average"):
                assert [line for line in found if line.startswith(verb)] == [
                    line for line in EXPECTED if line.startswith(verb)
                ]


@pytest.mark.skipif(ARM, reason="NEON runs here without an emulator")
def test_neon_emulated(tmp_path):
    qemu = tool("qemu-aarch64-static", "qemu-aarch64")
    program = build(tool("aarch64-linux-gnu-gcc"), tmp_path, "-static")
    assert lines(qemu, program) == ["baseline", "neon"]
    assert lines(qemu, program, "neon") == EXPECTED


def initramfs(program):
    """An archive (cpio, newc) of a console and the program as the first process."""
    archive = bytearray()
    console = stat.S_IFCHR | 0o600, (5, 1), b""
    entries = {
        "dev": (stat.S_IFDIR | 0o755, (0, 0), b""),
        "dev/console": console,
        "init": (stat.S_IFREG | 0o755, (0, 0), program.read_bytes()),
        "TRAILER!!!": (0, (0, 0), b""),
    }
    for number, (name, (mode, device, data)) in enumerate(entries.items()):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08x" % field for field in fields)
        archive += name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


BOCHS = """
plugin_ctrl: serial=1
display_library: rfb, options="timeout=0"
cpu: model=corei7_skylake_x, ignore_bad_msrs=1
memory: guest=512, host=512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={folder}/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/serial
clock: sync=none
log: {folder}/log
"""

# Bochs misstates the size of compacted registers, so that Linux must not use that form.
GRUB = """
set timeout=0
linux /vmlinuz console=ttyS0 quiet mitigations=off clearcpuid=xsaves,xsavec -- avx512
initrd /initramfs
boot
"""


@pytest.mark.skipif(not X86, reason="builds for x86-64")
def test_avx512_emulated(tmp_path):
    bochs, mkrescue = tool("bochs"), tool("grub-mkrescue")
    if not (kernel := os.environ.get("VMLINUZ")):
        pytest.skip("VMLINUZ names no Linux kernel to run in Bochs")
    program = build(tool("cc", "gcc", "clang"), tmp_path, "-static")
    disc = tmp_path / "disc"
    (disc / "boot" / "grub").mkdir(parents=True)
    (disc / "boot" / "grub" / "grub.cfg").write_text(GRUB)
    (disc / "initramfs").write_bytes(initramfs(program))
    shutil.copy(kernel, disc / "vmlinuz")
    subprocess.run([mkrescue, "-o", tmp_path / "disc.iso", disc], check=True, capture_output=True)
    (tmp_path / "bochsrc").write_text(BOCHS.format(folder=tmp_path))
    (tmp_path / "continue").write_text("c\n")  # to Debian's Bochs, which starts in its debugger
    serial = tmp_path / "serial"
    command = [bochs, "-q", "-f", tmp_path / "bochsrc", "-rc", tmp_path / "continue"]
    text = ""
    with open(tmp_path / "output", "wb") as output, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    ) as machine:
        end = time.monotonic() + 600
        # Linux panics when its first process ends, as this one does.
        while "Kernel panic" not in text and time.monotonic() < end and machine.poll() is None:
            time.sleep(1)
            text = serial.read_text(errors="replace") if serial.exists() else ""
        machine.kill()
    assert [line for line in text.splitlines() if " " in line and line[0] != "["] == EXPECTED


@pytest.mark.parametrize("standard", ["c11", "c++17"])
@pytest.mark.parametrize("compiler", ["gcc", "clang", "aarch64-linux-gnu-gcc"])
def test_headers_compile_without_a_warning(compiler, standard):
    language = "c++" if "++" in standard else "c"
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
