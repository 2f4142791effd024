"""The image of deploy/Dockerfile, built by buildah without a registry: the base image of its first stage is this machine, as far as the build
looks at it (Debian 12, mounted read-only, where tests/run.sh has installed what the build needs)."""
import atexit
import functools
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from roots import REPOSITORY, needs_root, run

EPOCH = "1700000000"
LINE = 'buildah bud -f deploy/Dockerfile --build-arg REVISION="$(git rev-parse --short=12 HEAD)" -t fencewatch .'  # of the READMEs
READ_ONLY = ("/usr", "/etc/alternatives", "/etc/ssl", "/var/lib/dpkg")


class Store:
    """Images and containers in a directory of their own, gone with the process."""

    def __init__(self):
        needs_root()
        if shutil.which("buildah") is None:
            raise unittest.SkipTest("needs buildah")
        self.directory = tempfile.mkdtemp(prefix="fencewatch-images-")
        atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        self.command = ["buildah", "--storage-driver", "vfs", "--root", self.directory + "/root", "--runroot", self.directory + "/run"]

    def buildah(self, *arguments):
        return run(*self.command, *arguments, cwd=REPOSITORY).strip()

    def this_machine(self):
        skeleton = os.path.join(self.directory, "skeleton.tar")
        with tarfile.open(skeleton, "w") as tar:
            for name in ("tmp", "root", "proc", "sys", "dev", "run", "usr", "etc", "etc/alternatives", "etc/ssl", "var", "var/lib", "var/lib/dpkg"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            for name in ("bin", "sbin", "lib", "lib64"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, "usr/" + name
                tar.addfile(entry)
            for name in ("etc/passwd", "etc/group", "etc/ld.so.cache", "etc/debian_version"):
                tar.add("/" + name, name)
        container = self.buildah("from", "scratch")
        self.buildah("add", container, skeleton, "/")
        return self.buildah("commit", "--rm", "--quiet", container, "this-machine") and "localhost/this-machine"

    def build(self, tag, cached=True):
        """By LINE, with a buildah that knows where it is."""
        cache = os.environ.get("CCACHE_DIR") or run("ccache", "--get-config", "cache_dir").strip()
        os.makedirs(cache, exist_ok=True)
        mounts = [f"--volume={path}:{path}:ro" for path in READ_ONLY] + [f"--volume={cache}:/root/.cache/ccache"]
        here = [*self.command, "bud", "--quiet", *([] if cached else ["--no-cache"]), "--isolation", "chroot", "--pull-never", *mounts,
                "--timestamp", EPOCH, "--build-arg", "BASE=localhost/this-machine", "--tag", tag]
        program = os.path.join(self.directory, "bin/buildah")
        os.makedirs(os.path.dirname(program), exist_ok=True)
        with open(program, "w") as file:
            file.write(f"#!/bin/sh\nshift\nexec {shlex.join([shutil.which('buildah'), *here[1:]])} \"$@\"\n")
        os.chmod(program, 0o755)
        run("sh", "-euc", LINE, cwd=REPOSITORY, env={**os.environ, "PATH": os.path.dirname(program) + ":" + os.environ["PATH"]})

    def digest(self, tag):
        return self.buildah("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", tag)

    def described(self, tag):
        return json.loads(self.buildah("inspect", "--type", "image", tag))["OCIv1"]

    def files(self, tag):
        """Where the files of the image are."""
        return self.buildah("mount", self.buildah("from", "--pull-never", tag))


@functools.cache
def built():
    """(store, tag), once for all tests."""
    store = Store()
    store.this_machine()
    store.build("fencewatch")
    return store, "fencewatch"
