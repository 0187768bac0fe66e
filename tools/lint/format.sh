#!/usr/bin/env bash
# Names every C++ file that clang-format would change; with --fix, changes it. Arguments: only these files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fix=
[ "${1:-}" != --fix ] || { fix=1; shift; }
[ $# -gt 0 ] || set -- '*.cpp' '*.hpp'
mapfile -d '' files < <(git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@" |
  while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done)
[ ${#files[@]} -gt 0 ] || { echo 'format: no such files' >&2; exit 2; }

if [ -n "$fix" ]; then
  printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format -i
  exit
fi
# shellcheck disable=SC2016 # expanded by the inner shell
faults=$(printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" \
  sh -c 'clang-format --dry-run --Werror "$1" >/dev/null 2>&1 || echo "$1"' sh | sort)
if [ -n "$faults" ]; then
  printf '%s\n' "$faults"
  echo 'format: these are not in the format of .clang-format; make format puts them right' >&2
  exit 1
fi
echo "format: ${#files[@]} files as they should be"
