"""A workbook read by a process of its own that may take so much memory and no more; this file is run, not imported.

``python weigh.py FILE BYTES SECONDS``: ends with 0 if all sheets fit, with 3 if the file cannot be read at all (whoever
reads it says why), otherwise it did not fit.
"""

from __future__ import annotations

import resource
import sys


def main(path: str, room: int, seconds: int) -> int:
    """Read every sheet of `path` within `room` bytes of address space and `seconds` of work."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    import fastexcel  # noqa: PLC0415  (its own memory counts as well)

    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    try:
        book = fastexcel.read_excel(path)
        for sheet in book.sheet_names:
            book.load_sheet(sheet, header_row=None, dtypes="string")
    except MemoryError:
        return 4
    except Exception as problem:  # the reader's own bound; else a damaged or a protected one
        return 4 if "limit exceeded" in str(problem) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
