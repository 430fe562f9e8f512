"""A hundred hostile pictures (40 in a usual run) fill no memory, at the time or afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.runs import cases

ROOT = Path(__file__).parents[3]
KEPT_MB, USED_MB = 64, 400
UPLOADS = cases(100, least=25)
"""More than twice as many as are handled at the same time."""


def test_after_many_hostile_pictures_the_process_is_as_small_as_before(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "tests.bot.photos.hostile_uploads", str(tmp_path), str(UPLOADS)]
    output = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout
    measured = json.loads(output.splitlines()[-1])

    assert sum(measured["answers"].values()) == UPLOADS
    assert measured["answers"].keys() == {"200", "413", "415", "503"}, measured
    assert measured["after"] - measured["before"] <= KEPT_MB, measured
    assert measured["peak"] - measured["before"] <= USED_MB, measured
