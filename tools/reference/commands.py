"""docs/reference/commands.md: every command, with what its --help says."""

from collections.abc import Iterator

import click

from sandboxd.cli import main
from tools.reference.markdown import table

_HEAD = """# Commands

Exit codes: 0 success, 1 the code's failure, 2 the caller's or the operator's mistake, 130 Ctrl-C. Every command has `--help`.

"""


def page() -> str:
    """The page."""
    return _HEAD + "\n".join(_told(path, command) for path, command in commands())


def commands(group: click.Group = main, before: str = "sandboxd") -> Iterator[tuple[str, click.Command]]:
    """All commands with their whole names; groups are none."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def _told(path: str, command: click.Command) -> str:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    usage = " ".join([path, *(each.make_metavar(click.Context(command)) for each in arguments)])
    text = f"## {path}\n\n`{usage}`: {' '.join((command.help or '').split())}\n"
    options = [each for each in command.params if isinstance(each, click.Option)]
    return text + ("\n" + table("option", "", rows=map(_option, options)) if options else "")


def _option(option: click.Option) -> tuple[str, str]:
    words = [", ".join(option.opts), *([option.metavar or option.name.upper()] if _takes_value(option) else [])]
    texts = [option.help or ""]
    if option.required:
        texts.append("Required.")
    if option.show_default and option.default is not None:
        texts.append(f"Default: `{option.default}`.")
    if option.envvar:
        texts.append(f"Also `{option.envvar}`.")
    return f"`{' '.join(words)}`", " ".join(texts)


def _takes_value(option: click.Option) -> bool:
    return not option.is_flag
