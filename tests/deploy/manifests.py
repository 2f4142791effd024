"""What kustomize and the chart give, and what the types of Kubernetes and the prometheus-operator say of it."""
import filecmp
import functools
import json
import os
import re
import shutil
import subprocess
import unittest

import yaml

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
HERE = os.path.join(REPOSITORY, "tests/deploy")
BUILD = os.path.join(REPOSITORY, "build")
CHART = os.path.join(REPOSITORY, "deploy/helm/fencewatch")


def run(command, text=None, **options):
    done = subprocess.run(command, input=text, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} gave {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


@functools.cache
def _client_version():
    return run(["kubectl", "version", "--client"])


@functools.cache
def _kustomized(directory):
    return run(["kubectl", "kustomize", os.path.join(REPOSITORY, "deploy/kubernetes", directory)])


def kustomize(directory):
    """The manifests of a directory below deploy/kubernetes, without any option that a user would have to know of."""
    if shutil.which("kubectl") is None:
        raise unittest.SkipTest("needs kubectl")
    version = re.search(r"Kustomize Version: v(\d+)", _client_version())
    if version is None or int(version.group(1)) < 4:
        raise unittest.SkipTest("needs kubectl 1.24 or newer")
    return documents(_kustomized(directory))


@functools.cache
def renderer():
    """The program that stands in for Helm, built by Debian's Go with Debian's sprig."""
    sprig = "/usr/share/gocode/src/github.com/Masterminds/sprig"
    if shutil.which("go") is None or not os.path.isdir(sprig):
        raise unittest.SkipTest("needs golang-go and golang-github-masterminds-sprig-dev")
    program = os.path.join(BUILD, "render/render")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOCACHE": os.path.join(BUILD, "render/cache")}
    run(["go", "build", "-o", program, os.path.join(HERE, "render/main.go")], env=environment)
    return program


def render(*value_files, release="fencewatch", namespace="fencewatch"):
    """(values, {template: text}) of the chart."""
    rendered = json.loads(run([renderer(), CHART, release, namespace, *value_files]))
    return rendered["values"], rendered["templates"]


def chart(*value_files, **release):
    _, templates = render(*value_files, **release)
    return [manifest for name, text in templates.items() if name != "NOTES.txt" for manifest in documents(text)]


def documents(text):
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def only(manifests, kind, name=None):
    found = [m for m in manifests if m["kind"] == kind and name in (None, m["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} of kind {kind}")
    return found[0]


@functools.cache
def npm():
    """The directory with the packages of tests/deploy/npm."""
    if shutil.which("npm") is None:
        raise unittest.SkipTest("needs npm")
    place = os.path.join(BUILD, "npm")
    os.makedirs(place, exist_ok=True)
    lock = os.path.join(HERE, "npm/package-lock.json")
    stamp = os.path.join(place, "installed-lock.json")
    if not os.path.exists(stamp) or not filecmp.cmp(lock, stamp, shallow=False):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, "npm", name), place)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place, capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest("npm ci failed: " + (done.stderr.strip().splitlines() or ["?"])[-1])
        shutil.copy(lock, stamp)
    shutil.copy(os.path.join(HERE, "npm/check.mjs"), place)
    return place


def faults(what, text):
    """Lines of check.mjs; none when all is well."""
    done = subprocess.run(["node", "check.mjs", what], input=text, cwd=npm(), capture_output=True, text=True)
    if done.returncode != (1 if done.stdout else 0):
        raise AssertionError(f"check.mjs {what}: {done.stderr}")
    return done.stdout.splitlines()
