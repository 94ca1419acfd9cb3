"""Writes the pages."""

from tools.reference import DOCS, texts

for path, text in texts().items():
    (DOCS / path).parent.mkdir(exist_ok=True)
    (DOCS / path).write_text(text)
    print(DOCS / path)
