"""The example of docs/sources.md, as the module of a package."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs/sources.md"
CODE = re.search(r"<!-- example -->\n```python\n(.*?)```", _DOCS.read_text("utf-8"), re.DOTALL)[1]
exec(compile(CODE, str(_DOCS), "exec"))
