"""Makes the toy catalogs and questions importable by the tests beside them."""

import sys
from pathlib import Path

# Test modules are imported by path, so a module beside them is found only if told where.
sys.path.insert(0, str(Path(__file__).parent))
