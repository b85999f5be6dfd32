"""The interface's own description, OpenAPI 3.1, made from the routes and the contract behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor

from services.portal.web.rest import contract, query
from services.portal.web.rest.routes import KEY, Route

Schema = dict[str, Any]
_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The reason; docs/reasons.md says what to do"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "trace_id": {"type": "string"},
        "stage": {"type": "integer", "description": "Of STAGE_LATER: the stage that brings the resource"},
        "stage_in_force": {"type": "integer", "description": "Of STAGE_LATER: the stage of the installation"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["field", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance", "trace_id"],
}
_REFUSED = {
    "description": "Refused",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_END = "A day such as 2026-10-31, from midnight of time_zone, or an RFC 3339 time; half-open"
_ZONE: Schema = {"type": "string", "maxLength": 64}


def document(routes: Iterable[Route], version: str) -> Schema:
    """The whole description."""
    schemas: Schema = {"Problem": _PROBLEM}
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Throughline",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "From POST /session"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "tl_session",
                    "description": "Of a page; changes also need the header X-CSRFToken",
                },
            },
        },
    }


def _operation(route: Route, schemas: Schema) -> Schema:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _id(route, name)}
        for name in ("id", "attachment")
        if f"{{{name}}}" in route.path
    ]
    found: Schema = {"summary": route.summary, "operationId": route.endpoint, "tags": [route.path.split("/")[1]]}
    if route.method == "GET":
        parameters += _query(route)
    if route.keyed:
        parameters.append(
            {"name": KEY, "in": "header", "required": True, "schema": {"type": "string", "format": "uuid"}}
        )
    if route.has_body:
        body = route.body or {"application/json": _message(route.call.input_type, schemas, True, route.given)}
        found["requestBody"] = {"required": True, "content": {kind: {"schema": one} for kind, one in body.items()}}
    if parameters:
        found["parameters"] = parameters
    if route.open:
        found["security"] = []
    found["responses"] = {str(route.status): _success(route, schemas), "default": _REFUSED}
    return found


def _success(route: Route, schemas: Schema) -> Schema:
    if not route.answer:
        return {"description": "Done"}
    if route.answer != "application/json":
        kinds = route.answer.split(", ")
        return {"description": route.summary, "content": {kind: {"schema": {}} for kind in kinds}}
    schema = _answered(route.call.output_type, schemas)
    return {"description": route.summary, "content": {"application/json": {"schema": schema}}}


def _id(route: Route, name: str) -> Schema:
    """The part of a resource's name that the path gives, by the pattern of the contract."""
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
    for bound, pattern in route.binds.items():
        if f"{{{name}}}" not in pattern:
            continue
        rules = _rules(route.call.input_type.fields_by_name[bound])
        whole, collection = rules.string.pattern, pattern.partition("/")[0]
        if whole.startswith(f"^{collection}/"):
            schema["pattern"] = "^" + whole.removeprefix(f"^{collection}/")
    return schema


def _query(route: Route) -> list[Schema]:
    found: list[Schema] = []
    periods = False
    for _, field in query.parameters(route.request(), route.given):
        if field.message_type is not None:
            if field.message_type.full_name == query.INTERVAL:
                periods = True
                needed = _rules(field).required
                found += [
                    {
                        "name": name,
                        "in": "query",
                        "required": needed,
                        "description": _END,
                        "schema": {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]},
                    }
                    for name in query.period_names(field)
                ]
            elif field.message_type.full_name == contract.TIMESTAMP:
                stamp = {"type": "string", "format": "date-time"}
                found.append({"name": field.name, "in": "query", "required": False, "schema": stamp})
            continue
        found.append({"name": field.name, "in": "query", "required": False, "schema": _field(field, {}, True)})
    named = {one["name"] for one in found}
    if periods and "time_zone" not in named:
        found.append(
            {"name": "time_zone", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 64}}
        )
    return found


def _answered(message: Any, schemas: Schema) -> Schema:
    """A reference to the schema of an answer; the schema comes to the components."""
    name = _name(message)
    if name not in schemas:
        schemas[name] = {}
        schemas[name] = _message(message, schemas, False)
    return {"$ref": f"#/components/schemas/{name}"}


