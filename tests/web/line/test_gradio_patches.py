"""All that we use of Gradio beyond its public interface is in the lists below, and Gradio still has it."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.block_function import BlockFunction
from gradio.queueing import Event, EventQueue, Queue
from gradio.route_utils import GradioMultiPartParser
from gradio.routes import App
from starlette.datastructures import Headers
from starlette.requests import Request

import voxdemo
from voxdemo.web.line import gradio_queue

METHODS: Mapping[str, Sequence[str]] = {
    "gradio.queueing.Queue.__init__": (
        "self", "live_updates", "concurrency_count", "update_intervals", "max_size", "blocks",
        "default_concurrency_limit",
    ),
    "gradio.queueing.Queue.push": ("self", "body", "request", "username"),
    "gradio.queueing.Queue.get_events": ("self",),
    "gradio.queueing.Queue.process_events": ("self", "events", "batch", "begin_time", "fn"),
    "gradio.queueing.Queue.send_message": ("self", "event", "event_message"),
    "gradio.queueing.Queue.set_progress": ("self", "event_id", "iterables"),
    "gradio.queueing.Queue.broadcast_estimations": ("self", "concurrency_id", "after"),
    "gradio.queueing.Queue.remove_from_queue": ("self", "event_id"),
    "gradio.queueing.Queue.clean_events": ("self", "session_hash", "event_id"),
    "gradio.queueing.EventQueue.__init__": ("self", "concurrency_id", "concurrency_limit"),
    "gradio.route_utils.GradioMultiPartParser.parse": ("self",),
    "gradio.routes.App.create_app": (
        "blocks", "app", "app_kwargs", "auth_dependency", "strict_cors", "mcp_server", "debug", "parent_app",
    ),
}  # fmt: skip
"""Methods that we override, replace or call, with the parameters that they have."""
ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "gradio.queueing.Queue": (
        "blocks", "event_ids_to_events", "event_queue_per_concurrency_id", "pending_event_ids_session",
        "pending_messages_per_session", "progress_update_sleep_when_free", "sleep_when_free",
    ),
    "gradio.queueing.EventQueue": ("queue",),
    "gradio.queueing.Event": (
        "_id", "alive", "concurrency_id", "fn", "progress", "progress_pending", "request", "session_hash",
    ),
    "gradio.block_function.BlockFunction": ("api_name", "concurrency_id", "fn", "queue"),
    "gradio.blocks.Blocks": ("_queue", "api_open", "blocks", "default_config", "fns", "max_threads"),
    "gradio.blocks.BlocksConfig": ("blocks", "fns"),
    "gradio.routes.App": ("cookie_id", "tokens"),
    "gradio.route_utils.GradioMultiPartParser": ("_files_to_close_on_error",),
}  # fmt: skip
"""Attributes of their instances."""
FIELDS: Mapping[str, Sequence[str]] = {
    "gradio.data_classes.PredictBodyInternal": ("data", "fn_index", "session_hash"),
    "gradio.server_messages.EstimationMessage": ("rank", "rank_eta", "queue_size"),
    "gradio.server_messages.ProcessStartsMessage": ("eta",),
    "gradio.server_messages.ProcessCompletedMessage": ("output", "success"),
    "gradio.server_messages.ProgressMessage": ("progress_data",),
    "gradio.server_messages.ProgressUnit": ("unit",),
    "gradio.data_classes.FileData": ("path",),
}
"""Fields of its models."""
NAMES: Sequence[str] = (
    "gradio.components.native_plot.PlotData",
    "gradio.i18n.I18nData",
    "gradio.queueing.safe_get_lock",
    "gradio.queueing.traceback",
    "gradio.route_utils.FnIndexInferError",
    "gradio.routes.templates.env.loader",
    "gradio.routes.traceback",
    "gradio.server_messages.EventMessage",
    "gradio.utils.safe_get_lock",
    "gradio.utils.safe_get_stop_event",
)
"""Names in its modules that are no part of its interface."""

SOURCES = sorted(Path(voxdemo.__file__).parent.rglob("*.py"))
LISTED = {*METHODS, *ATTRIBUTES, *FIELDS, *NAMES}


def found(name: str) -> Any:
    """What a dotted name stands for in the installed Gradio."""
    module, rest = name, []
    while True:
        try:
            thing: Any = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
    for part in rest:
        thing = getattr(thing, part)
    return thing


@pytest.fixture(scope="module")
def instances() -> dict[str, Any]:
    """One of each class of which we use attributes, by the name of its class."""
    with gr.Blocks() as blocks:
        gr.Button().click(lambda: None)
    function = next(iter(blocks.fns.values()))
    request = Request({"type": "http", "headers": []})
    queue = Queue(live_updates=True, concurrency_count=1, update_intervals=1, max_size=None, blocks=blocks)
    parser = GradioMultiPartParser(Headers(), request.stream(), max_file_size=1)
    all_of_them = (queue, EventQueue("id", 0), Event(None, function, request, None), function, parser, App())
    return {f"{type(one).__module__}.{type(one).__name__}": one for one in all_of_them} | {
        "gradio.blocks.Blocks": blocks,
        "gradio.blocks.BlocksConfig": blocks.default_config,
    }


@pytest.mark.parametrize("name", METHODS)
def test_gradios_methods_take_what_we_give_them(name: str) -> None:
    assert tuple(inspect.signature(found(name)).parameters) == tuple(METHODS[name])


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_gradios_objects_have_the_attributes_that_we_use(name: str, instances: dict[str, Any]) -> None:
    assert [one for one in ATTRIBUTES[name] if not hasattr(instances[name], one)] == []


@pytest.mark.parametrize("name", FIELDS)
def test_gradios_messages_have_the_fields_that_we_use(name: str) -> None:
    assert set(FIELDS[name]) <= set(found(name).model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_gradios_modules_have_the_names_that_we_use(name: str) -> None:
    assert found(name) is not None


def test_whatever_we_import_of_gradios_inner_modules_is_in_the_list() -> None:
    imported = {
        f"{node.module}.{alias.name}"
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradio.")
        for alias in node.names
    }
    used = {name for name in imported if not any(listed == name or listed.startswith(f"{name}.") for listed in LISTED)}
    assert used == set()


def attributes(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr


def test_whatever_our_queue_uses_of_gradios_is_in_the_list(instances: dict[str, Any]) -> None:
    used = set(attributes(Path(gradio_queue.__file__))) - set(vars(gradio_queue.LineQueue))
    theirs = {name for one in instances.values() if isinstance(one, Queue | Event | EventQueue) for name in vars(one)}
    listed = {name for names in (*ATTRIBUTES.values(), *FIELDS.values()) for name in names}
    assert used & theirs <= listed
    overridden = {name for name in vars(gradio_queue.LineQueue) if callable(getattr(Queue, name, None))}
    assert {f"gradio.queueing.Queue.{name}" for name in overridden if name not in vars(object)} <= LISTED
    called = {name for name in used if callable(getattr(Queue, name, None)) and name not in overridden}
    assert called == set()


def test_gradios_private_attributes_are_used_only_where_the_list_says() -> None:
    listed = {name for names in ATTRIBUTES.values() for name in names if name.startswith("_")}
    private = {
        node.attr
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }
    blocks = {name for cls in (gr.Blocks, Queue, Event, EventQueue, BlockFunction) for name in dir(cls)} | {"_id"}
    assert {name for name in private if name in blocks and not name.startswith("__")} <= listed
