"""What is written below the fields of a struct is found."""

from msgspec import Struct

from sandboxd import docstrings
from sandboxd.api.execution_shapes import ExecOptions, ExecRequest
from sandboxd.config import PoolSettings
from sandboxd.models import Limits


def test_a_field_s_text_is_found() -> None:
    """As one paragraph; a field without one is absent."""
    assert docstrings.of_fields(Limits) == {"depth": "Levels of nesting that a result may have."}


def test_what_is_inherited_is_found() -> None:
    """A struct has its own texts and those of the one that it extends."""
    own, inherited = docstrings.of_fields(ExecRequest), docstrings.of_fields(ExecOptions)
    assert set(own) == {"code", "tags", *inherited}
    assert inherited.items() <= own.items()


def test_every_setting_of_the_pool_has_one() -> None:
    """Also those whose default is computed."""
    assert set(docstrings.of_fields(PoolSettings)) == set(PoolSettings.__struct_fields__)


def test_what_is_not_ours_has_none() -> None:
    """Only our own source is read."""
    assert docstrings.of_fields(Struct) == {}


def test_a_struct_s_text_is_one_paragraph() -> None:
    """Whatever its lines are."""
    assert "\n" not in docstrings.of_struct(PoolSettings)
