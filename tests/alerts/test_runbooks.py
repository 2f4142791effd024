"""Every alert has its runbook and every runbook its alert; they name what exists, and their arithmetic is the kernel's."""
import re
import subprocess
import unittest

from mixin import ALERTS, ROOT, alerts, known_metrics, recorded, used_metrics

RUNBOOKS = ALERTS / "runbooks"
SECTIONS = ["What it means", "How sure it is", "What to look at", "What to do now", "What to do for good", "How to tell that it worked"]
SECTIONS_ZH = ["含义", "可信度", "查看", "立即处理", "根治", "验证"]
# Recorded after the kernel had computed its marks anew, hence exact.
RECORDED = ROOT / "tests/fixtures/kernel/linux-6.1-miscount-recomputed/proc"
# What a command looks for in an exposition: '^fencewatch_a' or '^fencewatch_(a|b(_c|_d))'.
GREP = re.compile(r"'\^(fencewatch_[^']*)'")


def alternatives(pattern):
    """The words that a pattern of letters, groups and bars stands for."""
    inner = re.search(r"\(([^()]*)\)", pattern)
    if not inner:
        return [pattern]
    return [word for choice in inner.group(1).split("|") for word in alternatives(pattern[:inner.start()] + choice + pattern[inner.end():])]


class Runbooks(unittest.TestCase):
    def test_one_for_each_alert(self):
        self.assertEqual({file.stem for file in RUNBOOKS.iterdir()}, set(alerts()))

    def test_all_sections_in_both_languages(self):
        for file in RUNBOOKS.glob("*.md"):
            with self.subTest(file.stem):
                english, chinese = file.read_text().split("\n## 中文\n")
                self.assertEqual(re.findall(r"^\*\*(.*?)\.\*\*", english, re.M), SECTIONS)
                self.assertEqual(re.findall(r"^\*\*(.*?)。\*\*", chinese, re.M), SECTIONS_ZH)

    def test_metrics_exist(self):
        known = known_metrics() | recorded()
        for file in RUNBOOKS.glob("*.md"):
            with self.subTest(file.stem):
                text = file.read_text()
                for pattern in GREP.findall(text):
                    for start in alternatives(pattern):
                        self.assertTrue(any(name.startswith(start) for name in known), start)
                for name in used_metrics(GREP.sub("", text)):
                    self.assertIn(name, known)

    def test_documents_name_metrics_that_exist(self):
        known = known_metrics() | recorded()
        for name in ("README.md", "README.zh-CN.md", "alerts/README.md", "dashboards/README.md"):
            for metric in used_metrics((ROOT / name).read_text()):
                self.assertIn(metric, known, name)

    def test_commands_of_pcs_have_their_like_for_crm(self):
        for file in RUNBOOKS.glob("*.md"):
            for part in file.read_text().split("\n## 中文\n"):
                for line in part.splitlines():
                    with self.subTest(file.stem, line=line):
                        self.assertLessEqual(len(re.findall(r"\bpcs (?!stonith history)", line)), len(re.findall(r"\bcrm ", line)))
                        self.assertTrue("pcs stonith history" not in line or "stonith_admin --history" in line)

    def test_nodes_with_tls_are_asked_too(self):
        for file in RUNBOOKS.glob("*.md"):
            with self.subTest(file.stem):
                for part in file.read_text().split("\n## 中文\n"):
                    self.assertEqual("http://NODE:19664" in file.read_text(), "-u USER https://NODE:19664/" in part)

    def test_the_exporter_is_tried_as_the_user_of_its_service(self):
        unit = (ROOT / "deploy/systemd/fencewatch.service").read_text()
        user, group = (re.search(rf"^{key}=(.*)$", unit, re.M).group(1) for key in ("User", "Group"))
        also = re.search(r"^SupplementaryGroups=(.*)$", unit, re.M).group(1)
        config = re.search(r"^ExecStart=\S+ (--config.file=\S+)", unit, re.M).group(1)
        lines = [line for file in RUNBOOKS.glob("*.md") for line in file.read_text().splitlines() if "fencewatch --once" in line]
        self.assertTrue(lines)
        for line in lines:
            self.assertIn(f"setpriv --reuid={user} --regid={group} --groups={also} fencewatch --once {config}", line)

    def test_a_link_that_flaps_does_so_within_the_time_of_the_alert(self):
        self.assertIn("half an hour", alerts()["CorosyncLinkFlapping"]["annotations"]["description"])
        english, chinese = (RUNBOOKS / "CorosyncLinkFlapping.md").read_text().split("\n## 中文\n")
        self.assertIn("within half an hour", english)
        self.assertIn("半小时内", chinese)

    def test_links_exist(self):
        for file in RUNBOOKS.glob("*.md"):
            with self.subTest(file.stem):
                for link, anchor in re.findall(r"\]\(([\w.]*)(#[^)]*)?\)", file.read_text()):
                    target = (RUNBOOKS / link if link else file).read_text()
                    headings = {"#" + line.strip("# ").lower().replace(" ", "-") for line in target.splitlines() if line.startswith("#")}
                    self.assertTrue(not anchor or anchor in headings, f"{link}{anchor}")


class Arithmetic(unittest.TestCase):
    """The awk script of the stop-gap."""

    def marks(self, kbytes, scale, zoneinfo):
        script = re.search(r"```sh\n(.*?)```", (RUNBOOKS / "WatermarksCollapsed.md").read_text(), re.S).group(1)
        script = script.replace("K=270336", f"K={kbytes}").replace("S=10", f"S={scale}").replace("/proc/zoneinfo", str(zoneinfo))
        lines = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
        return {line.split()[0]: tuple(int(n) for n in re.findall(r"\d+", line.split(" ", 1)[1])) for line in lines}

    def test_gives_the_marks_in_force(self):
        printed, zone = {}, None
        for line in (RECORDED / "zoneinfo").read_text().splitlines():
            words = line.split()
            if words[0] == "Node":
                zone, marks = words[1] + words[3], []
            elif words[0] in ("min", "low", "high") and len(marks) < 3:
                marks.append(int(words[1]))
            elif words[0] == "managed" and words[1] != "0":
                printed[zone] = tuple(marks)
        kbytes, scale = ((RECORDED / "sys/vm" / name).read_text().strip() for name in ("min_free_kbytes", "watermark_scale_factor"))
        self.assertEqual(len(printed), 6)
        self.assertEqual(self.marks(kbytes, scale, RECORDED / "zoneinfo"), printed)

    def test_the_table_is_computed(self):
        zoneinfo = ROOT / "tests/fixtures/kernel/linux-4.19-miscount/proc/zoneinfo"
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) / (\d+) / (\d+) \| (\d+) pages, (\d+) MiB \|", (RUNBOOKS / "WatermarksCollapsed.md").read_text(), re.M)
        self.assertEqual(len(rows), 4)
        for kbytes, scale, low, mid, high, dma32, mebibytes in rows:
            marks = self.marks(kbytes, scale, zoneinfo)
            self.assertEqual(marks["1,Normal"], (int(low), int(mid), int(high)))
            self.assertEqual((marks["0,DMA32"][2], marks["0,DMA32"][2] // 256), (int(dma32), int(mebibytes)))


if __name__ == "__main__":
    unittest.main()
