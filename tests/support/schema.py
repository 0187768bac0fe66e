"""Holds a value against the part of JSON Schema that docs/openapi.json uses; a word it does not know is an error."""

from datetime import datetime

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "type", "enum", "properties", "required", "additionalProperties", "items", "format", "oneOf",
         "description", "default", "minimum"}


def faults(value, schema: dict, document: dict, at: str = "$") -> list[str]:
    """What is wrong with the value, with the place of each fault."""
    assert set(schema) <= KNOWN, f"{at}: this check does not know {set(schema) - KNOWN}"
    if reference := schema.get("$ref"):
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        return faults(value, target, document, at)
    found = []
    if alternatives := schema.get("oneOf"):
        fitting = [one for one in alternatives if not faults(value, one, document, at)]
        if len(fitting) != 1:
            found.append(f"{at}: fits {len(fitting)} of {len(alternatives)} alternatives: {value!r}")
    if types := schema.get("type"):
        names = [types] if isinstance(types, str) else types
        if not any(is_of(value, name) for name in names):
            return [f"{at}: {value!r} is none of {names}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{at}: {value!r} is less than {schema['minimum']}")
    if schema.get("format") == "date-time" and value is not None:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            found.append(f"{at}: {value!r} is no time")
    if isinstance(value, dict):
        found += object_faults(value, schema, document, at)
    if isinstance(value, list) and "items" in schema:
        for i, element in enumerate(value):
            found += faults(element, schema["items"], document, f"{at}[{i}]")
    return found


def is_of(value, name: str) -> bool:
    if name in ("integer", "number"):
        return not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float))
    return isinstance(value, TYPES[name])


def object_faults(value: dict, schema: dict, document: dict, at: str) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    rest = schema.get("additionalProperties", True)
    for name, member in value.items():
        if name in properties:
            found += faults(member, properties[name], document, f"{at}.{name}")
        elif rest is False:
            found.append(f"{at}: {name} is not described")
        elif isinstance(rest, dict):
            found += faults(member, rest, document, f"{at}.{name}")
    return found
