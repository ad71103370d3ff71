"""`python -m tools.pages`."""

import sys

from tools.pages.build import main

main(sys.argv[1:])
