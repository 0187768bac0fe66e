#!/usr/bin/env python3
"""make_weights.py FOLDER: the vision model of tools/make_models.py."""

import subprocess
import sys
from pathlib import Path

MAKER = Path(__file__).resolve().parents[2] / "tools" / "make_models.py"
subprocess.run([sys.executable, MAKER, sys.argv[1], "--only", "vision,mmproj"], check=True)
