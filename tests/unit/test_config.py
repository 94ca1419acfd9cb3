"""Settings: what is right, what wins, and how what is wrong is named."""

from pathlib import Path

import pytest

from sandboxd.config import MetricsSettings, Settings, load, load_settings
from sandboxd.errors import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration that sets what the environment and the options set too."""
    path = tmp_path / "c.toml"
    path.write_text('data_dir = "file"\nnode = "file"\nbind = "127.0.0.1:1"\n[pool]\nahead = 7\n')
    return path


def test_without_anything_the_defaults_hold() -> None:
    """No file, no variable and no option give the defaults."""
    assert load_settings(environment={}) == Settings()


def test_the_file_wins_over_the_defaults(file: Path) -> None:
    """What the file says holds, and the rest stays."""
    settings = load_settings(config=str(file), environment={})
    assert (settings.data_dir, settings.node, settings.bind, settings.pool.ahead) == ("file", "file", "127.0.0.1:1", 7)
    assert (settings.drain_ms, settings.pool.waiting) == (Settings().drain_ms, Settings().pool.waiting)


def test_the_environment_wins_over_the_file(file: Path) -> None:
    """SANDBOXD_DATA_DIR and SANDBOXD_NODE hold where they are set."""
    settings = load_settings(config=str(file), environment={"SANDBOXD_DATA_DIR": "env", "SANDBOXD_NODE": "env"})
    assert (settings.data_dir, settings.node, settings.bind) == ("env", "env", "127.0.0.1:1")


def test_an_option_wins_over_the_environment(file: Path) -> None:
    """Options hold where they are given; one that is None was not given."""
    options = {"data_dir": "option", "bind": None}
    settings = load_settings(config=str(file), options=options, environment={"SANDBOXD_DATA_DIR": "env"})
    assert (settings.data_dir, settings.bind) == ("option", "127.0.0.1:1")


def test_the_file_may_be_named_by_the_environment(file: Path, tmp_path: Path) -> None:
    """SANDBOXD_CONFIG names the file, and the option wins over it."""
    (tmp_path / "other.toml").write_text('node = "other"')
    environment = {"SANDBOXD_CONFIG": str(file)}
    assert load_settings(environment=environment).node == "file"
    assert load_settings(config=str(tmp_path / "other.toml"), environment=environment).node == "other"


def test_it_is_known_where_each_setting_comes_from(file: Path) -> None:
    """The last one that set it; what nobody set is not named."""
    loaded = load(
        config=str(file), options={"data_dir": "o", "bind": None}, environment={"SANDBOXD_DATA_DIR": "v", "SANDBOXD_NODE": "v"}
    )
    named = f"file {file}"
    assert loaded.origins == {
        "data_dir": "option --data-dir",
        "node": "variable SANDBOXD_NODE",
        "bind": named,
        "pool.ahead": named,
    }


def test_empty_variables_are_not_set(file: Path) -> None:
    """A variable with nothing in it does not win over the file."""
    settings = load_settings(config=str(file), environment={"SANDBOXD_DATA_DIR": "", "SANDBOXD_CONFIG": ""})
    assert settings.data_dir == "file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unknown = 1", ["1: unknown: unknown key"]),
        ("[pool]\nunknown = 1", ["2: pool.unknown: unknown key"]),
        ("[pool.more]\na = 1", ["1: pool.more: unknown key"]),
        ("[pool]\nrunning = -1", ["pool.running"]),
        ("[pool]\nrunning = 1.5", ["pool.running", "int"]),
        ("pool = 1", ["pool: must be a table"]),
        ("doors = ['code']", ["1: doors", "'code'"]),
        ("log_level = 'loud'", ["1: log_level", "'loud'"]),
        ("[queue]\nrunning_percent = 0", ["queue.running_percent"]),
        ("[queue]\nrunning_percent = 101", ["queue.running_percent"]),
        ("[retention]\nage_days = 0", ["retention.age_days"]),
        ("[retention]\nunknown = 1", ["retention.unknown"]),
        ("drain_ms = 0\n[pool]\nahead = 0", ["1: drain_ms", "3: pool.ahead"]),
        ("drain_ms = 0", ["drain_ms"]),
        ("bind = 8000", ["bind", "str"]),
        ("[metrics]\nbind = 9464", ["metrics.bind", "str"]),
        ("[metrics]\nport = 9464", ["metrics.port"]),
        ("data_dir = ''", ["data_dir"]),
        ("node = ]", ["line 1"]),
        ("a = 1\na = 2\n", ["line 2"]),
    ],
)
def test_a_wrong_file_is_named_with_the_key(tmp_path: Path, text: str, words: list[str]) -> None:
    """The text names the file and the line, and every key that is wrong."""
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(config=str(path), environment={})
    assert [word for word in [str(path), *words] if word not in caught.value.message] == []


def test_a_wrong_file_is_refused_although_an_option_covers_it(tmp_path: Path) -> None:
    """An option does not repair the file's mistake."""
    path = tmp_path / "c.toml"
    path.write_text("data_dir = 1")
    with pytest.raises(SettingsError, match="data_dir"):
        load_settings(config=str(path), options={"data_dir": "right"}, environment={})


