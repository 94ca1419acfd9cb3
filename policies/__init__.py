"""Policies are data: this package only says where its files are."""

from pathlib import Path

HOME = Path(__file__).resolve().parent
