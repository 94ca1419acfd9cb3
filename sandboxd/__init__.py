"""sandboxd: runs untrusted JavaScript, each execution in a fresh operating-system process of its own."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for: the launcher imports this package without any other."""
    if name == "__version__":
        from importlib.metadata import version

        return version("sandboxd")
    raise AttributeError(name)
