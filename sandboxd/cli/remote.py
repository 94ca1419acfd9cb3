"""sandboxd exec, sandboxd executions: a daemon's executions, from anywhere."""

import sys
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from sandboxd.cli.client import Client, path_of
from sandboxd.cli.common import FAILED, SUCCESS, mistakes, read_code
from sandboxd.errors import RemoteError

F = TypeVar("F", bound=Callable[..., Any])
_PAGE_BYTES = 1 << 20


_url = click.option("--url", envvar="SANDBOXD_URL", default="http://127.0.0.1:8000", show_default=True, help="The daemon.")
_token = click.option(
    "--token", envvar="SANDBOXD_TOKEN", required=True, help="Who asks; in SANDBOXD_TOKEN nobody else sees it."
)


def remote(command: F) -> F:
    """The options that say which daemon, and who asks."""
    return _url(_token(command))


@click.command("exec")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@remote
@click.option("--timeout-secs", type=int, help="Wall clock; the daemon's default if absent.")
@click.option("--memory-mb", type=int, help="Memory; the daemon's default if absent.")
@click.option("--detach", is_flag=True, help="Print the execution's id and leave it alone.")
@click.option("--json", "as_json", is_flag=True, help="The whole execution and its output as JSON, when it has ended.")
@mistakes
def execute(
    file: Any, url: str, token: str, timeout_secs: int | None, memory_mb: int | None, detach: bool, as_json: bool
) -> None:
    """Run FILE (- is standard input) on a daemon, and show its output as it comes. Ctrl-C cancels it."""
    client, key = Client(url, token), str(uuid.uuid4())
    asked = {"code": read_code(file), "execution_timeout_secs": timeout_secs, "heap_memory_max_mb": memory_mb}
    execution_id = ""
    try:
        execution_id = client.submit(asked, key)
        if detach:
            click.echo(execution_id)
            return
        info = _follow(client, execution_id, as_json)
    except (KeyboardInterrupt, BrokenPipeError):
        _give_up(client, execution_id or client.submit(asked, key))  # interrupted before its id was known, it has one
        raise
    sys.exit(SUCCESS if info["status"] == "completed" else FAILED)


def _follow(client: Client, execution_id: str, as_json: bool) -> Any:
    """Shows an execution until it has ended; what became of it."""
    texts: list[str] = []
    show: Callable[[str], object] = texts.append if as_json else _write
    info: dict[str, Any] = {}
    for event in client.events(execution_id):
        if event.kind == "log":
            show(event.data["text"])
        elif event.kind == "finished":
            info = {key: value for key, value in event.data.items() if key != "at"}
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(info | {"output": "".join(texts)})).decode())
    elif info["error"] is not None:
        click.echo(info["error"], err=True)
    elif info["result"] != "null":  # what a program has that only prints
        click.echo(info["result"])
    if not as_json:
        click.echo(info["status"], err=True)
    return info


def _write(text: str) -> None:
    """As it was printed: no line end of ours, no encoding of the terminal's."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _give_up(client: Client, execution_id: str) -> None:
    try:
        client.ask("POST", path_of(execution_id, "/cancel"))
        click.echo("cancelled", err=True)
    except RemoteError as problem:  # it may have ended by itself
        click.echo(f"sandboxd: {problem.message}", err=True)


@click.group()
def executions() -> None:
    """Executions on a daemon."""


@executions.command("list")
@remote
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, the newest first.")
@mistakes
def executions_list(url: str, token: str, limit: int) -> None:
    """List your executions, one a line: id, status, started, completed."""
    for each in Client(url, token).ask("GET", "/api/executions", limit=limit)["executions"]:
        click.echo("\t".join([each["execution_id"], each["status"], each["started_at"], each["completed_at"] or "-"]))


@executions.command("get")
@click.argument("execution_id")
@click.option("--wait", type=click.IntRange(0, 60), help="Seconds to wait for its end.")
@remote
@mistakes
def executions_get(execution_id: str, wait: int | None, url: str, token: str) -> None:
    """Print an execution as JSON."""
    info = Client(url, token).ask("GET", path_of(execution_id), wait=wait)
    click.echo(msgspec.json.format(msgspec.json.encode(info)).decode())


@executions.command("output")
@click.argument("execution_id")
@remote
@mistakes
def executions_output(execution_id: str, url: str, token: str) -> None:
    """Print what an execution has printed so far."""
    client, offset = Client(url, token), 0
    while True:
        path = path_of(execution_id, "/output")
        page = client.ask("GET", path, byte_offset=offset, byte_limit=_PAGE_BYTES)
        _write(page["data"])
        offset = page["next_byte_offset"]
        if not page["has_more"]:
            return


@executions.command("cancel")
@click.argument("execution_id")
@remote
@mistakes
def executions_cancel(execution_id: str, url: str, token: str) -> None:
    """Cancel an execution."""
    Client(url, token).ask("POST", path_of(execution_id, "/cancel"))
