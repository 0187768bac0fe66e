"""The bundle runs where there is nothing else: made here from what was built, then started in an empty root."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.dist import check
from tests.support.rouse_daemon import BOUND, ROOT, ROUSE

NOBODY = 65534


def made(into):
    command = [ROOT / "packaging/bundle/make.py", "--level", "1", "--into", into]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, done.stderr
    return into / done.stdout.strip().rpartition("/")[2]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return made(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def bundle(archive):
    with tempfile.TemporaryDirectory(prefix="rouse-dist-") as name:  # not pytest's own, which is closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "in").mkdir()
        yield Path(shutil.move(check.unpacked(archive, folder / "in"), folder))


def test_the_same_programs_make_the_same_archive(archive, tmp_path):
    again = made(tmp_path)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(archive.read_bytes()).digest()


def test_everything_in_it_is_nobodys_and_its_licences_are_told(archive, tmp_path):
    plain = tmp_path / "plain.tar"
    subprocess.run(["zstd", "-dq", archive, "-o", plain], check=True)
    with tarfile.open(plain) as tar:
        entries = tar.getmembers()
        assert [e.name for e in entries] == sorted((e.name for e in entries), key=lambda name: name.split("/"))
        assert {(e.uid, e.gid, e.uname, e.gname) for e in entries} == {(0, 0, "root", "root")}
        assert len({e.mtime for e in entries}) == 1
        names = {e.name.partition("/")[2] for e in entries}
        listing = tar.extractfile(f"{entries[0].name}/share/doc/rouse/LICENSES.txt").read().decode()
    for package in ("libc6", "libssl3t64", "libllama0", "libggml0", "libboost-dev"):
        assert f"\n{package} " in listing
    for word in listing.split():
        assert not word.startswith("LICENSES/") or f"share/doc/rouse/{word.rstrip('.')}" in names | {
            "share/doc/rouse/LICENSES/common"}, word


@pytest.mark.parametrize("user", [None, NOBODY])
def test_it_runs_in_an_empty_root(bundle, user):
    if user and os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    check.check(bundle, check.MODEL, empty_root=True, user=user, kernel=None)


def test_it_runs_where_it_was_unpacked_without_system_calls_newer_than_linux_5_10(bundle):
    check.check(bundle, check.MODEL, empty_root=False, user=None, kernel="5.10")


def test_the_program_is_found_through_links_and_whatever_it_is_called(bundle, tmp_path):
    link = tmp_path / "r"
    link.symlink_to(bundle / "bin" / "rouse")
    expected = subprocess.run([ROUSE, "--version"], capture_output=True, text=True).stdout
    for command in ([link], [bundle / "bin" / "rouse"], ["bash", "-c", f'exec -a other "{link}" --version']):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=BOUND)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
    server = tmp_path / "llama-server"
    server.symlink_to(bundle / "bin" / "llama-server")
    done = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0 and "rouse" not in done.stdout + done.stderr


def test_a_bundle_that_is_not_whole_says_so(bundle):
    (bundle / "lib" / check.LOADER).unlink()
    done = subprocess.run([bundle / "bin" / "rouse", "--version"], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 127 and "belongs beside lib" in done.stderr


def test_a_folder_that_the_loader_could_not_read_is_refused(bundle):
    odd = bundle.rename(bundle.with_name("a:b"))
    done = subprocess.run([odd / "bin" / "rouse", "--version"], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 127 and "must not hold" in done.stderr


OPENER = """
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char** argv) {
  puts(argc == 2 && dlopen(argv[1], RTLD_NOW) ? "found" : dlerror());
  FILE* maps = fopen("/proc/self/maps", "r");
  for (int c; (c = fgetc(maps)) != EOF;) putchar(c);
}
"""
DRIVER = """
#include <math.h>
double driver(double x) { return cos(x); }
"""


def test_the_machines_own_libraries_are_found_behind_the_bundles(bundle, tmp_path):
    """As a GPU driver is: opened by name, from LD_LIBRARY_PATH or where the machine's loader looks, with the bundle's C
    library under it, of which it asks for parts that are empty today."""
    (tmp_path / "own").mkdir()
    for name, code, *more in (
            ("opener", OPENER), ("own/libdriver.so.1", DRIVER, "-shared", "-fPIC", "-Wl,--no-as-needed", "-lm",
                                 "-l:libdl.so.2", "-l:libpthread.so.0", "-l:librt.so.1")):
        source = tmp_path / "source.c"
        source.write_text(code)
        subprocess.run(["gcc", source, "-o", tmp_path / name, *more], check=True)
    shutil.move(tmp_path / "opener", bundle / "libexec")
    (bundle / "lib" / "loader" / "opener").symlink_to(f"../{check.LOADER}")
    (bundle / "bin" / "opener").symlink_to("rouse")

    def opened(library: str) -> set[str]:
        done = subprocess.run([bundle / "bin" / "opener", library], capture_output=True, text=True, timeout=BOUND,
                              env={"LD_LIBRARY_PATH": str(tmp_path / "own")})
        assert done.stdout.startswith("found\n"), done.stdout + done.stderr
        return {line.split()[-1] for line in done.stdout.splitlines() if ".so" in line}

    ours = {str(bundle / "lib" / name) for name in ("libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libm.so.6")}
    loader = str(bundle / "lib" / check.LOADER)
    assert opened("libdriver.so.1") == {*ours, loader, str(tmp_path / "own" / "libdriver.so.1")}
    assert not (bundle / "lib" / "libyaml-0.so.2").exists()
    (foreign,) = opened("libyaml-0.so.2") - ours - {loader}
    assert foreign.startswith("/usr/lib/")
