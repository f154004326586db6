"""Every link and picture of the Markdown files below a folder that leads to a file leads to one that is there."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
found, dangling = 0, []
for path in sorted(root.rglob("*.md")):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:|#", target):
            continue
        found += 1
        if not (path.parent / target.split("#")[0]).exists():
            dangling.append(f"{path.relative_to(root)} -> {target}")
for line in dangling:
    print(line, file=sys.stderr)
if not found:
    print(f"there are no links below {root}", file=sys.stderr)
sys.exit(bool(dangling) or not found)