def test_a_wrong_option_is_not_blamed_on_the_file(file: Path) -> None:
    """A file that is right is not named."""
    with pytest.raises(SettingsError) as caught:
        load_settings(config=str(file), options={"data_dir": ""}, environment={})
    assert caught.value.message.startswith("data_dir is wrong: ")
    assert caught.value.message.endswith(" (option --data-dir)")


@pytest.mark.parametrize("content", [None, b"\xff", b"a = '\xff'"])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, or no text, is named."""
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        load_settings(config=str(path), environment={})
    assert str(path) in caught.value.message


def test_a_policy_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """`policies` must be a folder."""
    path = tmp_path / "c.toml"
    path.write_text(f'policies = "{tmp_path}/nope"')
    with pytest.raises(SettingsError, match=r"^policies is .*/nope, which is not a folder \(file .*/c\.toml\)$"):
        load_settings(config=str(path), environment={})


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:80", ("::1", 80)),
        ("a-b.example:1", ("a-b.example", 1)),
    ],
)
def test_an_address_is_host_and_port(bind: str, address: tuple[str, int]) -> None:
    """IPv6 addresses stand in brackets."""
    assert Settings(bind=bind).address == address


@pytest.mark.parametrize(
    "bind", ["", ":1", "a", "a:", "a:b", "a:65536", "a:-1", "a:1:2", "::1:80", "[::1]", "[a]:1", "[]:1", "a/b:1", "a :1", "a:٣"]
)
def test_anything_else_is_no_address(bind: str) -> None:
    """The text gives an example and what was found."""
    with pytest.raises(SettingsError, match="bind must be HOST:PORT, like ") as caught:
        load_settings(options={"bind": bind}, environment={})
    assert caught.value.message.endswith(f"{bind!r} (option --bind)")


def test_a_home_that_is_not_there_is_named() -> None:
    """A ~ that stands for nothing is the operator's to solve, and the text says how."""
    with pytest.raises(SettingsError, match="SANDBOXD_DATA_DIR"):
        _ = Settings(data_dir="~nobody-of-this-name/data").data_path


def test_the_actions_root_comes_from_all_three(tmp_path: Path) -> None:
    """[actions] root, SANDBOXD_ACTIONS_ROOT and the option, the last one winning; the rest of the table stays."""
    for name in ("file", "env", "option"):
        (tmp_path / name).mkdir()
    (tmp_path / "c.toml").write_text(f'[actions]\nroot = "{tmp_path / "file"}"\nexecutions = 7\n')
    config, environment = str(tmp_path / "c.toml"), {"SANDBOXD_ACTIONS_ROOT": str(tmp_path / "env")}
    found = [
        load_settings(config=config, environment={}),
        load_settings(config=config, environment=environment),
        load_settings(config=config, environment=environment, options={"actions.root": str(tmp_path / "option")}),
    ]
    assert [Path(settings.actions.root).name for settings in found] == ["file", "env", "option"]
    assert [settings.actions.executions for settings in found] == [7, 7, 7]


def test_an_actions_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """The text names the setting."""
    with pytest.raises(SettingsError, match=r"actions\.root is .*nope.*\(variable SANDBOXD_ACTIONS_ROOT\)"):
        load_settings(environment={"SANDBOXD_ACTIONS_ROOT": str(tmp_path / "nope")})
    with pytest.raises(SettingsError, match=r"actions\.root is .*nope.*\(option --actions-root\)"):
        load_settings(options={"actions.root": str(tmp_path / "nope")}, environment={})


def test_an_actions_root_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the data directory may."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "actions").mkdir()
    settings = load_settings(environment={"SANDBOXD_ACTIONS_ROOT": "~/actions"})
    assert settings.actions.folder == str(tmp_path / "actions")


def test_metrics_have_an_address_or_none() -> None:
    """Loopback if nothing is set; empty in the file is no listener; the variable wins; anything else is refused by name."""
    assert Settings().metrics.address == ("127.0.0.1", 9464)
    assert MetricsSettings(bind="").address is None
    assert load_settings(environment={"SANDBOXD_METRICS_BIND": "[::1]:0"}).metrics.address == ("::1", 0)
    with pytest.raises(SettingsError, match=r"metrics\.bind must be HOST:PORT, like .* not 'here'"):
        load_settings(environment={"SANDBOXD_METRICS_BIND": "here"})
