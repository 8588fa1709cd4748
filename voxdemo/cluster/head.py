"""Ray on this machine alone, with the line and its voices; goes on until a signal comes. All traffic is on loopback.

The processes of Ray are its children, and end when it does, however that happens.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil
import ray
from ray import serve

from voxdemo.cluster.serving import line, voices
from voxdemo.server.assemble import Models, models_of
from voxdemo.settings import Settings

HOST = "127.0.0.1"
NODE = "127.0.0.2" if sys.platform == "linux" else HOST
"""Ray takes 127.0.0.1 for the address by which others reach this machine, and would listen there."""
STORE_BYTES = 80 * 10**6
"""Of Ray's own memory for values, the least that it takes: nothing of ours goes through it."""
LOOK_EVERY_S = 1.0
MANY = 1000
"""How many processors Ray believes in: on one machine nothing is gained by keeping voices from starting."""
PROCESSES = ("gcs_server", "raylet")
"""Without these, Ray is dead; the line and the voices live on for up to a minute."""


def main(port: int, models: Callable[[Settings], Models] = models_of, processors: int = MANY) -> NoReturn:
    """Serve the line at this port, and its voices. Ends the process after a signal, and if Ray dies."""
    signals = list[int]()  # no Event: a signal that came while this thread takes its lock would wait for ever

    def stopped(number: int, _: FrameType | None) -> None:
        signals.append(number)

    ray.init(
        address="local",
        include_dashboard=False,
        num_cpus=processors,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level="warning",
        _node_ip_address=NODE,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    threading.Thread(target=_end_with_ray, args=[signals], daemon=True).start()
    deploy(port, models)
    while not signals:
        time.sleep(LOOK_EVERY_S)
    serve.shutdown()
    ray.shutdown()
    os._exit(0)  # as in serve.py


def deploy(port: int, models: Callable[[Settings], Models] = models_of) -> None:
    """Have the Ray that this process is connected to serve the line at this port, and its voices."""
    serve.start(http_options={"host": HOST, "port": port, "location": "HeadOnly"})
    apps = [
        serve.RunTarget(line({}), name="line", route_prefix="/"),
        serve.RunTarget(voices({}, models), name="voices", route_prefix=None),
    ]
    serve.run_many(apps, wait_for_applications_running=False, wait_for_ingress_deployment_creation=False)


def _end_with_ray(signals: Sequence[int]) -> None:
    """End this process as soon as Ray has died: whatever is asked of Ray then takes a minute to fail."""
    while not signals:
        time.sleep(LOOK_EVERY_S)
        if not signals and not set(PROCESSES) <= {_program(each) for each in psutil.Process().children()}:
            os._exit(1)


def _program(process: psutil.Process) -> str:
    """The name of a process; "" for one that has died."""
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else Path(process.exe()).name
    except psutil.Error:
        return ""


if __name__ == "__main__":
    main(int(sys.argv[1]))
