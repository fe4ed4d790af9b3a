"""The manual: help texts, man pages, the reference, and completion in real shells."""
