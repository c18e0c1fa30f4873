"""``python -m lockhouse``: the console command."""

import sys

from lockhouse.cli import main

if __name__ == "__main__":
    sys.exit(main())
