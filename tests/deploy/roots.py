"""Clean Debian systems to install things in: made once by debootstrap in build/roots, then copied for each test. Root and network."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import unittest

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
ROOTS = os.path.join(REPOSITORY, "build/roots")
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} gave {done.returncode}:\n{done.stdout}")
    return done.stdout


def needs_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")


def base(suite="bookworm", include=()):
    """The directory of a minimal system with the package lists of its mirror; to be read only. Skips without debootstrap or a mirror."""
    needs_root()
    if shutil.which("debootstrap") is None:
        raise unittest.SkipTest("needs debootstrap")
    os.makedirs(ROOTS, exist_ok=True)
    directory = os.path.join(ROOTS, "-".join((suite, *include)))
    with open(directory + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(directory):
            half = directory + ".half"
            shutil.rmtree(half, ignore_errors=True)
            options = ["--include=" + ",".join(include)] if include else []
            done = subprocess.run(["debootstrap", "--variant=minbase", *options, suite, half, MIRROR], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise unittest.SkipTest(f"{MIRROR} does not give {suite}: " + done.stdout.strip().splitlines()[-1])
            os.rename(half, directory)
    return directory


@contextlib.contextmanager
def copy(directory):
    with tempfile.TemporaryDirectory(prefix="fencewatch-root-") as place:
        root = os.path.join(place, "root")
        run("cp", "-a", directory, root)
        shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
        yield root


def inside(root, *command, **environment):
    """What the command says in that root; fails if it fails. Its /proc is of a process namespace that dies with it."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", **environment}
    return run("unshare", "--fork", "--kill-child", "--pid", "--mount-proc=" + os.path.join(root, "proc"), "chroot", root, *command,
               env=environment)
