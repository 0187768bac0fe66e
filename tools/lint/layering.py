#!/usr/bin/env python3
"""What the include paths of CMake cannot see: which dependency a folder may declare at all, how headers are named, that
the core stays pure, files that grew too long, and addresses that do not belong in the repository."""

import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]

# The arrows, as drawn in ARCHITECTURE.md: folder → what it may use (and what those use).
ARROWS = {
    "base": [],
    "core": ["base"],
    "config": ["core"],
    "system": ["base"],
    "engine": ["system", "config"],
    "http": ["base"],
    "daemon": ["core", "engine", "http"],
    "api": ["daemon", "http"],
    "service": ["api"],
    "cli": ["http"],
}
STANDARD_LIBRARY_ONLY = ["base", "core"]  # no third party, no operating system
LINES = 400

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
LIBRARY = re.compile(r"rouse_library\s*\(\s*(\w+)([^)]*)\)")
KEYWORDS = {"SOURCES", "DEPENDS", "LINKS", "PRECOMPILED_ASIO"}
REGISTRY = re.compile(
    r"\b(?:[\w-]+\.)*(?:npmjs|yarnpkg|pypi|pythonhosted|crates|rubygems)\.(?:org|com|io)\b"
    r"|\b(?:deb|ftp|security|snapshot|archive|ports|proxy)\.(?:[\w-]+\.)*(?:debian|ubuntu|golang)\.(?:org|com)\b"
)

faults = []


def fault(path, line, message):
    faults.append(f"{path.relative_to(REPO)}:{line}: {message}")


def allowed(folder):
    """The folder itself and everything its arrows lead to."""
    found = {folder}
    for target in ARROWS[folder]:
        found |= allowed(target)
    return found


def check_declared(folder):
    """A folder's CMakeLists.txt may only name what its arrows lead to."""
    path = REPO / "src" / folder / "CMakeLists.txt"
    if not path.exists():
        return
    for name, arguments in LIBRARY.findall(re.sub(r"#.*", "", path.read_text())):
        if name != folder:
            fault(path, 1, f"rouse_library({name} …) belongs in src/{name}/")
        keyword = None
        for word in arguments.split():
            if word in KEYWORDS:
                keyword = word
            elif keyword == "DEPENDS" and word not in allowed(folder):
                fault(path, 1, f"{folder} may not depend on {word}: no arrow leads there")


def check_source(path, folder, reach):
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        quoted, name = match.group(1) == '"', match.group(2)
        target = name.split("/")[0]
        if quoted and target not in ARROWS:
            fault(path, line, f'"{name}": write "folder/name.hpp" for our headers and <…> for all others')
        elif target in ARROWS and "/" in name and not quoted:
            fault(path, line, f"<{name}>: our headers are included with quotation marks")
        elif quoted and target not in reach:
            fault(path, line, f"{folder} may not include {name}: no arrow leads to {target}")
        elif not quoted and folder in STANDARD_LIBRARY_ONLY and ("/" in name or "." in name):
            fault(path, line, f"{folder} may use the standard library alone, not <{name}>")
    lines = text.count("\n")
    if lines > LINES and not re.search(rf"^// Over {LINES} lines: \S", text, re.M):
        fault(path, lines, f"{lines} lines; split it, or open with '// Over {LINES} lines: reason'")


def main():
    for folder in ARROWS:
        check_declared(folder)
        for path in sorted((REPO / "src" / folder).rglob("*.[ch]pp")):
            check_source(path, folder, allowed(folder))
    for path in sorted((REPO / "src").iterdir()):
        if path.is_dir() and path.name not in ARROWS:
            fault(path, 1, "a folder without arrows: give it some in tools/lint/layering.py and src/CMakeLists.txt")
        elif path.suffix == ".cpp":
            check_source(path, None, set(ARROWS))

    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPO, check=True,
                            capture_output=True, text=True).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        path = REPO / name
        if not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a model, a picture
        for match in REGISTRY.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            fault(path, line, f"{match.group()}: take registries from the machine's own settings")

    print("\n".join(faults) if faults else "layering: every arrow points the right way")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