def _message(message: Any, schemas: Schema, strict: bool, without: frozenset[str] = frozenset()) -> Schema:
    """strict: a body, with the contract's bounds and nothing unknown; else an answer, with what is always there."""
    fields = [field for field in message.fields if field.name not in without]
    schema: Schema = {"type": "object", "properties": {one.name: _field(one, schemas, strict) for one in fields}}
    needed = [one.name for one in fields if (_is_needed(one) if strict else _is_always_there(one))]
    if needed:
        schema["required"] = needed
    if strict:
        schema["additionalProperties"] = False
    return schema


def _field(field: contract.Field, schemas: Schema, strict: bool) -> Schema:
    rules = _rules(field)
    if contract.is_map(field):
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if field.is_repeated:
        schema: Schema = {"type": "array", "items": _one(field, rules.repeated.items, schemas, strict)}
        if strict:
            bounds = {"minItems": rules.repeated.min_items, "maxItems": rules.repeated.max_items}
            schema |= {name: bound for name, bound in bounds.items() if bound}
        return schema
    return _one(field, rules, schemas, strict)


def _one(field: contract.Field, rules: Any, schemas: Schema, strict: bool) -> Schema:
    if field.enum_type is not None:
        return {"type": "string", "enum": _names(field.enum_type, rules, strict)}
    if field.message_type is not None:
        return _inner(field.message_type, schemas, strict)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    if field.type in contract.NUMBERS:
        return {"type": "number"} if strict else {"type": ["number", "null"]}
    if field.type in contract.INTEGERS:
        return {"type": "integer"} | (_bounds(field, rules) if strict else {})
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    return {"type": "string"} | (_text(rules.string) if strict else {})


def _inner(message: Any, schemas: Schema, strict: bool) -> Schema:
    if message.full_name == contract.TIMESTAMP:
        return {"type": "string", "format": "date-time"}
    if message.full_name == contract.DURATION:
        return {"type": "string", "pattern": r"^-?[0-9]{1,11}(\.[0-9]{1,9})?s$"}
    return _message(message, schemas, True) if strict else _answered(message, schemas)


def _names(enum: Any, rules: Any, strict: bool) -> list[str]:
    out = set(rules.enum.not_in) if strict else set()
    return [contract.short(enum, one.number) for one in enum.values if one.number not in out]


def _bounds(field: contract.Field, rules: Any) -> Schema:
    name = {FieldDescriptor.TYPE_INT32: "int32", FieldDescriptor.TYPE_INT64: "int64"}.get(field.type)
    if name is None:
        return {}
    told = getattr(rules, name)
    limit = 2**31 - 1 if name == "int32" else 2**53
    return {
        "minimum": told.gte if told.HasField("gte") else -limit,
        "maximum": told.lte if told.HasField("lte") else limit,
    }


def _text(told: Any) -> Schema:
    found: Schema = {"minLength": told.min_len, "maxLength": told.max_len, "pattern": told.pattern}
    schema = {name: bound for name, bound in found.items() if bound}
    choices = list(getattr(told, "in"))
    if choices:
        schema["enum"] = choices
    return schema


def _is_needed(field: contract.Field) -> bool:
    """Whether a body without the field breaks the contract: what is not sent is empty, 0 or UNSPECIFIED."""
    rules = _rules(field)
    if rules.required:
        return True
    if field.is_repeated:
        return bool(rules.repeated.min_items)
    if field.enum_type is not None:
        return 0 in rules.enum.not_in
    if field.type == FieldDescriptor.TYPE_INT32:
        return bool(rules.int32.HasField("gte") and rules.int32.gte > 0)
    return bool(rules.string.min_len)


def _is_always_there(field: contract.Field) -> bool:
    return field.is_repeated or field.message_type is None


def _rules(field: contract.Field) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


def _name(message: Any) -> str:
    """ "throughline.tickets.v1.Ticket" as "tickets.Ticket"."""
    parts: Mapping[int, str] = dict(enumerate(message.full_name.split(".")))
    return f"{parts[1]}.{message.name}"
