"""Builds what is released where nothing is installed: the lines of README's Install, in a clean Debian 12 with a clone of this repository.

    clean_build.py      build/packages is what came of it, build/packages-next of the next commit; the system stays in build/roots/builder

ccache is there too, with this machine's cache: it brings no tool that a build could lack."""
import os
import shutil

import readme
import roots
from roots import REPOSITORY, inside, run

BUILDER = os.path.join(roots.ROOTS, "builder")
ARCHIVES = os.path.join(roots.ROOTS, "archives")  # what apt has downloaded, for all roots


def cache():
    directory = os.environ.get("CCACHE_DIR") or run("ccache", "--get-config", "cache_dir").strip()
    os.makedirs(directory, exist_ok=True)
    return directory


def shared():
    """{directory of this machine: where a root has it}: what need not be compiled or downloaded twice."""
    os.makedirs(os.path.join(ARCHIVES, "partial"), exist_ok=True)
    return {cache(): "/root/.cache/ccache", ARCHIVES: "/var/cache/apt/archives"}


def in_builder(*command, **environment):
    return inside(BUILDER, *command, bound=shared(), **environment)


def install_ccache(root):
    inside(root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "ccache", bound=shared())


def clone(place):
    """Of this checkout as it is, with what was not committed."""
    run("git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, place)
    names = run("git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        source, there = os.path.join(REPOSITORY, name), os.path.join(place, name)
        if os.path.lexists(there):
            os.remove(there)
        if os.path.lexists(source):
            os.makedirs(os.path.dirname(there), exist_ok=True)
            shutil.copy(source, there, follow_symlinks=False)


def keep(place, name):
    """What was made, as build/NAME of this checkout."""
    there = os.path.join(REPOSITORY, "build", name)
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(os.path.join(place, "build/packages"), there, symlinks=True)


def main():
    base = roots.base()
    shutil.rmtree(BUILDER, ignore_errors=True)
    run("cp", "-a", base, BUILDER)
    place = os.path.join(BUILDER, "repository")
    clone(place)
    install_ccache(BUILDER)
    for block in readme.blocks("README.md", "Install"):
        for line in block:
            if line.startswith("deploy/"):
                print(line, flush=True)
                print(in_builder("sh", "-euc", "cd /repository && " + line), flush=True)
    keep(place, "packages")
    # A later build, for upgrades: of the next commit.
    run("git", "-C", place, "-c", "user.name=next", "-c", "user.email=next@localhost", "commit", "--quiet", "--allow-empty", "--message=next")
    print(in_builder("/repository/deploy/package.sh"))
    keep(place, "packages-next")


if __name__ == "__main__":
    main()
