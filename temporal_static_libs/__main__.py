"""``python -m temporal_static_libs``: the same as ``temporal-libs-config``."""

import sys

from ._cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
