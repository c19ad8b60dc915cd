"""``python -m faceaudit``: the command line."""

from faceaudit.cli import main

main()
