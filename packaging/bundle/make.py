#!/usr/bin/env python3
"""Makes the bundle: the daemon, llama-server and every library they need, for any x86-64 Linux.

    ./box packaging/bundle/make.py [--level 19] [--into build/dist]       prints the archive's path

The same programs make the same archive, byte by byte: entries are sorted, nobody's, and as old as the last commit
(or SOURCE_DATE_EPOCH). docs/adr/0015-bundle.md says why it is as it is.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("ROUSE_BUILD", ROOT / "build" / "release"))
SYSTEM = Path("/usr/lib/x86_64-linux-gnu")
LOADER = "ld-linux-x86-64.so.2"

# What nothing is linked with, but what is opened at run time: OpenSSL, ggml's code for each family of processors, and
# the parts of the C library that a GPU driver built long ago asks for. Those of the machine would not fit ours.
OPENED = [SYSTEM / name for name in ("libssl.so.3", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1",
                                     "libutil.so.1", "libresolv.so.2", "libm.so.6")]
BACKENDS = "ggml/backends*/libggml-cpu-*.so"

# Packages whose code is compiled into rouse, beside the libraries it is linked with.
COMPILED_IN = ["libboost-dev", "libglaze-dev", "libyaml-dev", "libspdlog-dev", "libfmt-dev", "libcli11-dev", "libc6",
               "libstdc++6"]


class CannotMake(Exception):
    """The message says what is missing and what to do about it."""


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries_of(program: Path) -> dict[str, Path]:
    """By the names they are asked for."""
    found = {}
    for line in output_of("ldd", program).splitlines():
        if match := re.match(r"\s*(\S+) => (\S+)(?: \(0x|$)", line):
            if match[2] == "not":
                raise CannotMake(f"{program} needs {match[1]}, which is not installed")
            found[match[1]] = Path(match[2])
    return found


def closure(programs: list[Path]) -> dict[str, Path]:
    backends = sorted(SYSTEM.glob(BACKENDS))
    if not backends:
        raise CannotMake(f"no {SYSTEM}/{BACKENDS}: without them llama-server has nothing to compute with")
    opened = [*OPENED, *backends]
    found = {LOADER: SYSTEM / LOADER, **{path.name: path for path in opened}}
    for part in [*programs, *opened]:
        found.update(libraries_of(part))
    return found


# --- whose code it is -------------------------------------------------------------------------------------------------


def packages_of(paths: list[Path]) -> set[str]:
    real = {path.resolve() for path in paths}
    merged = {Path("/", *path.parts[2:]): path for path in real}  # before /usr was merged with /, packages said /lib
    # Those that it does not know make it fail; which they are is seen below.
    done = subprocess.run(["dpkg-query", "-S", *real, *merged], capture_output=True, text=True)
    owners = {}
    for line in done.stdout.splitlines():
        package, _, name = line.partition(": ")
        owners[merged.get(Path(name), Path(name))] = package.partition(":")[0]
    if strangers := real - set(owners):
        raise CannotMake(f"{min(strangers)} belongs to no package, so that nobody can say under which licence it is")
    return set(owners.values())


def licences(packages: set[str]) -> tuple[str, dict[str, bytes]]:
    """The list of packages for people to read, and the texts by name."""
    rows, texts = [], {}
    listed = output_of("dpkg-query", "-W", "-f=${Package}\t${Version}\t${source:Package}\t${source:Version}\n",
                       *sorted(packages))
    for name, version, source, source_version in (line.split("\t") for line in listed.splitlines()):
        text = re.sub(r"(?<=^boost)([\d.]+|-defaults)$|-\d+$", "", source) + ".txt"
        if not (HERE / "licences" / text).exists():
            raise CannotMake(f"no packaging/bundle/licences/{text} for {name}: see packaging/bundle/licences.sh")
        texts[text] = (HERE / "licences" / text).read_bytes()
        rows.append((name, version, f"LICENSES/{text}", f"{source} {source_version}"))
    for text in list(texts.values()):
        for common in re.findall(rb"common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", text):
            texts[f"common/{common.decode()}.txt"] = Path("/usr/share/common-licenses", common.decode()).read_bytes()
    widths = [max(map(len, column)) for column in zip(*rows)]
    listing = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
    return listing, texts


NOTICE = """\
rouse is distributed under the Apache License, Version 2.0 (LICENSE).

