"""For the process that forks servers: what each of them would load when it starts, in half a second."""

from voxdemo.intake import detection
from voxdemo.web.components import front

detection.load()
front.put_in_place()
