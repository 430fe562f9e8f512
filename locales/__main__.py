"""The tool for translators.

python -m locales update          updates every translation file from the source
python -m locales update fr am    also creates files for the named languages if they are new
python -m locales check           prints what is wrong, and fails if anything is
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from . import SOURCE, available
from .po_files import find_faults, read, template, update


def main(command: str, named: Sequence[str]) -> int:
    """Runs the command and prints the remaining faults. Returns the exit code: 1 if there are faults."""
    source = template()
    languages = sorted({*available(), *named} - {SOURCE})
    if command == "update":
        for language in languages:
            update(language, source)
    found = [f"{language}: {fault}" for language in languages for fault in find_faults(read(language), source)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return int(bool(found))


if __name__ == "__main__":
    if sys.argv[1:2] not in (["update"], ["check"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
