"""The command line: say, hear, serve, voices, doctor; what each takes, and how the process ends.

Results go to stdout, all else to stderr: a bar while a person watches, one sentence where something is wrong. The exit
code is 0 when done, 1 failed, 2 it can't be asked for like this, 3 not now, 130 Ctrl-C. What takes seconds to import is
imported by the command that needs it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from voxdemo.cli.words import Words
from voxdemo.errors import InputError, SettingsError, UnavailableError, VoxdemoError

FAILED, WRONG, NOT_NOW = 1, 2, 3
STDIO = "-"
log = logging.getLogger(__name__)

Server = Annotated[
    str,
    typer.Option(help="A running server that is to do it, with VOXDEMO_CLIENT_KEY if it asks for one; else here."),
]

app = typer.Typer(
    name="python -m voxdemo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its boxes break sentences
)


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from stdin.")] = STDIO,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="The file; its ending says wav, flac, mp3, opus or aac. - is wav to stdout."
        ),
    ] = "speech.wav",
    voice: Annotated[str | None, typer.Option(help="One of `voices`.")] = None,
    prompt_audio: Annotated[Path | None, typer.Option(help="A recording of the voice to speak in.")] = None,
    prompt_text: Annotated[str, typer.Option(help="What is said in it.")] = "",
    cfg: Annotated[float, typer.Option(help="Guidance, 1 to 3.")] = 2.0,
    steps: Annotated[int, typer.Option(help="Diffusion steps, 4 to 30.")] = 10,
    speed: Annotated[float, typer.Option(help="Pace, 0.5 to 2.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same sound.")] = None,
    server: Server = "",
) -> None:
    """Speak a text into a file."""
    from voxdemo.cli import here, there
    from voxdemo.cli.saying import write

    said = _stdin_text() if text == STDIO else text
    words = Words(said, prompt_audio, prompt_text, cfg, steps, voice, seed, speed)
    write(words, output, there.speaker(server) if server else here.speak)


@app.command()
def hear(
    recording: Annotated[str, typer.Argument(help="The file; - reads it from stdin.")],
    language: Annotated[str, typer.Option(help="Its ISO 639-1 code; empty: to be found out.")] = "",
    form: Annotated[str, typer.Option("--format", help="text, json, srt or vtt.")] = "text",
    server: Server = "",
) -> None:
    """Print what is said in a recording."""
    from voxdemo.cli import here, there
    from voxdemo.cli.hearing import printed

    printed(recording, language, form, there.listener(server) if server else here.listen)


@app.command()
def voices(server: Server = "") -> None:
    """List the voices, and what the engine takes."""
    from voxdemo.cli import here, there

    for line in there.voices(server) if server else here.voices():
        typer.echo(line)


@app.command()
def serve() -> None:
    """Serve the page, as ./launch.sh does."""
    from voxdemo import serve as serving
    from voxdemo.start import prepare
    from voxdemo.web.site import build

    settings, service = prepare(listens=True)
    serving.serve(build(service, settings), service, settings)


@app.command()
def doctor() -> None:
    """Tell what was found here, and which models would be taken and why; loads and downloads nothing."""
    from voxdemo.cli.checkup import findings

    for line in findings():
        typer.echo(line)


def main() -> NoReturn:
    """Run the command that was typed; ends the process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells start what runs behind with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no half file stays
    try:
        app()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else FAILED
    except VoxdemoError as error:
        print(error.sentence, file=sys.stderr)
        code = _code_of(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush fails, too
        code = FAILED
    except Exception as error:  # the door: people get a sentence
        log.debug("a command failed", exc_info=True)
        print(
            f"Something went wrong ({type(error).__name__}): set VOXDEMO_LOG_LEVEL=debug to see more.", file=sys.stderr
        )
        code = FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as in serve.py: PyTorch aborts where a model's thread outlives the rest


def _code_of(error: VoxdemoError) -> int:
    match error:
        case InputError() | SettingsError():
            return WRONG
        case UnavailableError():
            return NOT_NOW
        case _:
            return FAILED


def _stdin_text() -> str:
    if sys.stdin.isatty():
        raise InputError("There is no text: write it behind `say`, in quotes, or pipe it in.")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("What comes on stdin is no text in UTF-8.") from None
