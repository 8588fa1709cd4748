"""The command line: say, hear, serve, voices, import, plan, doctor; what each takes, and how the process ends.

Results go to stdout, everything else to stderr: a bar on a terminal, one sentence where something is wrong. The exit
code is 0 when done, 1 failed, 2 wrong usage or input, 3 not now, 130 Ctrl-C. What takes seconds to import is imported
by the command that needs it, behind its bar.
"""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from voxdemo import __version__, terminal
from voxdemo import settings as voxdemo_settings
from voxdemo.errors import InputError, SettingsError, UnavailableError, VoxdemoError
from voxdemo.lanes.elastic import START_S, Elastic
from voxdemo.settings import VOICES_IDLE_S, VOICES_TARGET_S

FAILED, WRONG, NOT_NOW = 1, 2, 3
CODES = {InputError: WRONG, SettingsError: WRONG, UnavailableError: NOT_NOW, VoxdemoError: FAILED}
"""What the process ends with."""
STDIO = "-"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
log = logging.getLogger(__name__)

Server = Annotated[
    str,
    typer.Option(help="Use a running server instead of loading models here (key: VOXDEMO_CLIENT_KEY)."),
]

app = typer.Typer(
    name="python -m voxdemo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its boxes break sentences
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"voxdemo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, help="Print the version.")] = False,
) -> None:
    """Speak and recognise, in this process or in a running server."""


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="The text to speak; - reads it from stdin.")] = STDIO,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="The audio file (.wav, .flac, .mp3, .opus or .aac); - writes wav to stdout. Default: speech.wav,"
            " or speech-2.wav and so on if it exists.",
        ),
    ] = "",
    voice: Annotated[str | None, typer.Option(help="A voice that `voices` lists.")] = None,
    language: Annotated[
        str, typer.Option(help="The text's language, such as es; finds a voice. Detected if not given.")
    ] = "",
    prompt_audio: Annotated[Path | None, typer.Option(help="A recording of the voice to copy.")] = None,
    prompt_text: Annotated[str, typer.Option(help="The transcript of that recording.")] = "",
    cfg: Annotated[float, typer.Option(help="Guidance, 1 to 3.")] = 2.0,
    steps: Annotated[int, typer.Option(help="Diffusion steps, 4 to 30.")] = 10,
    exaggeration: Annotated[float, typer.Option(help="Feeling, for Chatterbox, 0.25 to 2.")] = 0.5,
    cfg_weight: Annotated[float, typer.Option(help="Guidance, for Chatterbox, 0 to 1.")] = 0.5,
    temperature: Annotated[float, typer.Option(help="Variety, for Chatterbox, 0.05 to 5.")] = 0.8,
    speed: Annotated[float, typer.Option(help="Pace, 0.25 to 4; spoken at 0.5 to 2.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same audio.")] = None,
    server: Server = "",
) -> None:
    """Speak a text into an audio file."""
    from voxdemo.cli.results import audio_file, audio_format, bar
    from voxdemo.speech import Utterance

    said = _stdin_text() if text == STDIO else _typed(text)
    voice = None if voice is None else _typed(voice)
    utterance = Utterance(
        said, prompt_audio=prompt_audio, prompt_text=_typed(prompt_text), cfg_value=cfg, inference_timesteps=steps,
        voice=voice, language=_typed(language) or None, seed=seed, speed=speed, exaggeration=exaggeration,
        cfg_weight=cfg_weight, temperature=temperature,
    )  # fmt: skip
    format = audio_format(output)
    with bar() as tell, audio_file(output) as file:
        warnings = _done_by(server, "speak")(utterance, format, file, tell)
    for warning in warnings:
        print(warning, file=sys.stderr)


@app.command()
def hear(
    recording: Annotated[str, typer.Argument(help="The audio file; - reads it from stdin.")] = "",
    language: Annotated[str, typer.Option(help="Its language, such as en; detected if not given.")] = "",
    form: Annotated[str, typer.Option("--format", help="What to print: text, json, srt or vtt.")] = "text",
    server: Server = "",
    live: Annotated[
        bool, typer.Option("--live", help="Print what is said now: from the microphone or, with -, raw 16-bit mono.")
    ] = False,
    rate: Annotated[int, typer.Option(help="Samples a second of raw sound, for --live -.")] = 16_000,
) -> None:
    """Print the transcript of a recording, or of what is said now."""
    from voxdemo.cli.results import FORMS, bar, check_form, check_live, recording_file

    check_form(form, FORMS)
    language = _typed(language)
    if live:
        check_live(form)
        from voxdemo.cli.live import hear_live

        hear_live(recording, rate, language or None, server)
        return
    if not recording:
        raise typer.BadParameter("name a recording, - for stdin, or --live to be listened to.")
    with bar() as tell, recording_file(recording) as path:
        transcript = _done_by(server, "listen")(path, language or None, tell)
    sys.stdout.write(FORMS[form](transcript))
    for warning in transcript.warnings:
        print(warning, file=sys.stderr)


