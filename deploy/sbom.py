#!/usr/bin/python3
"""What is shipped with fencewatch, as a CycloneDX 1.6 document on stdout: each Debian package and the files of it that are taken along.

    deploy/libraries.sh BINARY [--corosync] | deploy/sbom.py BINARY VERSION

Both on this machine, or both in SYSROOT=….

Times are those of SOURCE_DATE_EPOCH; the same program and libraries give the same document.
"""
import datetime
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse
import uuid

SYSROOT = os.environ.get("SYSROOT", "")
COMPILED_IN = ["libcli11-dev"]  # headers only: no library tells of it


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def installed(packages):
    """{name: {version, architecture, source, source version, home page}} of installed packages."""
    fields = ["Package", "Version", "Architecture", "source:Package", "source:Version", "Homepage"]
    query = "\\t".join("${" + field + "}" for field in fields) + "\\n"
    lines = subprocess.check_output(["dpkg-query", f"--admindir={SYSROOT}/var/lib/dpkg", "-W", "-f", query, *packages], text=True).splitlines()
    return {values[0]: dict(zip(fields, values)) for values in (line.split("\t") for line in lines)}


def release():
    with open("/usr/lib/os-release") as file:
        values = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    return f"{values['ID']}-{values['VERSION_ID']}".replace('"', "")


def licences(package):
    """As the package's own copyright names them, when it is written in the format that can be read."""
    with open(f"{SYSROOT}/usr/share/doc/{package}/copyright", errors="replace") as file:
        lines = file.read().splitlines()
    if not lines or not lines[0].startswith("Format:"):
        return []
    names = sorted({line.split(":", 1)[1].strip() for line in lines if line.startswith("License:")} - {""})
    return [{"license": {"name": name}} for name in names]


def component(package, about, files, distribution):
    name, version = (urllib.parse.quote(text, safe="~") for text in (package, about["Version"]))
    reference = f"pkg:deb/debian/{name}@{version}?arch={about['Architecture']}&distro={distribution}"
    made = {"type": "library", "bom-ref": reference, "name": package, "version": about["Version"], "purl": reference,
            "properties": [{"name": "debian:source", "value": f"{about['source:Package']} {about['source:Version']}"}]}
    if names := licences(package):
        made["licenses"] = names
    if about["Homepage"]:
        made["externalReferences"] = [{"type": "website", "url": about["Homepage"]}]
    if files:
        made["components"] = [{"type": "file", "bom-ref": f"{reference}#{path}", "name": path,
                               "hashes": [{"alg": "SHA-256", "content": sha256(SYSROOT + path)}]} for path in sorted(files)]
    return made


def main():
    binary, version = sys.argv[1:]
    taken = {package: [] for package in COMPILED_IN}
    for line in sys.stdin:
        path, package = line.split()
        taken.setdefault(package, []).append(path)
    about, distribution = installed(taken), release()
    components = [component(package, about[package], files, distribution) for package, files in sorted(taken.items())]
    itself = {"type": "application", "bom-ref": f"pkg:generic/fencewatch@{urllib.parse.quote(version)}", "name": "fencewatch", "version": version,
              "purl": f"pkg:generic/fencewatch@{urllib.parse.quote(version)}", "licenses": [{"license": {"id": "Apache-2.0"}}],
              "hashes": [{"alg": "SHA-256", "content": sha256(binary)}]}
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
                "metadata": {"timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": itself},
                "components": components,
                "dependencies": [{"ref": itself["bom-ref"], "dependsOn": [c["bom-ref"] for c in components]}]}
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))}"
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
