"""Builds what is released where nothing is installed: the lines of README's Install, in a clean Debian 12 with a clone of this repository.

    clean_build.py      build/packages is what came of it; the system stays in build/roots/builder

ccache is there too, with this machine's cache: it brings no tool that a build could lack."""
import glob
import os
import shutil
import subprocess

import readme
import roots
from roots import REPOSITORY, inside, run

BUILDER = os.path.join(roots.ROOTS, "builder")
ARCHIVES = os.path.join(roots.ROOTS, "archives")  # what apt has downloaded, for all roots


def cache():
    directory = os.environ.get("CCACHE_DIR") or run("ccache", "--get-config", "cache_dir").strip()
    os.makedirs(directory, exist_ok=True)
    return directory


def in_builder(*command, **environment):
    return inside(BUILDER, *command, bound={cache(): "/root/.cache/ccache", ARCHIVES: "/var/cache/apt/archives"}, **environment)


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


def main():
    base = roots.base()
    shutil.rmtree(BUILDER, ignore_errors=True)
    run("cp", "-a", base, BUILDER)
    clone(os.path.join(BUILDER, "repository"))
    os.makedirs(os.path.join(ARCHIVES, "partial"), exist_ok=True)
    in_builder("apt-get", "install", "-y", "-qq", "--no-install-recommends", "ccache", DEBIAN_FRONTEND="noninteractive")
    for line in readme.block("deploy/package.sh"):
        print(line, flush=True)
        print(in_builder("sh", "-euc", "cd /repository && " + line))
    packages = os.path.join(REPOSITORY, "build/packages")
    shutil.rmtree(packages, ignore_errors=True)
    shutil.copytree(os.path.join(BUILDER, "repository/build/packages"), packages, symlinks=True)
    assert len(glob.glob(packages + "/*.deb")) == 2, os.listdir(packages)


if __name__ == "__main__":
    main()