voices = typer.Typer(help="List the voices, or add and remove your own.", rich_markup_mode=None)
app.add_typer(voices, name="voices")


@voices.callback(invoke_without_command=True)
def list_voices(
    context: typer.Context,
    form: Annotated[str, typer.Option("--format", help="What to print: text or json.")] = "text",
    server: Server = "",
) -> None:
    """List the voices, or add and remove your own."""
    from voxdemo.cli.results import LISTS, check_form

    check_form(form, LISTS)
    if context.invoked_subcommand:
        context.obj = server
        return
    sys.stdout.write(LISTS[form](_done_by(server, "voices")()))


@voices.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the voice is called.")],
    recording: Annotated[str, typer.Argument(help="3 to 30 s in which one person speaks; - reads it from stdin.")],
    consent: Annotated[
        bool, typer.Option("--consent", help="This is my voice, or I have permission to use it.")
    ] = False,
    transcript: Annotated[str, typer.Option(help="What is said in the recording.")] = "",
    server: Server = "",
) -> None:
    """Keep a voice, and print its id for `say --voice`."""
    from voxdemo.cli.results import recording_file

    name, transcript, server = _typed(name), _typed(transcript), server or context.obj
    with recording_file(recording) as path:
        print(_done_by(server, "add_voice")(name, path, transcript, consent))


@voices.command()
def remove(
    context: typer.Context,
    voice: Annotated[str, typer.Argument(help="Its id, as `voices` lists it.")],
    server: Server = "",
) -> None:
    """Delete a voice of yours, with its recording."""
    _done_by(server or context.obj, "remove_voice")(_typed(voice))


@app.command()
def serve() -> None:
    """Serve the page, as ./launch.sh does."""
    from voxdemo.server import serve as serving
    from voxdemo.server.site import build
    from voxdemo.server.start import prepare

    settings, service = prepare(listens=True)
    serving.serve(build(service, settings), service, settings)


@app.command()
def line() -> None:
    """Be the line of several servers and voices: VOXDEMO_LINE_SECRET, at VOXDEMO_HOST and VOXDEMO_PORT."""
    from voxdemo.server.start import begun, mistakes_told

    with mistakes_told():
        settings = begun(listens=True)
        from voxdemo.server.elsewhere import serve_line

        serve_line(settings)


@app.command()
def voice(
    url: Annotated[str, typer.Option(help="Where servers reach it, if not at its host and port.")] = "",
) -> None:
    """Be a voice of the line at VOXDEMO_LINE_URL: the models, for one job at a time."""
    from voxdemo.server.start import begun, mistakes_told

    with mistakes_told():
        settings = begun(listens=True)
        from voxdemo.server.elsewhere import serve_voice

        serve_voice(settings, url)


@app.command()
def cluster() -> None:
    """Be a line with its voices on Ray, two servers and a balancer, all on this machine: as ./launch.sh cluster."""
    from voxdemo.server.start import begun, mistakes_told

    with mistakes_told():
        settings = begun(listens=True)
        from voxdemo.cluster.box import check, run

        run(settings, check(settings))


@app.command("import")
def import_folder(
    folder: Annotated[
        Path | None, typer.Argument(help="What that server had as VOXDEMO_CACHE_DIR. Default: this one's.")
    ] = None,
) -> None:
    """Copy a single server's voices, results and jobs to VOXDEMO_STORAGE_URL and VOXDEMO_DATABASE_URL."""
    from voxdemo.cli.importing import take_over
    from voxdemo.cli.results import bar

    settings = voxdemo_settings.load()
    with bar() as tell:
        came = take_over(
            (folder or settings.cache_dir).absolute(),
            settings,
            lambda what, done, of: tell(f"Copying {what}: {done:,} of {of:,}", done / of),
        )
    for what, (copied, all_of_them) in came.items():
        print(f"{what}: {copied:,} copied, {all_of_them - copied:,} there already")


def _number_of(least: float, most: float, help: str) -> Any:
    return typer.Option(min=least, max=most, help=help)


