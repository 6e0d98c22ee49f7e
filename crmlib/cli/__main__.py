"""`python -m crmlib.cli`: the same as `crmlib`."""

from crmlib.cli import main

main()
