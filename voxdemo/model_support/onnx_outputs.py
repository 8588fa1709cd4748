"""One more output of an ONNX graph: a value within it that the graph keeps to itself. Knows bytes alone."""

_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1
"""Numbers of fields in onnx.proto: ModelProto.graph, GraphProto.output, ValueInfoProto.name."""


def with_output(model: bytes, name: str) -> bytes:
    """The same `model`, as bytes of ONNX, which also gives, last, its inner value of this name.

    What is appended to a protocol buffer is merged into it ("Encoding", "Last One Wins"), so nothing of a model of many
    megabytes has to be read.
    """
    return model + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes; up to 127 of them its length takes one byte."""
    assert len(content) < 128, "names are short"
    return bytes([number << 3 | 2, len(content)]) + content
