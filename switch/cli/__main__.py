"""`python -m switch.cli` is `bayswitch`."""

from switch.cli import main

main()
