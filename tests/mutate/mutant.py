"""A mutant: one file of the product with one thing changed in it; and who noticed."""

from msgspec import Struct


class Mutant(Struct, frozen=True):
    """`text` is what the file would be. `where` names the rule or function, `what` the change."""

    file: str
    where: str
    what: str
    text: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.file} {self.where}: {self.what}"


class Found(Struct, frozen=True):
    """A mutant and the probe that noticed it; none did when `probe` is empty. `what` is what that probe saw."""

    mutant: Mutant
    probe: str
    what: str = ""
