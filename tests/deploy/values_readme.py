"""The table of values in the chart's README.md, from the comments of values.yaml: the line above a value tells what it is."""
import json
import re

import yaml

BEGIN, END = "<!-- values: generated -->\n", "<!-- end of values -->\n"


def rows(text):
    """(path, default, description) of each commented value. A comment belongs to the value below it."""
    values = yaml.safe_load(text)
    path, comment, found = [], None, []
    for line in text.splitlines()[1:]:
        if match := re.match(r"( *)# (.*)", line):
            comment = match.group(2)
        elif match := re.match(r"( *)([A-Za-z]\w*):", line):
            depth = len(match.group(1)) // 2
            path = path[:depth] + [match.group(2)]
            if comment is not None:
                value = values
                for key in path:
                    value = value[key]
                found.append((".".join(path), json.dumps(value), comment))
            comment = None
    return found


def table(text):
    lines = ["| value | default | |\n", "|---|---|---|\n"]
    return "".join(lines + [f"| `{path}` | `{default}` | {what} |\n" for path, default, what in rows(text)])


def leaves(value, path=()):
    """Paths to all that is no map, or is an empty one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield ".".join(path)
