"""The one part of the package that is compiled; all else that setuptools is told stands in setup.cfg."""

import os

from setuptools import Extension, setup

# Optional: without a compiler the package installs as well, and Python does what the module would.
_PLAIN = Extension("netsuite.words._plain", ["netsuite/words/_plain.c"], optional=True)

# NETSUITE_PURE=1 makes the wheel that is for every machine.
setup(ext_modules=[] if os.environ.get("NETSUITE_PURE") == "1" else [_PLAIN])
