"""The images of deploy/Dockerfile for both machines, built by buildah by the line of the READMEs. The base image, debian:bookworm-slim there, is
a clean Debian 12 of debootstrap's here, with ccache added: no registry of images is asked."""
import atexit
import functools
import json
import os
import shlex
import shutil
import tempfile
import unittest

import clean_build
import readme
import roots
from roots import REPOSITORY, needs_root, run

EPOCH = "1700000000"
ARCHITECTURES = ("amd64", "arm64")


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

    def clean_debian(self):
        container = self.buildah("from", "scratch")
        mounted = self.buildah("mount", container)
        run("cp", "-a", roots.base() + "/.", mounted)
        clean_build.install_ccache(mounted)
        self.buildah("umount", container)
        self.buildah("commit", "--rm", "--quiet", container, "clean-debian")

    def build(self):
        """By the line of the READMEs, with a buildah that knows where it is."""
        mounts = [f"--volume={here}:{there}" for here, there in clean_build.shared().items()]
        here = [*self.command, "bud", "--quiet", "--isolation", "chroot", "--pull-never", *mounts,
                "--timestamp", EPOCH, "--build-arg", "BASE=localhost/clean-debian"]
        program = os.path.join(self.directory, "bin/buildah")
        os.makedirs(os.path.dirname(program), exist_ok=True)
        with open(program, "w") as file:
            file.write(f"#!/bin/sh\nshift\nexec {shlex.join([shutil.which('buildah'), *here[1:]])} \"$@\"\n")
        os.chmod(program, 0o755)
        line, = readme.block("buildah bud")
        run("sh", "-euc", line, cwd=REPOSITORY, env={**os.environ, "PATH": os.path.dirname(program) + ":" + os.environ["PATH"]})

    def index(self):
        """{architecture: digest} of the index."""
        manifests = json.loads(self.buildah("manifest", "inspect", "fencewatch"))["manifests"]
        return {manifest["platform"]["architecture"]: manifest["digest"] for manifest in manifests}

    def tags(self):
        """{architecture: image} of the index."""
        images = json.loads(self.buildah("images", "--all", "--json"))
        by_digest = {image["digest"]: image["id"] for image in images}
        return {architecture: by_digest[digest] for architecture, digest in self.index().items()}

    def described(self, tag):
        return json.loads(self.buildah("inspect", "--type", "image", tag))["OCIv1"]

    def files(self, tag):
        """Where the files of the image are."""
        return self.buildah("mount", self.buildah("from", "--pull-never", tag).split()[-1])  # it warns of another machine's


@functools.cache
def built():
    """(store, {architecture: image}), once for all tests."""
    store = Store()
    store.clean_debian()
    store.build()
    return store, store.tags()
