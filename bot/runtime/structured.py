"""structlog, without rich: structlog imports it where it is installed, as among the libraries of the tests.

Nothing of ours prints with it, and it would take 4 MB and 3 % of the start of each process.
"""

from __future__ import annotations

import sys

_is_imported = "rich" in sys.modules
if not _is_imported:
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to say that there is no such module
try:
    import structlog
finally:
    if not _is_imported:
        del sys.modules["rich"]

__all__ = ["structlog"]
