"""Every call comes in here: trace, caller, deadline, validation; a Refusal goes out as google.rpc.Status.

Health, reflection and the OTLP TraceService are open; every other method takes a service token.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import grpc
import protovalidate
import structlog
from google.protobuf.message import Message
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pymongo.errors import PyMongoError

from services.runtime.actor import Actor
from services.runtime.away import is_away
from services.runtime.client import acting, within
from services.runtime.identity import Keys
from services.runtime.precedence import Precedence
from services.runtime.records import Cause
from services.runtime.refusal import NotYet, Refusal
from services.runtime.status import CODES, DETAILS_KEY, Violation, details
from services.runtime.telemetry import SERVER_FAULTS, Telemetry

LONGEST_SECONDS = 10.0
_OPEN = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
)
_TRY_AGAIN = timedelta(seconds=1)
_PROPAGATOR = TraceContextTextMapPropagator()
_OK = grpc.StatusCode.OK

log = structlog.get_logger()

Behavior = Callable[[Any, Any], Any]


def now() -> datetime:
    """This instant as aware UTC, cut to the milliseconds that the store keeps."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Call:
    """The call being served. method: "/package.Service/Method". service: the service that made the call."""

    actor: Actor
    service: str
    method: str
    now: datetime

    def cause(self, request: Message) -> Cause:
        """The cause of what this call changes: "<sub>/<request_id>", with the digest of method and request.

        Raises:
            Refusal: REQUEST_ID_REQUIRED, when the request has none.
        """
        request_id: str = getattr(request, "request_id", "")
        if not request_id:
            raise Refusal.invalid("request_id", "REQUEST_ID_REQUIRED", "Give every change a request_id of its own.")
        exact = self.method.encode() + b"\0" + request.SerializeToString(deterministic=True)
        return Cause(f"{self.actor.sub}/{request_id}", self.actor, self.now, hashlib.sha256(exact).hexdigest())


_call: ContextVar[Call] = ContextVar("call")


def caller() -> Call:
    """The call being served.

    Raises:
        LookupError: outside of one.
    """
    return _call.get()


@dataclass(frozen=True, slots=True)
class _Answer:
    """How a call that did not succeed is answered."""

    code: grpc.StatusCode
    message: str
    status: bytes