@app.command()
def plan(
    context: typer.Context,
    users: Annotated[int | None, typer.Option(min=1, max=10**7, help="A stage beside the usual ones.")] = None,
    report: Annotated[Path | None, typer.Option(help="The report.json of a load test, or its folder.")] = None,
    voice: Annotated[
        str, typer.Option(help="Whose figures: builtin or kokoro; with a report, its memory.")
    ] = "builtin",
    real_time_factor: Annotated[
        float | None, _number_of(0.001, 100, "Of a voice on a GPU: seconds of work for a second of sound.")
    ] = None,
    characters: Annotated[float, _number_of(1, 100_000, "Without a report: how long a text is on average.")] = 300,
    recordings: Annotated[float, _number_of(0, 100, "Percent of the requests that are recordings.")] = 10,
    peak_share: Annotated[float, _number_of(0.01, 100, "Percent of the users online at the busiest time.")] = 10,
    each_per_minute: Annotated[float, _number_of(0.001, 60, "Requests a minute of each who is online.")] = 1,
    cached: Annotated[float, _number_of(0, 99, "Percent of the requests that the cache answers.")] = 20,
    wait: Annotated[float, _number_of(0, 3600, "Seconds within which 95 % of the requests must begin.")] = 10,
    machine: Annotated[str, typer.Option(help="A row of the price table: cpu, or gpu with a factor.")] = "",
    price_table: Annotated[Path | None, typer.Option("--prices", help="A price table of your own: CSV.")] = None,
    form: Annotated[str, typer.Option("--format", help="What to print: text or json.")] = "text",
    simulate: Annotated[bool, typer.Option("--simulate", help="Play a day of --users, too.")] = False,
    seed: Annotated[int, typer.Option(help="Of that day: the same seed plays the same day.")] = 0,
    most: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Generators that one line may start, by the flags below.")
    ] = None,
    least: Annotated[int, typer.Option(min=0, max=10_000, help="Generators that it never stops.")] = 1,
    target: Annotated[
        float, _number_of(0.1, 3600, "Seconds within which the last in line should begin.")
    ] = VOICES_TARGET_S,
    start: Annotated[float, _number_of(0, 3600, "Seconds that a generator takes to start.")] = START_S,
    idle: Annotated[float, _number_of(0, 86_400, "Seconds without a job until one stops.")] = VOICES_IDLE_S,
) -> None:
    """Calculate machines, memory and money for so many users. Nothing is loaded, no server asked."""
    from voxdemo.cli import planner
    from voxdemo.cli.results import check_form
    from voxdemo.planning import prices, work
    from voxdemo.planning.stages import STAGES, Demand, Planner

    check_form(form, planner.FORMS)
    planner.check_flags(_typed_flags(context))
    known = planner.voice_of(voice, real_time_factor)
    run = work.read_report(report) if report else None
    share = recordings / 100
    measured = work.of_run(run, known, share) if run else work.as_measured(known, characters, share)
    table = prices.read(price_table or prices.EXAMPLES)
    demand = Demand(peak_share / 100, each_per_minute, cached / 100, wait)
    by_formulas = Planner(demand, measured, planner.machine_of(machine or known.machine, table), table)
    planned = [by_formulas.stage(each) for each in sorted({*STAGES, *([users] if users else [])})]
    rules = Elastic(least, most, target, start, idle) if most else None
    day = planner.day_of(by_formulas, users, rules, seed) if simulate else None
    if form == "json":
        print(planner.as_json(by_formulas, planned, day))
    else:
        planner.print_text(by_formulas, planned, day)


@app.command()
def doctor() -> None:
    """Report what is installed and which models would be used. Nothing is loaded."""
    from voxdemo.cli.doctor import findings

    for line in findings():
        print(line)


def main() -> NoReturn:
    """Run the command that was typed; ends the process."""
    terminal.show_everything()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells start background jobs with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no half file stays
    try:
        app()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else FAILED
    except VoxdemoError as error:
        print(error.sentence, file=sys.stderr)
        code = next(code for kind, code in CODES.items() if isinstance(error, kind))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush fails, too
        code = FAILED
    except Exception as error:  # the door: people get a sentence
        print(_explained(error), file=sys.stderr)
        code = FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as in serve.py: PyTorch aborts where a model's thread outlives the rest


def _explained(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"The result can't be written ({error.strerror}): make room, or choose another place."
    log.error("a command failed", exc_info=error)
    return f"Something went wrong ({type(error).__name__}): set VOXDEMO_LOG_LEVEL=debug to see more."


def _done_by(server: str, name: str) -> Callable[..., Any]:
    """What `local` or, where a server is named, `remote` calls so: imported now, and without what the other needs."""
    if server:
        from voxdemo.cli import remote

        return partial(getattr(remote, name), server)
    from voxdemo.cli import local

    own: Callable[..., Any] = getattr(local, name)
    return own


def _typed_flags(context: typer.Context) -> set[str]:
    """The flags of a command that were typed, such as "--users"."""
    sources = {each.opts[0]: context.get_parameter_source(each.name or "") for each in context.command.params}
    return {flag for flag, source in sources.items() if source and source.name == "COMMANDLINE"}


def _stdin_text() -> str:
    if sys.stdin.isatty():
        raise InputError(
            "There is no text: write it after `say`, in quotes, or pipe it in.", code="no_text", reason="unwritten"
        )
    return _decoded(sys.stdin.buffer.read(), "The text on stdin")


def _typed(word: str) -> str:
    """A word of the command, read as UTF-8 whatever Python has taken it for; a file's name is better left alone."""
    return _decoded(os.fsencode(word), "The text")


def _decoded(typed: bytes, what: str) -> str:
    try:
        return typed.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("{what} isn't UTF-8: convert it, then try again.", code="not_utf8", what=what) from None
