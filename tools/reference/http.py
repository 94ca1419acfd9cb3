"""docs/reference/http.md: every operation in a line; the rest is in the OpenAPI document."""

from sandboxd.api.openapi import document
from tools.reference.markdown import table

_HEAD = """# HTTP

The daemon describes its own API: `/docs` is a page for people, `/openapi.json` the OpenAPI 3.1 document that it is made of.
Both have the doors that this daemon serves (`doors` in its [settings](settings.md)), each with its fields, answers and an
example, and need neither a token nor a network. Answers and limits of all doors: [limits and errors](../limits-and-errors.md).

Requests are JSON in UTF-8. A field that is not known is a 400 that names it. A token stands in the header `Authorization`,
after `Bearer`.
"""


def page() -> str:
    """The page."""
    found, text = document(), _HEAD
    for tag in found["tags"]:
        rows = [
            (f"`{method.upper()} {path}`", "yes" if "security" in operation else "", operation["summary"])
            for path, item in found["paths"].items()
            for method, operation in item.items()
            if operation["tags"] == [tag["name"]]
        ]
        text += f"\n## {tag['name']}\n\n{tag['description']}\n\n" + table("operation", "token", "", rows=rows)
    return text
