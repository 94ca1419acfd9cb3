"""What can be said of a source without parsing it: the first two validation rules."""

from typing import Final

from sandboxd.models import Failure

# White space and line ends of ECMAScript, which are not those of str.strip().
_BLANK: Final = "\t\v\f \u00a0\ufeff\n\r\u2028\u2029\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def is_blank(text: str) -> bool:
    """Whether it is empty, or white space to a JavaScript engine."""
    return not text.strip(_BLANK)


def refuse(text: str, most_bytes: int) -> Failure | None:
    """The finding for an empty or too long source, None for any other."""
    if is_blank(text):
        return Failure("finding", "ValidationError", "Code cannot be empty")
    if len(text.encode()) > most_bytes:
        return Failure("finding", "ValidationError", f"Code exceeds maximum length ({most_bytes >> 10} KB)")
    return None
