"""What a server's memory is before models are loaded, while they are, and after they were unloaded."""

from __future__ import annotations

import json
import re
from pathlib import Path

from checkpoints import voxcpm
from rings import long
from serving import EVERY_JOB_ANEW, Server, StartServer, eventually

VOICES = {
    "heart": "Good morning.",
    "af_bella": "Good evening.",
    "bm_george": "Good night.",
    "ef_dora": "Buenos días.",
    "ff_siwis": "Bonjour.",
    "if_sara": "Buongiorno.",
    "pf_dora": "Bom dia.",
    "jf_alpha": "おはよう。",
    "zf_xiaoxiao": "早上好。",
}
"""Those of two engines; the third has one of its own."""
AGAIN = "heart", "ef_dora", "jf_alpha", "zf_xiaoxiao"
"""Those that speak twice: of two engines, and of the languages for which Kokoro loads most."""
REMAINS = 1.1
"""What may be left, as a share of what there was before."""


def memory_mb(server: Server) -> float:
    """What the process holds of its own.

    Pages of files aren't among it: the system takes them back when it needs them.
    """
    told = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Anonymous: +(\d+)", told, re.MULTILINE)[0]) / 1024


def states(server: Server) -> dict[str, str]:
    return {model["title"]: model["state"] for model in server.http.get("/ready").json()["models"]}


def unloaded_mb(server: Server) -> float:
    """The memory once all models rest and have given theirs back, which the log shows."""
    eventually(lambda: set(states(server).values()) == {"resting"}, within_s=60)
    metrics = server.http.get("/metrics").text
    loads, unloads = (
        sum(map(float, re.findall(rf"^voxdemo_model_{what}_total.* (\S+)$", metrics, re.MULTILINE)))
        for what in ("loads", "unloads")
    )
    return memory_mb(server) if loads == unloads else eventually(lambda: unloaded_mb(server))


@long
def test_ten_voices_of_three_engines_in_turn_leave_the_memory_as_it_was(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(
        VOXDEMO_ENGINE="voxcpm",
        VOXDEMO_ENGINES="builtin,kokoro",
        VOXDEMO_VOXCPM_MODEL=voxcpm(tmp_path / "tiny", "0.5B"),
        VOXDEMO_DEVICE="cpu",
        VOXDEMO_IDLE_UNLOAD_S=2,
        **EVERY_JOB_ANEW,
        by_itself=True,  # else memory that it shares with others is measured, too
    )
    server.wait_until_ready()
    figures = {"ready": memory_mb(server), "resting": unloaded_mb(server)}
    for nth, voices in (("first", VOICES), ("second", AGAIN)):
        for voice in voices:
            asked = {"input": VOICES[voice], "voice": voice}
            answer = server.http.post("/v1/audio/speech", json=asked, timeout=120)
            assert answer.status_code == 200, answer.text
        own = {"input": "In a voice of my own.", "model": "voxcpm-0.5b"}
        assert server.http.post("/v1/audio/speech", json=own, timeout=120).status_code == 200
        figures[f"{nth}, loaded"] = memory_mb(server)
        assert server.http.get("/ready").status_code == 200
        figures[f"{nth}, unloaded"] = unloaded_mb(server)
    print(json.dumps({name: round(mb) for name, mb in figures.items()}))
    assert max(figures["first, unloaded"], figures["second, unloaded"]) < REMAINS * figures["ready"], figures
    assert "Kokoro-82M was unloaded: it gave back" in server.log
