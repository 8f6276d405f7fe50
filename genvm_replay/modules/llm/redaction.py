"""Keys kept out of everything that is told, logged or journaled."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

REMOVED: Final = "[removed]"
SECRET_CHARACTERS_MIN: Final = 8
"""What is shorter is a word that stands in for a key, such as `none`: answers must not lose their words to it."""


class Redactor:
    """Takes secrets out of texts, bytes, maps and lists: as they are, quoted for URLs and JSON, in Base64."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form for secret in secrets if len(secret) >= SECRET_CHARACTERS_MIN for form in _forms(secret)
        }
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def clean(self, value: Any) -> Any:
        """The same value without the secrets."""
        match value:
            case str():
                for form in self._forms:
                    value = value.replace(form, REMOVED)
            case bytes():
                for form in self._forms:
                    value = value.replace(form.encode(), REMOVED.encode())
            case Mapping():
                return {self.clean(key): self.clean(item) for key, item in value.items()}
            case list() | tuple():
                return [self.clean(item) for item in value]
        return value


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        encoded,
        encoded.rstrip("="),
    }