The other programs and libraries of this archive are Debian's, unchanged but for symbols that nothing needs to run, and
for a folder of the machine's that libggml does not look into. Each line names a package, its version, its licence, and
the source package, which Debian keeps with all that it ever published. What the licences call
/usr/share/common-licenses is LICENSES/common here.

"""

# --- the tree ---------------------------------------------------------------------------------------------------------


def llama_server() -> Path:
    path = shutil.which("llama-server")
    if path is None:
        raise CannotMake("llama-server is not installed; run this in the box: ./box packaging/bundle/make.py")
    return Path(path)


def version() -> str:
    return re.search(r"project\(Rouse VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def put(tree: Path, name: str, source: Path | bytes, mode: int = 0o644) -> Path:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
    path.chmod(mode)
    return path


def keep_to_itself(libggml: Path) -> None:
    """Beside the loader it would also look where Debian keeps such code, and could find another version's."""
    code = libggml.read_bytes()
    theirs, nobodys = b"/usr/lib/x86_64-linux-gnu/ggml/b", b"/nowhere/x86_64-linux-gnu/ggml/b"
    if code.count(theirs) != 1:
        raise CannotMake(f"{libggml.name} does not hold {theirs.decode()} once: where does this one look for its backends?")
    libggml.write_bytes(code.replace(theirs, nobodys))


def lay_out(tree: Path) -> None:
    programs = {"rouse": BUILD / "rouse", "llama-server": llama_server()}
    starter = BUILD / "dist" / "bundle-starter"
    for built in (programs["rouse"], starter):
        if not built.exists():
            raise CannotMake(f"{built} is not there; make dist builds it")
    libraries = closure(list(programs.values()))
    put(tree, "bin/rouse", starter, 0o755)
    (tree / "bin/llama-server").symlink_to("rouse")  # it tells by its name what to start
    for name, program in programs.items():
        output_of("strip", put(tree, f"libexec/{name}", program, 0o755))
        (tree / "lib/loader").mkdir(parents=True, exist_ok=True)
        (tree / "lib/loader" / name).symlink_to(f"../{LOADER}")
    for name, library in libraries.items():
        copy = put(tree, f"lib/{name}", library, 0o755 if name == LOADER else 0o644)
        output_of("strip", "--strip-unneeded", copy)
    keep_to_itself(tree / "lib/libggml.so.0")

    packages = packages_of([*libraries.values(), programs["llama-server"]]) | set(COMPILED_IN)
    listing, texts = licences(packages)
    documents = "share/doc/rouse"
    put(tree, f"{documents}/LICENSE", ROOT / "LICENSE")
    put(tree, f"{documents}/LICENSES.txt", (NOTICE + listing + "\n").encode())
    for name, text in texts.items():
        put(tree, f"{documents}/LICENSES/{name}", text)
    put(tree, "README.md", HERE / "README.md")
    put(tree, "share/man/man1/rouse.1", ROOT / "docs/man/rouse.1")
    for unit in ("rouse.service", "rouse.socket"):
        put(tree, f"share/systemd/{unit}", ROOT / "packaging/systemd" / unit)


# --- the archive ------------------------------------------------------------------------------------------------------


def moment() -> int:
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    done = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 0


def archived(tree: Path, into: Path, level: int) -> None:
    when = moment()

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = when
        if entry.isdir():
            entry.mode = 0o755
        return entry

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(tree, tree.name, recursive=False, filter=plain)
        for path in sorted(tree.rglob("*")):
            tar.add(path, f"{tree.name}/{path.relative_to(tree)}", recursive=False, filter=plain)
    making = into.with_name(into.name + ".making")
    subprocess.run(["zstd", "-q", "-f", f"-{level}", "-T0", "-o", making], input=data.getvalue(), check=True)
    making.rename(into)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", type=int, default=19, choices=range(1, 20), metavar="1…19", help="of compression")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "dist", metavar="FOLDER")
    options = parser.parse_args()
    name = f"rouse-{version()}-x86_64"
    options.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rouse-dist-", dir=options.into) as work:
        tree = Path(work) / name
        try:
            lay_out(tree)
        except CannotMake as why:
            print(f"make.py: {why}", file=sys.stderr)
            return 1
        archived(tree, options.into / f"{name}.tar.zst", options.level)
    print(options.into / f"{name}.tar.zst")
    return 0


if __name__ == "__main__":
    sys.exit(main())
