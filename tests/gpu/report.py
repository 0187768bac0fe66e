"""What was seen and what had to be, as Markdown."""

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30


def size(count: float) -> str:
    return f"{count / GIB:.2f} GiB" if abs(count) >= GIB else f"{count / MIB:.0f} MiB"


@dataclass
class Report:
    title: str
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)
    table: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def check(self, what: str, must: str, seen: str, met: bool) -> None:
        self.rows.append((what, must, seen, met))

    @property
    def all_met(self) -> bool:
        return bool(self.rows) and all(met for *_, met in self.rows)

    def text(self) -> str:
        lines = [f"# {self.title}", "", *self.notes, "", "| | must | seen | |", "|---|---|---|---|"]
        lines += [f"| {what} | {must} | {seen} | {'met' if met else '**missed**'} |" for what, must, seen, met in self.rows]
        if self.table:
            lines += ["", "## Calibration", "", "| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in self.table.items())]
        return "\n".join(lines) + "\n"


def machine() -> str:
    release = Path("/etc/os-release")
    names = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line) if release.exists() else {}
    system = names.get("PRETTY_NAME", "an unknown system").strip('"')
    return f"{system}, Linux {platform.release()}, {os.cpu_count()} processors"
