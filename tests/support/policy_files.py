"""Folders of policies that differ from the shipped ones."""

import shutil
from pathlib import Path

import policies

PROFILE = "profiles/code-nodes.toml"


def changed_policies(folder: Path, *, fetch: str = "", more: str = "", hosts: dict[str, str] | None = None) -> str:
    """The shipped policies in `folder`: `fetch` are more keys of [fetch], `more` more tables, `hosts` more keys of an entry.

    Gives the path of a configuration that says so.
    """
    home = folder / "policies"
    shutil.copytree(policies.HOME, home)
    text = (home / PROFILE).read_text().replace('# base_url = ""', fetch)
    for host, keys in (hosts or {}).items():
        assert f'host = "{host}"\n' in text
        text = text.replace(f'host = "{host}"\n', f'host = "{host}"\n{keys}\n')
    (home / PROFILE).write_text(f"{text}\n{more}\n")
    config = folder / "policies.toml"
    config.write_text(f'policies = "{home}"\n')
    return str(config)


def edit(config: str, file: str, *pairs: tuple[str, str]) -> None:
    """Replaces texts, each of which stands once, in a policy file of that configuration."""
    path = Path(config).parent / "policies" / file
    text = path.read_text()
    for before, after in pairs:
        assert text.count(before) == 1, (file, before)
        text = text.replace(before, after)
    path.write_text(text)
