"""What our proxy does otherwise than a case would have it, on purpose, and why: only of what is no MUST."""

from __future__ import annotations

#: The case's name, and the reason in one line.
ARGUED: dict[str, str] = {}
