#!/usr/bin/env bash
# tests/gpu/run.sh [--bundle ARCHIVE|FOLDER] [--only NAME…]: checks Rouse on a machine with an NVIDIA GPU.
#
# Needs the driver, Python and PyTorch; Rouse itself comes from the bundle (make dist; build/dist/ if nothing is said). An
# archive is unpacked with zstd, where that is installed; a folder is one that was unpacked elsewhere. Prints a report in
# Markdown, which belongs into docs/measurements/gpu.md:
#
#     tests/gpu/run.sh >docs/measurements/gpu.md
#
#   PYTHON   the interpreter that has PyTorch (default: python3)
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
fail() { printf 'run.sh: %s\n' "$*" >&2; exit 2; }
python=${PYTHON:-python3}
bundle=
if [ "${1:-}" = --bundle ]; then
  [ $# -ge 2 ] || fail "--bundle names no archive or folder"
  bundle=$2
  shift 2
fi
if [ -z "$bundle" ]; then
  found=("$here"/../../build/dist/rouse-*-x86_64*)
  bundle=${found[0]}
fi
[ -e "$bundle" ] || fail "no bundle at $bundle; make one with make dist, or name it: --bundle ARCHIVE"

"$python" -c 'import ctypes; ctypes.CDLL("libnvidia-ml.so.1")' 2>/dev/null || fail "this machine has no NVIDIA driver (libnvidia-ml.so.1)"
"$python" -c 'import torch; assert torch.cuda.is_available()' || fail "$python has no PyTorch that sees the GPU; name one that has: PYTHON=…"

if [ -f "$bundle" ]; then
  command -v zstd >/dev/null || fail "zstd is not installed: unpack $bundle elsewhere and name the folder: --bundle FOLDER"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  zstd -dc "$bundle" | tar -x -C "$folder"
  bundle=$(echo "$folder"/*)
fi
export ROUSE=$(cd "$bundle" && pwd -P)/bin/rouse
export PYTHONDONTWRITEBYTECODE=1
"$python" "$here/checks.py" "$@"
