"""What is sent compressed, to whom, and what never is."""

from __future__ import annotations

import gzip
import json
from contextlib import closing

import brotli
import pytest
from listening import WORDS, frames, key_of
from serving import Server, asked

MOST_BYTES = 100_000
"""Of the first answer, on the wire."""
STREAMED = {"input": WORDS, "model": "tts-1", "voice": "fake", "response_format": "pcm"}


@pytest.mark.parametrize(
    ("takes", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZip;q=1.0", "gzip"),
        ("br;q=0.2, gzip;q=0.8", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("br;q=0, gzip;q=0", None),
        ("deflate, zstd", None),
        ("", None),
        (None, None),
    ],
)
def test_the_page_comes_in_the_best_coding_that_a_client_takes(
    fake_server: Server, takes: str | None, coding: str | None
) -> None:
    answer, sent = asked(fake_server, "/", takes)
    assert answer.headers.get("content-encoding") == coding
    assert int(answer.headers["content-length"]) == len(sent)
    assert "Accept-Encoding" in answer.headers["vary"]
    if coding:
        assert len(sent) <= MOST_BYTES
        sent = brotli.decompress(sent) if coding == "br" else gzip.decompress(sent)
    assert sent.lstrip().startswith(b"<!doctype html>")
    assert sent.rstrip().endswith(b"</html>")
    head, nothing = asked(fake_server, "/", takes, "HEAD")
    assert (head.status_code, nothing, head.headers["content-length"]) == (200, b"", answer.headers["content-length"])


@pytest.mark.parametrize("path", ["/config", "/theme.css", "/gradio_api/info", "/metrics", "/v1/openapi.json"])
def test_json_and_styles_are_compressed_once(fake_server: Server, path: str) -> None:
    whole, plain = asked(fake_server, path, None)
    small, packed = asked(fake_server, path, "br")
    assert (small.status_code, small.headers["content-encoding"], len(packed) < len(plain) / 2) == (200, "br", True)
    assert brotli.decompress(packed)[:20] == plain[:20]
    assert "content-encoding" not in whole.headers


def test_what_is_small_stays_as_it_is_and_a_refusal_is_read_by_everybody(fake_server: Server) -> None:
    for path in ("/health", "/v1/nothing", "/nothing"):
        answer, sent = asked(fake_server, path, "br, gzip")
        assert "content-encoding" not in answer.headers
        assert json.loads(sent)


def test_sound_passes_whole_and_in_parts_as_it_is(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    with closing(fake_server.messages("speak", fake_server.page_values(WORDS))) as told:
        key = key_of(told)
        assert list(told)  # to its end
    answer, wav = asked(fake_server, f"/speech/{key}.wav", "br, gzip")
    assert (answer.headers.get("content-encoding"), wav[:4]) == (None, b"RIFF")
    for ending in ("wav", "json", "vtt"):  # of the last two Gradio would compress a part, too
        _, plain = asked(fake_server, f"/speech/{key}.{ending}", None)
        part, piece = asked(fake_server, f"/speech/{key}.{ending}", "br, gzip", Range="bytes=4-19")
        assert (part.status_code, part.headers.get("content-encoding"), piece) == (206, None, plain[4:20])


def test_streams_come_piece_by_piece_to_a_client_that_takes_every_coding(fake_server: Server) -> None:
    takes = {"accept-encoding": "br, gzip, deflate, zstd"}
    for form in ("pcm", "sse"):
        body = STREAMED if form == "pcm" else {**STREAMED, "stream_format": "sse"}
        fake_server.http.post("/stage/reset")
        fake_server.http.post("/stage/steps/1")
        with fake_server.http.stream("POST", "/v1/audio/speech", json=body, headers=takes) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)  # before the next can be made
            fake_server.http.post("/stage/open")
            assert (answer.headers.get("content-encoding"), len(first) > 0) == (None, True)
            assert b"".join(pieces)
    fake_server.http.post("/stage/reset")  # or it may be over before it is asked for
    with closing(fake_server.messages("speak", fake_server.page_values("Another."))) as told:
        with fake_server.http.stream("GET", f"/live/{key_of(told)}", headers=takes) as answer:
            assert "content-encoding" not in answer.headers
            assert next(frames(answer)) == ({"rate": 16_000}, b"")
            fake_server.http.post("/stage/open")
        assert list(told)
