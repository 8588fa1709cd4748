from __future__ import annotations

import io
import re

import soundfile
from gradio_client import Client
from serving import Server


def test_a_result_is_fetched_whole_or_in_ranges_by_its_token_only(server: Server) -> None:
    Client(server.url, verbose=False).predict("Something to fetch.", api_name="/generate")
    results = (server.folder / "cache" / "files" / "results").iterdir()
    token = max(results, key=lambda path: path.stat().st_mtime).name
    whole = server.http.get(f"/speech/{token}")
    assert whole.headers["content-type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(whole.content)).duration > 0.5
    part = server.http.get(f"/speech/{token}", headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    for wrong in ("x" * 22, "..%2F..%2Fserver.log", token[:-1]):
        answer = server.http.get(f"/speech/{wrong}")
        assert answer.status_code == 404
        assert "/" not in answer.json().get("error", "")


def test_the_page_asks_nothing_of_other_hosts(server: Server) -> None:
    page = server.http.get("/").text
    hosts = set(re.findall(r'(?:src|href)="https?://([^/"]+)', page))
    assert hosts <= {server.url.removeprefix("http://")}
