"""The OpenAPI document, made of the routes, the declarations beside the views and the types of `schemas` and `events`.

A route without a declaration raises `KeyError`, so that a test fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apispec import APISpec
from flask import Flask
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from werkzeug.routing import Rule

from app import errors
from app.config import Settings
from app.events import sse
from app.openapi.declare import (
    Created,
    Download,
    Events,
    JsonOrEvents,
    Operation,
    Parameter,
    RouteSpec,
    is_page,
    operation,
)
from app.openapi.schemas import responses
from app.version import __version__
from app.web import parsing
from app.web.access import users
from app.web.access.rate_limits import NOT_COUNTED
from app.web.conventions import Conventions, conventions_of
from app.web.error_handlers import HTTP_MESSAGES

_ABOUT = """\
An open, self-hosted backend for AI chat assistants. Every response that is not 2xx is JSON, `{"error": "..."}`, also
outside of these operations: 404, 405, and 414 and 431 for a request line or headers that are too long."""

_STATUSES = {error.status: error for error in errors.ApiError.__subclasses__()}
_EVERYWHERE = (500, 503)
_REFERENCE = "#/components/schemas/{model}"
_KEYS = {"ApiKey": "X-API-Key", "AppKey": "Aomi-App-Key"}
_BEARER, _USER = "BearerKey", "UserToken"
_TICKET = RouteSpec((Parameter("ticket", "query", "Instead of a token, for EventSource: see POST /api/tickets."),))


def document(app: Flask, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document of every route of `app` except pages. Raises `KeyError` for a view without declaration."""
    spec = APISpec("aomi-backend", __version__, "3.1.0", info={"description": _ABOUT})
    for name, header in _KEYS.items():
        spec.components.security_scheme(name, {"type": "apiKey", "in": "header", "name": header})
    spec.components.security_scheme(_BEARER, {"type": "http", "scheme": "bearer"})
    if settings.owners:
        spec.components.security_scheme(_USER, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    builder = _Builder(spec, app, settings)
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if is_page(view):
            continue
        declared = operation(view)
        if settings.owners and users.takes_ticket("GET" if "GET" in (rule.methods or ()) else "", view):
            declared = replace(declared, parts=(*declared.parts, _TICKET))
        built = builder.operation(rule, view.__doc__ or "", declared)
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        spec.path(_path(rule), operations={method.lower(): built for method in methods})
    return spec.to_dict()


def _path(rule: Rule) -> str:
    return rule.rule.replace("<", "{").replace(">", "}")


class _Untitled(GenerateJsonSchema):
    """JSON schemas without titles, which would only repeat the names of fields, and in the order of the code."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _Builder:
    """Makes operations, and adds what they refer to to the components of `spec`."""

    def __init__(self, spec: APISpec, app: Flask, settings: Settings) -> None:
        self._components = spec.components
        self._app = app
        self._settings = settings

    def operation(self, rule: Rule, description: str, declared: Operation) -> dict[str, Any]:
        """One operation of the document."""
        parts = declared.parts
        limited = () if rule.endpoint.partition(".")[0] in NOT_COUNTED else (429,)
        conventions = conventions_of(self._app, rule.endpoint.partition(".")[0])
        refusals = sorted({status for part in parts for status in part.refusals} | {*_EVERYWHERE, *limited})
        built: dict[str, Any] = {
            "operationId": rule.endpoint.replace(".", "_"),
            "tags": [rule.endpoint.partition(".")[0]],
            "summary": description.partition("\n")[0],
            "parameters": [self._parameter(parameter) for part in parts for parameter in part.parameters],
            "responses": self._responses(declared)
            | {str(status): self._refusal(status, conventions) for status in refusals},
        }
        for part in parts:
            if part.body is not None:
                content = {"application/json": {"schema": self._schema(part.body)}}
                built["requestBody"] = {"required": part.body_required, "content": content}
            if part.media_types:
                built["requestBody"] = {"required": True, "content": {kind: {} for kind in part.media_types}}
            if part.key:
                none: list[dict[str, Any]] = [{}] if part.key == "optional" else []
                names = [*_KEYS, _BEARER] if conventions.bearer_keys else [*_KEYS]
                built["security"] = none + [{name: []} for name in names]
        if self._settings.owners:
            self._require_user(built, rule, conventions)
        return built

    def _require_user(self, built: dict[str, Any], rule: Rule, conventions: Conventions) -> None:
        """With owners: a user, beside the key that the operation asks for, unless it concerns no session."""
        blueprint = rule.endpoint.partition(".")[0]
        if blueprint in users.OPEN:
            return
        keys = built.get("security", [{}])
        if rule.endpoint in users.WITHOUT_SESSION | conventions.without_session:
            built["security"] = [*keys, {_USER: []}]
        else:
            built["security"] = [{_USER: []}, *({_USER: [], **key} for key in keys if key and _BEARER not in key)]
        built["responses"].setdefault("401", self._refusal(401, conventions))
        built["responses"].setdefault("404", self._refusal(404, conventions))

    def _responses(self, declared: Operation) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        if isinstance(declared.response, Events):
            responses["200"] = self._stream(declared.response)
        elif isinstance(declared.response, JsonOrEvents):
            streamed = {sse.MIMETYPE: {"schema": self._schema(declared.response.event)}}
            responses["200"] = {"description": "Done", "content": self._json(declared.response.kind) | streamed}
        elif isinstance(declared.response, Download):
            files: dict[str, Any] = {kind: {} for kind in declared.response.media_types}
            responses["200"] = {"description": "The bytes of the file", "content": files}
        elif isinstance(declared.response, Created):
            responses["201"] = {"description": "Created", "content": self._json(declared.response.kind)}
        else:
            responses["200"] = {"description": "Done", "content": self._json(declared.response)}
        if declared.accepted is not None:
            responses["202"] = self._accepted(declared.accepted)
        if declared.no_content:
            responses["204"] = {"description": declared.no_content}
        return responses

    def _accepted(self, kind: Any) -> dict[str, Any]:
        """The response to a client that prefers not to wait (RFC 7240, section 4.1)."""
        headers = {
            "Location": {"description": "The address of the stream", "schema": {"type": "string"}},
            "Preference-Applied": {"schema": {"const": parsing.RESPOND_ASYNC}},
        }
        return {"description": "Accepted; it runs", "headers": headers, "content": self._json(kind)}

    def _json(self, kind: Any) -> dict[str, Any]:
        return {"application/json": {"schema": self._schema(kind)}}

    def _stream(self, events: Events) -> dict[str, Any]:
        described = {sse.KEEP_ALIVE_HEADER: "After how many silent seconds there is a comment"} | dict(events.headers)
        headers = {name: {"schema": {"const": value}} for name, value in sse.HEADERS.items()} | {
            name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()
        }
        schema = self._schema(events.kind)
        content = {sse.MIMETYPE: {"schema": schema, "examples": self._examples(schema)}}
        return {"description": "The `data:` of each frame is one event", "headers": headers, "content": content}

    def _examples(self, union: dict[str, Any]) -> dict[str, Any]:
        """An example of each event, by type; none where the types are not ours, and one stands for all."""
        kinds = self._named(union["$ref"]).get("discriminator", {"mapping": {}})["mapping"]
        return {
            kind: {"summary": kind, "value": self._named(reference)["examples"][0] | {"type": kind}}
            for kind, reference in kinds.items()
        }

    def _named(self, reference: str) -> dict[str, Any]:
        return self._components.schemas[reference.rpartition("/")[2]]

    def _refusal(self, status: int, conventions: Conventions) -> str:
        error, kind = _STATUSES.get(status), conventions.error_type or responses.Refusal
        name = error.__name__ if error else f"Error{status}"
        if kind is not responses.Refusal:
            name += f".{kind.__name__}"
        if name not in self._components.responses:
            description = error.__doc__ if error else HTTP_MESSAGES[status]
            content = {"application/json": {"schema": self._schema(kind)}}
            retry = {"Retry-After": {"description": "In seconds", "schema": {"type": "integer"}}}
            headers = {"headers": retry} if error and error.retry_after is not None else {}
            self._components.response(name, {"description": description, "content": content} | headers)
        return name

    def _parameter(self, parameter: Parameter) -> str:
        """The parameter's name among the components. Parameters of the same name and place are one component."""
        name = ".".join(filter(None, (parameter.where, parameter.name, parameter.of)))
        if name not in self._components.parameters:
            schema = parameter.schema(self._settings) if callable(parameter.schema) else parameter.schema
            fields = {
                "description": parameter.description,
                "required": parameter.required(self._settings) if callable(parameter.required) else parameter.required,
                "schema": dict(schema or {"type": "string"}),
            }
            self._components.parameter(name, parameter.where, {"name": parameter.name} | fields)
        return name

    def _schema(self, kind: Any) -> dict[str, Any]:
        # as the item of a list, a named type becomes a reference
        schema = TypeAdapter(list[kind]).json_schema(ref_template=_REFERENCE, schema_generator=_Untitled)
        for name, definition in schema.get("$defs", {}).items():
            if name not in self._components.schemas:
                self._components.schema(name, definition)
        return schema["items"]
