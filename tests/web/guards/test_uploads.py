"""What is asked of the store that servers share, and for whom."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from voxdemo.intake.catalogue import MOST_OWN
from voxdemo.stores.objects import Objects
from voxdemo.web.guards.uploads import SharedUploads, Uploads

NAMED = "0123456789abcdef" * 4


class Counting(Objects):
    """A store in which there is nothing."""

    def __init__(self) -> None:
        self.asked: list[Path] = []

    def pull(self, file: Path) -> bool:
        self.asked.append(file)
        return False


@pytest.mark.parametrize(("token", "asks"), [("", 0), ("unknown", 0), ("good", 1)])
async def test_a_file_is_looked_for_only_for_those_who_may_see_the_page(tmp_path: Path, token: str, asks: int) -> None:
    store, passed = Counting(), list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["path"])

    async def nothing(*_: Any) -> Message:
        raise AssertionError

    path = f"/gradio_api/file=/elsewhere/{NAMED}/voice.wav"
    logged_in = SimpleNamespace(auth={"ann": "word"}, cookie_id="here", tokens={"good": "ann"})
    headers = [(b"cookie", f"access-token-here={token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "app": logged_in}
    await SharedUploads(app, Uploads(tmp_path, store))(scope, nothing, nothing)
    assert store.asked == [tmp_path / NAMED / "voice.wav"] * asks
    assert passed == [path]  # on to Gradio, which refuses it


async def test_an_event_has_as_many_files_looked_for_as_speak_sends_however_many_it_names(tmp_path: Path) -> None:
    store = Counting()
    data = [{"path": f"/elsewhere/{NAMED}/{number}.wav", "meta": {}} for number in range(1000)]
    await Uploads(tmp_path, store).fetch([data[0], {"files": data[1:]}, "text", None])
    assert [file.name for file in store.asked] == [f"{number}.wav" for number in range(1 + MOST_OWN)]
