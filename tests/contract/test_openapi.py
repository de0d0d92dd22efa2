"""The hand-written OpenAPI document: valid, in the style of the Belgif REST guide, and of the same shape as the code."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
from fastapi.routing import iter_route_contexts
from openapi_spec_validator import validate
from pydantic import BaseModel, TypeAdapter

from onthaal_schema.wire import Resource, Submitted
from services.gateway import build
from services.intake_api import routes
from services.intake_api.caller import SCOPES
from tests.contract.specification import METHODS, every, operations, parameters, read, resolved

DOCUMENT: Final = read()
OPERATIONS: Final = list(operations(DOCUMENT))
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
LOWER_CAMEL: Final = re.compile(r"[a-z][a-zA-Z0-9]*")
UPPER_CAMEL: Final = re.compile(r"[A-Z][a-zA-Z0-9]*")
NEITHER_MODEL_NOR_ENUM: Final = {"Uuid", "Line", "Subject", "Text", "Language", "Files"}
ANSWERS_WITHOUT_A_MODEL: Final = {"CalendarExceptionList", "KeySet", "HealthStatus", "InputValidationProblem"}
UNIONS: Final = {"ContactSubmission": "channel", "CalendarException": "type"}

each_operation = pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[operation["operationId"] for _, _, operation in OPERATIONS]
)


def test_the_document_is_valid_openapi_3_0() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.0.")


def test_operation_ids_are_unique_and_lower_camel_case() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    assert all(LOWER_CAMEL.fullmatch(name) for name in ids)


@each_operation
def test_an_operation_says_what_it_does_under_one_declared_tag(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"], (method, path)
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}


@each_operation
def test_an_operation_fails_with_a_problem(method: str, path: str, operation: dict[str, Any]) -> None:
    failures = {status: answer for status, answer in operation["responses"].items() if status[0] in "45d"}
    assert "default" in failures, (method, path)
    for status, answer in failures.items():
        if path == "/health" and status == "503":
            continue
        content = resolved(DOCUMENT, answer)["content"]
        assert list(content) == ["application/problem+json"]
        schema = resolved(DOCUMENT, content["application/problem+json"]["schema"])
        assert {"type", "title", "status"} <= set(schema["required"])


@each_operation
def test_a_body_says_whether_it_is_required(method: str, path: str, operation: dict[str, Any]) -> None:
    assert method not in {"GET", "DELETE"} or "requestBody" not in operation, path
    if "requestBody" in operation:
        assert operation["requestBody"]["required"] is True


@each_operation
def test_an_operation_names_the_scope_it_needs(method: str, path: str, operation: dict[str, Any]) -> None:
    if operation.get("security") == []:
        return
    named = {scope for scope in SCOPES if f"`{scope}" in operation["description"]}
    assert named, (method, path)


def test_every_scope_is_described_with_the_token() -> None:
    described = DOCUMENT["components"]["securitySchemes"]["bearerToken"]["description"]
    assert {scope for scope in SCOPES if f"`{scope}`" not in described} == set()


@each_operation
def test_paths_and_parameters_are_lower_camel_case(method: str, path: str, operation: dict[str, Any]) -> None:
    segments = [segment.strip("{}") for segment in path.strip("/").split("/")]
    assert all(LOWER_CAMEL.fullmatch(segment) for segment in segments), method
    given = parameters(DOCUMENT, path, operation)
    assert all(LOWER_CAMEL.fullmatch(one["name"]) and one["description"] for one in given)
    assert {one["name"] for one in given if one["in"] == "path"} == set(re.findall(r"{(\w+)}", path))


@each_operation
def test_nothing_that_tells_who_somebody_is_stands_in_a_url(method: str, path: str, operation: dict[str, Any]) -> None:
    names = {one["name"].lower() for one in parameters(DOCUMENT, path, operation)}
    assert names.isdisjoint({"email", "phone", "name", "reference", "text", "code", "secret", "token"}), method


def test_components_are_upper_camel_case_and_each_is_used() -> None:
    used = {held["$ref"] for _, held in every(DOCUMENT) if isinstance(held.get("$ref"), str)}
    for kind in ("schemas", "responses", "parameters"):
        for name in DOCUMENT["components"][kind]:
            assert UPPER_CAMEL.fullmatch(name)
            assert f"#/components/{kind}/{name}" in used


def test_properties_are_lower_camel_case_unless_a_reason_is_given() -> None:
    for place, held in every(DOCUMENT["components"]["schemas"]):
        if held.get("type") == "object" and not _excused(held, "jsn-naming"):
            wrong = [name for name in held.get("properties", ()) if not LOWER_CAMEL.fullmatch(name)]
            assert not wrong, place


def test_codes_are_lower_camel_case_unless_a_reason_is_given() -> None:
    names_of_json_ld = {"@type", "@context"}
    for place, held in every(DOCUMENT["components"]["schemas"]):
        if "enum" in held and not _excused(held, "cod-design") and place.rsplit("/", 1)[1] not in names_of_json_ld:
            wrong = [
                code for code in held["enum"] if not LOWER_CAMEL.fullmatch(str(code)) and "." not in code and "/" not in code
            ]
            assert not wrong, place


def _excused(held: dict[str, Any], rule: str) -> bool:
    return bool(held.get("x-ignore-rules", {}).get(rule))


def test_nothing_is_ever_null() -> None:
    assert not [place for place, held in every(DOCUMENT) if held.get("nullable")]


def test_answers_are_objects() -> None:
    for method, path, operation in OPERATIONS:
        for answer in operation["responses"].values():
            json = resolved(DOCUMENT, answer).get("content", {}).get("application/json")
            if json:
                schema = resolved(DOCUMENT, json["schema"])
                assert schema.get("type") == "object" or "oneOf" in schema, (method, path)


def test_one_of_stands_only_beside_a_discriminator() -> None:
    assert not [place for place, held in every(DOCUMENT) if "oneOf" in held and "discriminator" not in held]


def test_examples_fit_their_schema() -> None:
    examples = list(_examples())
    assert len(examples) > 15
    for place, schema, example in examples:
        validator = jsonschema_rs.Draft4Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)
        problems = [problem.message for problem in validator.iter_errors(example)]
        assert not problems, place


def _examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for place, held in every(DOCUMENT):
        if "schema" in held and "example" in held:
            yield place, held["schema"], held["example"]
        if "schema" in held and "examples" in held:
            for name, example in held["examples"].items():
                yield f"{place}/{name}", held["schema"], example["value"]


def test_every_served_route_is_documented_and_every_documented_one_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONTHAAL_VAR", str(tmp_path))
    app = build(("intake_api",))
    served = {
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if route.path and (route.path.startswith("/intake/") or route.path == "/health")
    }
    # registering goes around the routes; that it is served is shown by every other test
    served.add(("PUT", "/intake/v1/contacts/{contactId}"))
    assert served == {(method, path) for method, path, _ in OPERATIONS}
    assert {method.lower() for method, _ in served} <= set(METHODS)


# The same shape as the models


def _models() -> dict[str, type[BaseModel]]:
    for module in pkgutil.iter_modules(routes.__path__):
        import_module(f"{routes.__name__}.{module.name}")
    return {
        kind.__name__: kind
        for kind in _below(Submitted, Resource)
        if kind.__module__.startswith(("onthaal_schema.", "services.intake_api.routes.")) and not kind.__name__.startswith("_")
    }


def _below(*kinds: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in kinds:
        for sub in kind.__subclasses__():
            yield sub
            yield from _below(sub)


MODELS: Final = _models()
DEFINITIONS: Final[dict[str, Any]] = TypeAdapter.json_schemas(
    [(name, "validation", TypeAdapter(model)) for name, model in MODELS.items()], by_alias=True
)[1]["$defs"]


def test_every_object_of_the_document_is_a_model_and_every_model_is_in_the_document() -> None:
    objects = {name for name, schema in SCHEMAS.items() if schema.get("type") == "object"}
    assert objects - ANSWERS_WITHOUT_A_MODEL == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_has_the_same_properties_in_the_document(name: str) -> None:
    documented, model = SCHEMAS[name], DEFINITIONS[name]
    assert set(documented["properties"]) == set(model["properties"])
    for prop, schema in documented["properties"].items():
        assert _shape(schema) == _shape(model["properties"][prop]), prop


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_requires_the_same_properties_in_the_document(name: str) -> None:
    told_apart_by = {"DayException": {"type"}, "EmergencyClose": {"type"}}.get(name, set())
    assert set(SCHEMAS[name].get("required", ())) == set(DEFINITIONS[name].get("required", ())) | told_apart_by


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_submission_refuses_unknown_properties_and_an_answer_may_grow(name: str) -> None:
    assert SCHEMAS[name].get("additionalProperties", True) is not issubclass(MODELS[name], Submitted)


def test_every_code_list_is_the_same_in_the_document() -> None:
    documented = {name: schema["enum"] for name, schema in SCHEMAS.items() if "enum" in schema}
    held = {name: schema["enum"] for name, schema in DEFINITIONS.items() if "enum" in schema}
    assert documented == held


@pytest.mark.parametrize(("name", "discriminator"), UNIONS.items())
def test_a_union_is_told_apart_by_its_discriminator(name: str, discriminator: str) -> None:
    schema = SCHEMAS[name]
    assert schema["discriminator"]["propertyName"] == discriminator
    for code, reference in schema["discriminator"]["mapping"].items():
        assert resolved(DOCUMENT, {"$ref": reference})["properties"][discriminator]["enum"] == [code]
    assert {one["$ref"] for one in schema["oneOf"]} == set(schema["discriminator"]["mapping"].values())


RULES: Final = ("type", "format", "pattern", "minLength", "maxLength", "minimum", "maximum")


def _shape(schema: dict[str, Any]) -> Any:
    """Reduce a schema of either side to what it accepts; null and defaults are the code's business alone."""
    reference = schema.get("$ref", "").rsplit("/", 1)[-1]
    if reference in NEITHER_MODEL_NOR_ENUM:
        return _shape(SCHEMAS[reference])
    if reference:
        return reference
    if "anyOf" in schema:
        shapes = [_shape(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    shape = {rule: schema[rule] for rule in RULES if rule in schema}
    codes = [schema["const"]] if "const" in schema else schema.get("enum")
    return shape | ({"enum": codes} if codes else {}) | ({"items": _shape(schema["items"])} if "items" in schema else {})
