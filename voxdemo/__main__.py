"""`python -m voxdemo`: the command line."""

from voxdemo.cli import main

main()
