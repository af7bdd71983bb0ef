"""`python -m localrank`: the command line."""

import sys

from localrank.cli.main import main

sys.exit(main())
