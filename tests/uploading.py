"""What is sent to the door for uploads."""

from __future__ import annotations

from collections.abc import Iterator

MIB = 1 << 20


def form(size: int, files: int = 1) -> Iterator[bytes]:
    """A form with so many files of so many bytes each."""
    for number in range(files):
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d.wav"\r\n\r\n' % number
        for _ in range(size // MIB):
            yield bytes(MIB)
        yield b"\r\n"
    yield b"--b--\r\n"
