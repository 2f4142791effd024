"""Whether an SBOM is one, and tells of what is there."""
import json

import manifests
from roots import sha256


def files(document):
    """{path on the machine that made it: SHA-256}."""
    return {file["name"]: file["hashes"][0]["content"] for package in document["components"] for file in package.get("components", [])}


def check(test, text, shipped):
    """Valid, with nothing that CycloneDX 1.6 does not know; each file of it is, byte by byte, where `shipped(path)` says."""
    test.assertEqual(manifests.faults("sbom", text), [])
    document = json.loads(text)
    listed = files(document)
    test.assertGreater(len(listed), 20)
    for path, content in listed.items():
        test.assertEqual(sha256(shipped(path)), content, path)
    names = [package["name"] for package in document["components"]]
    test.assertEqual(len(names), len(set(names)))
    for name in ("libc6", "libstdc++6", "libcivetweb1", "libcli11-dev"):
        test.assertIn(name, names)
    for broken in ({**document, "bomFormat": "SPDX"}, {**document, "colour": "blue"}, {**document, "components": [{"name": "no type"}]}):
        test.assertNotEqual(manifests.faults("sbom", json.dumps(broken)), [])
