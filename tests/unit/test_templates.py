"""The templates that are shipped. That they run is shown elsewhere, with real workers."""

import re

import pytest

from sandboxd.errors import SettingsError
from sandboxd.executions.templates import Template, load_templates, parse_template

IDS_AND_NAMES = [
    ("hello_world", "Hello World"),
    ("fetch_data", "Fetch Data from API"),
    ("process_array", "Process Array Data"),
    ("loop_example", "Loop Examples"),
    ("error_handling", "Error Handling"),
    ("conditional_logic", "Conditional Logic"),
    ("data_validation", "Data Validation"),
    ("data_aggregation", "Data Aggregation"),
    ("async_await", "Async/Await Pattern"),
    ("object_manipulation", "Object Manipulation"),
    ("string_operations", "String Operations"),
    ("mathematical_operations", "Mathematical Operations"),
]
BY_ID = {template.id: template for template in load_templates()}
each_template = pytest.mark.parametrize("template", load_templates(), ids=list(BY_ID))

HEADER = "// name: N\n// description: D\n// category: c\n// difficulty: beginner\n"


def test_the_templates_are_those_of_the_api_in_its_order() -> None:
    """Twelve ids and names, word for word and in the documented order."""
    assert [(template.id, template.name) for template in load_templates()] == IDS_AND_NAMES


def test_hello_world_is_one_line() -> None:
    """The code of hello_world is the documented line, without a newline at its end."""
    assert BY_ID["hello_world"].code == "console.log('Hello, World!');"


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("hello_world", "Simple console output - perfect for testing"),
        ("fetch_data", "Fetch data from an API endpoint and process it"),
        ("process_array", "Transform and filter array data"),
    ],
)
def test_documented_descriptions_are_kept(name: str, description: str) -> None:
    """The three descriptions that the API's document shows are word for word those."""
    assert BY_ID[name].description == description


@each_template
def test_a_template_fits_the_code_limit(template: Template) -> None:
    """No template is longer than the 10 KB that an execution may have."""
    assert 0 < len(template.code.encode()) <= 10_240


@each_template
def test_a_template_has_no_header_left_in_its_code(template: Template) -> None:
    """What the API answers as code begins after the header."""
    assert not re.search(r"^// (name|description|category|difficulty):", template.code, re.MULTILINE)


@each_template
def test_a_template_says_how_hard_it_is(template: Template) -> None:
    """Category and difficulty are words that a list can be filtered by."""
    assert template.difficulty in {"beginner", "intermediate", "advanced"}
    assert re.fullmatch(r"[a-z]+", template.category)


@each_template
def test_a_description_is_one_short_line(template: Template) -> None:
    """A description fits a list: one line, no full stop, at most 80 characters."""
    assert re.fullmatch(r"[A-Z][^\n]{9,78}[^\n.]", template.description)


def test_descriptions_differ() -> None:
    """No two templates are described alike."""
    assert len({template.description for template in load_templates()}) == len(IDS_AND_NAMES)


def test_two_templates_fetch_and_from_one_address() -> None:
    """fetch_data and async_await ask for /api/data, relative, so that one stub serves both; the rest need no network."""
    assert [name for name, template in BY_ID.items() if "fetch(" in template.code] == ["fetch_data", "async_await"]
    assert all("?? '/api/data';" in BY_ID[name].code for name in ("fetch_data", "async_await"))


def test_templates_are_read_once() -> None:
    """A second look gives the very same templates."""
    assert load_templates() is load_templates()


def test_a_template_file_is_header_and_code() -> None:
    """The id is in the file's name, the rest in the header, and everything after the first empty line is code."""
    template = parse_template("07_some_id.js", f"{HEADER}\nlet a;\n\nlet b;\n".encode())
    assert template == Template("some_id", "N", "D", "c", "beginner", "let a;\n\nlet b;")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("some_id.js", f"{HEADER}\nlet a;"),
        ("01_a-b.js", f"{HEADER}\nlet a;"),
        ("01_a.js", "let a;"),
        ("01_a.js", ""),
        ("01_a.js", f"{HEADER}let a;"),
        ("01_a.js", f"{HEADER}\n \n"),
        ("01_a.js", HEADER),
        ("01_a.js", f"{HEADER}// more: x\n\nlet a;"),
        ("01_a.js", f"// name: N\n{HEADER}\nlet a;"),
        ("01_a.js", HEADER.replace("// name: N\n", "") + "\nlet a;"),
        ("01_a.js", HEADER.replace("// name: N", "// name: ") + "\nlet a;"),
        ("01_a.js", HEADER.replace("beginner", "easy") + "\nlet a;"),
        ("01_a.js", HEADER.replace("// name: N\n// description: D\n", "// description: D\n// name: N\n") + "\nlet a;"),
    ],
    ids=[
        "no number",
        "bad id",
        "no header",
        "empty",
        "no empty line",
        "blank code",
        "no code",
        "unknown key",
        "key twice",
        "key missing",
        "value missing",
        "unknown difficulty",
        "another order",
    ],
)
def test_a_bad_template_file_is_named(file: str, content: str) -> None:
    """Whatever is wrong with a template file, the error begins with its name."""
    with pytest.raises(SettingsError, match=rf"^templates/{re.escape(file)}: "):
        parse_template(file, content.encode())


def test_a_template_file_that_is_not_utf8_is_named() -> None:
    """Bytes that are no text are an error that names the file too."""
    with pytest.raises(SettingsError, match=r"^templates/01_a\.js: "):
        parse_template("01_a.js", HEADER.encode() + b"\nlet a = '\xff';")
