"""Programs that pass for a Node and then do something else."""

import stat
import sys
from pathlib import Path
from typing import Any

import msgspec

from sandboxd.executions.engine import most
from sandboxd.models import Limits
from sandboxd.policy.model import Policy, Profile
from sandboxd.pool import runtime
from sandboxd.pool.launching import Plan

_HEAD = """#!{python} -IS
import os, signal, struct, sys, time
if "--version" in sys.argv:
    print({version!r})
    raise SystemExit
def send(data):
    while data:
        data = data[os.write(3, data):]
def frame(text):
    body = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">I", len(body)) + body
def receive():
    size = struct.unpack(">I", read(4))[0]
    return read(size)
def read(size):
    data = b""
    while len(data) < size:
        more = os.read(3, size - len(data))
        if not more:
            os._exit(0)
        data += more
    return data
READY = frame('{{"type":"ready","node":"24.0.0","typescript":false}}')
LOG = frame('{{"type":"log","level":"log","text":"said"}}')
DONE = frame('{{"type":"done","value":1}}')
"""


def fake_node(folder: Path, body: str, *, version: str = "v24.0.0", name: str = "node") -> str:
    """An executable that answers --version and then runs `body`, which has send, receive, frame, READY, LOG and DONE."""
    return _write(folder / name, _HEAD.format(python=sys.executable, version=version) + body)


def shell_node(folder: Path, script: str, *, name: str = "node") -> str:
    """An executable shell script; `script` sees its arguments."""
    return _write(folder / name, f"#!/bin/sh\n{script}\n")


def _write(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(path)


def plan(node: runtime.Node, profile: Profile, limits: Limits, **more: Any) -> Plan:
    """The product's plan; for a script, whose interpreter no jail lets in, without walls."""
    with Path(node.path).open("rb") as file:
        script = file.read(2) == b"#!"
    made = runtime.plan(node, profile, limits, **(more | {"workers": "exec"} if script else more))
    return msgspec.structs.replace(made, walls=None) if script else made


def how(policy: Policy, node: str = "", *, kind: runtime.Workers = "exec", **changes: object) -> Plan:
    """A plan for the shipped profile, with some of it replaced."""
    profile = policy.profiles["code-nodes"]
    made = plan(runtime.find_node(node), profile, most(profile), start_timeout_ms=30_000, workers=kind)
    return msgspec.structs.replace(made, **changes)
