"""The part of an OTLP export request that is counted: the same field numbers, attributes left as bytes.

Most attributes of a batch repeat each other byte for byte; read once and looked up after that, they cost a fraction of
what whole messages do.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_PACKAGE = "throughline.otlp"
_BYTES, _ENUM, _FIXED32, _FIXED64, _MESSAGE = (
    FieldDescriptorProto.TYPE_BYTES,
    # An unknown enumerator is as good as any here.
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_FIXED32,
    FieldDescriptorProto.TYPE_FIXED64,
    FieldDescriptorProto.TYPE_MESSAGE,
)
# message -> field -> (number, type, repeated, message type); numbers of opentelemetry/proto/trace/v1/trace.proto.
_FIELDS: dict[str, dict[str, tuple[int, Any, bool, str]]] = {
    "Request": {"resource_spans": (1, _MESSAGE, True, "ResourceSpans")},
    "ResourceSpans": {
        "resource": (1, _MESSAGE, False, "Resource"),
        "scope_spans": (2, _MESSAGE, True, "ScopeSpans"),
    },
    "Resource": {"attributes": (1, _BYTES, True, "")},
    "ScopeSpans": {"spans": (2, _MESSAGE, True, "Span")},
    "Span": {
        "trace_id": (1, _BYTES, False, ""),
        "span_id": (2, _BYTES, False, ""),
        "trace_state": (3, _BYTES, False, ""),
        "parent_span_id": (4, _BYTES, False, ""),
        "name": (5, _BYTES, False, ""),
        "kind": (6, _ENUM, False, ""),
        "start_time_unix_nano": (7, _FIXED64, False, ""),
        "end_time_unix_nano": (8, _FIXED64, False, ""),
        "attributes": (9, _BYTES, True, ""),
        "status": (15, _BYTES, False, ""),
        "flags": (16, _FIXED32, False, ""),
    },
}


def _request() -> Any:
    file = FileDescriptorProto(name="throughline/otlp.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message: DescriptorProto = file.message_type.add(name=name)
        for field, (number, kind, repeated, of) in fields.items():
            label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
            message.field.add(
                name=field, number=number, type=kind, label=label, type_name=f".{_PACKAGE}.{of}" if of else None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Request"))


Request = _request()
