"""The lines that README.md tells to copy under Install."""
import os
import re

from roots import REPOSITORY


def blocks(name, heading):
    """Lists of lines, one for each block of shell."""
    with open(os.path.join(REPOSITORY, name)) as file:
        section = file.read().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)]


def block(start):
    """The lines of the only block that begins so."""
    found = [each for each in blocks("README.md", "Install") if each[0].startswith(start)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} blocks begin with {start}")
    return found[0]
