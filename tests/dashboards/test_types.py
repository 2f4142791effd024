"""The dashboards are what the types of @grafana/schema say, and the check sees when they are not."""
import copy
import json
import shutil
import subprocess
import tempfile
import unittest

import npm
from dashboards import dashboards


def typed(literals):
    """What tsc says of each as a DashboardJson. Unknown fields are errors in literals only, hence no import of JSON."""
    where = npm.packages()
    with tempfile.TemporaryDirectory(dir=where) as directory:
        shutil.copy(npm.HERE / "json.ts", directory)
        for name, value in literals.items():
            text = json.dumps(value, ensure_ascii=False)
            with open(f"{directory}/{name}.ts", "w") as file:
                file.write(f"import type {{ DashboardJson }} from './json.js';\nexport const dashboard = {text} satisfies DashboardJson;\n")
        files = [f"{directory}/{name}.ts" for name in literals]
        done = subprocess.run(["node", where / "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "node16", *files],
                              cwd=directory, capture_output=True, text=True, check=False)
        return {name: [line for line in done.stdout.splitlines() if f"{name}.ts(" in line] for name in literals}


class Types(unittest.TestCase):
    def test_dashboards_and_mistakes(self):
        good = {name.removesuffix(".json"): dashboard for name, dashboard in dashboards().items()}
        unknown, missing = copy.deepcopy(good["node"]), copy.deepcopy(good["node"])
        unknown["refreshes"] = "30s"
        del missing["panels"][0]["fieldConfig"]["overrides"]
        said = typed(good | {"unknown-field": unknown, "missing-field": missing})
        for name in good:
            self.assertEqual(said[name], [], name)
        self.assertIn("refreshes", "".join(said["unknown-field"]))
        self.assertIn("overrides", "".join(said["missing-field"]))


if __name__ == "__main__":
    unittest.main()
