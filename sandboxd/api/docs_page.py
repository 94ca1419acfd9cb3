"""/docs: the OpenAPI document as one page of HTML. No script, nothing from elsewhere: it works without a network."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.45 ui-monospace, monospace }
pre { padding: .75rem; overflow-x: auto; border: 1px solid; border-radius: 4px }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8886 }
h3 { border-top: 2px solid #8886; padding-top: 1rem; margin-top: 2rem }
h3 code { font-size: 1em }
nav li { list-style: none }
nav ul { padding: 0 }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The headers of the page: a browser that keeps to them runs nothing and fetches nothing."""


def page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document as `openapi.document` makes it."""
    return "".join(_page(document))


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
    yield f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n'
    yield f"<h1>{title}</h1>\n<p>{escape(info['description'])}\n"
    yield "<p>The same for programs: <a href='openapi.json'>openapi.json</a>. Operations with a lock need the header "
    yield "<code>Authorization: Bearer TOKEN</code>.\n"
    by_tag: dict[str, list[tuple[str, str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    yield "<nav>\n"
    for tag, found in by_tag.items():
        yield f"<p><a href='#{escape(tag)}'>{escape(tag)}</a>\n<ul>\n"
        for method, path, operation in found:
            yield f"<li><a href='#{operation['operationId']}'><code>{method} {escape(path)}</code></a> "
            yield f"{escape(operation['summary'])}\n"
        yield "</ul>\n"
    yield "</nav>\n<main>\n"
    for tag in document["tags"]:
        yield f"<h2 id='{escape(tag['name'])}'>{escape(tag['name'])}</h2>\n<p>{escape(tag['description'])}\n"
        for method, path, operation in by_tag[tag["name"]]:
            yield from _operation(method, path, operation)
    yield "<h2 id='schemas'>Shapes</h2>\n"
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)
    yield "</main>\n</html>\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    lock = " 🔒" if "security" in operation else ""
    yield f"<h3 id='{operation['operationId']}'><code>{method} {escape(path)}</code>{lock}</h3>\n"
    yield f"<p>{escape(operation['summary'])}\n"
    if "parameters" in operation:
        rows = [
            (each["name"], f"{each['in']}, {_kind(each['schema'])}", escape(each.get("description", "")))
            for each in operation["parameters"]
        ]
        yield _table(("parameter", "where and what", ""), rows)
    if "requestBody" in operation:
        yield from _contents("Body", operation["requestBody"]["content"])
    for status, answer in operation["responses"].items():
        yield f"<p><b>{status}</b> {escape(answer['description'])}"
        if "headers" in answer:
            yield f" (headers {', '.join(f'<code>{escape(name)}</code>' for name in answer['headers'])})"
        yield from _contents("", answer["content"])


def _contents(word: str, contents: dict[str, Any]) -> Iterator[str]:
    kinds = ", ".join(f"<code>{escape(media)}</code> {_kind(content['schema'])}" for media, content in contents.items())
    yield f"<p><b>{word}</b> {kinds}\n" if word else f" {kinds}\n"
    for content in contents.values():
        if "example" in content:
            yield f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>\n"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"<h3 id='schema-{escape(name)}'><code>{escape(name)}</code></h3>\n<p>{escape(schema.get('description', ''))}\n"
    if "enum" in schema:
        yield f"<p>{_kind(schema)}\n"
    if "properties" in schema:
        required = schema.get("required", ())
        rows = [
            (key, _kind(each) + (", required" if key in required else ""), escape(each.get("description", "")))
            for key, each in schema["properties"].items()
        ]
        yield _table(("field", "what", ""), rows)


def _table(heads: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    """Kinds and descriptions are HTML already, names are not."""
    head = "".join(f"<th>{escape(each)}" for each in heads)
    body = "".join(f"<tr><td><code>{escape(name)}</code><td>{kind}<td>{text}\n" for name, kind, text in rows)
    return f"<table>\n<tr>{head}\n{body}</table>\n"


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])}"
    words = [escape(str(schema.get("type", "any JSON")))]
    for key, word in (("minimum", "from"), ("maximum", "to"), ("minLength", "at least"), ("maxLength", "at most")):
        if key in schema:
            words.append(f"{word} {schema[key]:,}" + (" characters" if "Length" in key else ""))
    if "default" in schema:
        words.append(f"else <code>{escape(json.dumps(schema['default']))}</code>")
    return " ".join(words)