class Door(grpc.aio.ServerInterceptor):
    """The one interceptor of a service.

    A method's wrapper is made once and kept, so a call pays for no look-up in gRPC's own chain.
    """

    def __init__(
        self,
        keys: Keys,
        telemetry: Telemetry,
        *,
        clock: Callable[[], datetime] = now,
        longest: float = LONGEST_SECONDS,
        precedence: Precedence | None = None,
    ) -> None:
        self._keys = keys
        self._precedence = precedence or Precedence()
        self._tracer = telemetry.tracer
        self._count = telemetry.calls.count
        self._clock = clock
        self._longest = longest
        # Set while no call can be served: what it is answered instead, once its caller is proven.
        self.closed: Refusal | None = None
        self._wrapped: dict[str, Any] = {}
        self._warned_at = float("-inf")

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        method: str = handler_call_details.method
        kept = self._wrapped.get(method)
        if kept is not None:
            return kept
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        wrapped = handler if method.startswith(_OPEN) else self._wrap(method, handler)
        self._wrapped[method] = wrapped
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Any:
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **codec)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._answers(method, handler.unary_stream), **codec)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._answer(method, handler.stream_unary), **codec)
        return grpc.stream_stream_rpc_method_handler(self._answers(method, handler.stream_stream), **codec)

    def _unary(self, method: str, behavior: Behavior) -> Behavior:
        name = method.removeprefix("/")
        service, _, short = name.partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": short}

        async def serve(request: Any, context: Any) -> Any:
            began = time.monotonic()
            metadata = dict(context.invocation_metadata())
            parent = _PROPAGATOR.extract(metadata)
            span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
            attached = otel.attach(trace.set_span_in_context(span, parent))
            code = _OK
            left = context.time_remaining()
            limit = self._longest if left is None else min(left, self._longest)
            try:
                async with asyncio.timeout(limit):
                    token = self._admit(method, metadata)
                    _check(request)
                    with acting(token), within(began + limit), self._precedence:
                        return await behavior(request, context)
            except asyncio.CancelledError:
                code = grpc.StatusCode.DEADLINE_EXCEEDED if _late(began, limit) else grpc.StatusCode.CANCELLED
                raise
            except grpc.aio.AbortError:
                code = _code(context)
                raise
            except Exception as error:  # noqa: BLE001 - the last place where a fault can be answered
                answer = self._answered(error, method, late=_late(began, limit))
                code = answer.code
                await context.abort(code, answer.message, ((DETAILS_KEY, answer.status),))
            finally:
                span.set_attribute("rpc.grpc.status_code", code.value[0])
                if code in SERVER_FAULTS:
                    span.set_status(Status(StatusCode.ERROR, code.name))
                span.end()
                otel.detach(attached)
                self._count(name, code, time.monotonic() - began)

        return serve

    def _answer(self, method: str, behavior: Behavior) -> Behavior:
        async def serve(requests: Any, context: Any) -> Any:
            await self._admit_stream(method, context)
            return await behavior(requests, context)

        return serve

    def _answers(self, method: str, behavior: Behavior) -> Behavior:
        name = method.removeprefix("/")

        async def serve(request: Any, context: Any) -> AsyncIterator[Any]:
            """An answer in parts may take as long as its caller lets it; what it refuses, it refuses like any other."""
            began = time.monotonic()
            code = _OK
            try:
                self._admit(method, dict(context.invocation_metadata()))
                if isinstance(request, Message):
                    _check(request)
                answered = behavior(request, context)
                if inspect.isawaitable(answered):
                    await answered
                    return
                async for one in answered:
                    yield one
            except (asyncio.CancelledError, GeneratorExit):
                code = grpc.StatusCode.CANCELLED
                raise
            except grpc.aio.AbortError:
                code = _code(context)
                raise
            except Exception as error:  # noqa: BLE001 - the last place where a fault can be answered
                answer = self._answered(error, method, late=False)
                code = answer.code
                await context.abort(answer.code, answer.message, ((DETAILS_KEY, answer.status),))
            finally:
                self._count(name, code, time.monotonic() - began)

        return serve

    async def _admit_stream(self, method: str, context: Any) -> None:
        try:
            self._admit(method, dict(context.invocation_metadata()))
        except Refusal as refusal:
            answer = _refused(refusal)
            await context.abort(answer.code, answer.message, ((DETAILS_KEY, answer.status),))

    def _admit(self, method: str, metadata: Mapping[str, Any]) -> str:
        """Proves the caller, makes the call known and returns the person assertion to pass on."""
        authorization = str(metadata.get("authorization", ""))
        token = authorization.removeprefix("Bearer ")
        proven = self._keys.prove(token, str(metadata.get("x-service-token", "")))
        if self.closed is not None:
            raise self.closed
        _call.set(Call(proven.actor, proven.service, method, self._clock()))
        return token

    def _answered(self, error: Exception, method: str, *, late: bool) -> _Answer:
        if isinstance(error, Refusal):
            return _refused(error)
        if isinstance(error, _Invalid):
            return error.answer
        if isinstance(error, TimeoutError) and late:
            return _plain(
                grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "The call ran out of time; ask again later."
            )
        if isinstance(error, NotYet):
            return _plain(
                grpc.StatusCode.ABORTED,
                "NOT_YET",
                "Something that this builds on has not arrived; try again.",
                wait=True,
            )
        if isinstance(error, PyMongoError) and is_away(error):
            self._warn("store unavailable", method, error)
            return _plain(
                grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "The store does not answer; try again.", wait=True
            )
        log.error("call failed", method=method, exc_info=error)
        return _plain(
            grpc.StatusCode.INTERNAL, "INTERNAL", "The service failed; its operators find the trace in the log."
        )

    def _warn(self, event: str, method: str, error: Exception) -> None:
        """At most one line a second: an outage must not fill the disk."""
        if time.monotonic() - self._warned_at >= 1.0:
            self._warned_at = time.monotonic()
            log.warning(event, method=method, error=type(error).__name__)


class _Invalid(Exception):
    """The request breaks its contract."""

    def __init__(self, answer: _Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


def _check(request: Message) -> None:
    found = protovalidate.collect_violations(request)
    if found:
        _refuse_fields(found)


def _refuse_fields(found: list[protovalidate.Violation]) -> NoReturn:
    violations = [Violation(_path(one.proto.field), one.proto.rule_id, one.proto.message) for one in found]
    named = ", ".join(dict.fromkeys(one.field or one.rule for one in violations))
    message = f"The request breaks its contract: {named}."
    status = details(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", message, violations[0].field, violations=violations
    )
    raise _Invalid(_Answer(grpc.StatusCode.INVALID_ARGUMENT, message, status))


def _path(path: Any) -> str:
    """A field path as forms write it: `lines[2].amount`, `labels["en"]`."""
    parts: list[str] = []
    for element in path.elements if path is not None else ():
        subscript = element.subscript
        where = "" if subscript is None else f"[{subscript.value!r}]"
        parts.append(element.field_name + where)
    return ".".join(parts)


def _refused(refusal: Refusal) -> _Answer:
    code = CODES[refusal.kind]
    status = details(code, refusal.reason, refusal.message, refusal.field, retry_after=refusal.retry_after)
    return _Answer(code, refusal.message, status)


def _plain(code: grpc.StatusCode, reason: str, message: str, *, wait: bool = False) -> _Answer:
    return _Answer(code, message, details(code, reason, message, retry_after=_TRY_AGAIN if wait else None))


def _late(began: float, limit: float) -> bool:
    return time.monotonic() - began >= limit - 0.005


def _code(context: Any) -> grpc.StatusCode:
    given = context.code()
    return next((one for one in grpc.StatusCode if given in (one, one.value[0])), grpc.StatusCode.UNKNOWN)
