"""Run the command line: python -m cnnhelpers."""

import sys

from cnnhelpers.cli import main

if __name__ == "__main__":
    sys.exit(main())
