"""For the process that forks servers: what each of them would load when it starts, in half a second."""

from voxdemo.intake import detection

detection.load()
