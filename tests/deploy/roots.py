"""Clean Debian systems to install things in: made once by debootstrap in build/roots, then copied for each test. Root and network."""
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import unittest

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
ROOTS = os.path.join(REPOSITORY, "build/roots")
LISTS_LAST = 86400  # seconds: later a mirror may no longer have what its lists named
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} gave {done.returncode}:\n{done.stdout}")
    return done.stdout


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


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
        if not os.path.exists(directory) or time.time() - os.path.getctime(directory) > LISTS_LAST:
            shutil.rmtree(directory, ignore_errors=True)
            half = directory + ".half"
            shutil.rmtree(half, ignore_errors=True)
            options = ["--include=" + ",".join(include)] if include else []
            done = subprocess.run(["debootstrap", "--variant=minbase", *options, suite, half, MIRROR], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise unittest.SkipTest(f"{MIRROR} does not give {suite}: " + done.stdout.strip().splitlines()[-1])
            shutil.copy("/etc/resolv.conf", os.path.join(half, "etc/resolv.conf"))
            inside(half, "apt-get", "update")
            os.rename(half, directory)
    return directory


@contextlib.contextmanager
def copy(directory):
    with tempfile.TemporaryDirectory(prefix="fencewatch-root-") as place:
        root = os.path.join(place, "root")
        run("cp", "-a", directory, root)
        yield root


def inside(root, *command, bound=None, **environment):
    """What the command says in that root; fails if it fails. Its /proc is of a process namespace that dies with it, as are directories of this
    machine that are `bound` to places in it: {here: there}."""
    for here, there in (bound or {}).items():
        os.makedirs(here, exist_ok=True)
        os.makedirs(os.path.join(root, there.lstrip("/")), exist_ok=True)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", **environment}
    binds = [word for here, there in (bound or {}).items() for word in (here, os.path.join(root, there.lstrip("/")))]
    script = 'root=$0; while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec chroot "$root" "$@"'
    return run("unshare", "--fork", "--kill-child", "--pid", "--mount-proc=" + os.path.join(root, "proc"), "sh", "-euc", script, root, *binds, "--", *command,
               env=environment)
