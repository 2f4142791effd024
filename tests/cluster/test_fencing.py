"""pacemaker on the cluster, with a fence agent of our own: a node is stopped, expelled and fenced, and is told of by all. Each node reads
pacemaker's words from another place: syslog, pacemaker.log, the journal."""
import os
import shutil
import signal

import cluster
import truth
from metrics import Before
from processes import until
from scenario import Scenario, quiet

CIB = """<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="1">
  <configuration>
    <crm_config>
      <cluster_property_set id="options">
        <nvpair id="options-stonith-enabled" name="stonith-enabled" value="true"/>
        <nvpair id="options-stonith-timeout" name="stonith-timeout" value="120s"/>
        <nvpair id="options-startup-fencing" name="startup-fencing" value="false"/>
        <nvpair id="options-dc-deadtime" name="dc-deadtime" value="5s"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources>
{resources}    </resources>
    <constraints>
{constraints}    </constraints>
  </configuration>
  <status/>
</cib>
"""
RESOURCE = """      <primitive id="fence-{0}" class="stonith" type="fence_test">
        <instance_attributes id="fence-{0}-attributes">
          <nvpair id="fence-{0}-hosts" name="pcmk_host_list" value="{0}"/>
        </instance_attributes>
      </primitive>
"""
CONSTRAINT = '      <rsc_location id="not-{0}" rsc="fence-{0}" node="{0}" score="-INFINITY"/>\n'
NAMES = ("n1", "n2", "n3")


def prepare(node):
    """What pacemaker needs on a node: its directories, the cluster's configuration, the agent."""
    for name in ("cib", "pengine", "cores", "blackbox"):
        os.makedirs(node.path("pacemaker/" + name))
    node.write("pacemaker/cib/cib.xml", CIB.format(resources="".join(map(RESOURCE.format, NAMES)),
                                                   constraints="".join(map(CONSTRAINT.format, NAMES))))
    for top in ("pacemaker", "log/pacemaker"):
        for path, _, files in os.walk(node.path(top)):
            for each in (path, *(os.path.join(path, file) for file in files)):
                shutil.chown(each, "hacluster", "haclient")
                os.chmod(each, 0o600 if each.endswith(".xml") else 0o750)
    os.makedirs(node.path("sbin"))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fence_test")) as file:
        node.write("sbin/fence_test", file.read().replace("@DIRECTORY@", node.cluster.directory))
    os.chmod(node.path("sbin/fence_test"), 0o755)


class Fencing(Scenario):
    SHAPE = {"prepare": prepare}

    def requests(self):
        path = os.path.join(self.cluster.directory, "requests")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return file.read().splitlines()

    def operations(self, before, node, **labels):
        return before.gained(node, "fencing_operations_total", **labels)

    def started(self, name):
        return any(f"Result of start operation for {name} on {node.name}: ok" in node.pacemaker_log() for node in self.nodes)

    @quiet
    def test_a_stopped_node_is_fenced(self):
        if self.n2.pacemaker:  # another attempt
            cluster.close()
            self.setUpClass()
            self.setUp()
        for node in self.nodes:
            node.start_pacemaker()
        for name in NAMES:
            until(lambda: self.started("fence-" + name), f"the device for {name} has started", 120)
        for node in self.nodes:
            self.assertEqual(node.seen().get("fencing_operations_total", target="n2", action="reboot", result="success"), 0, node.name)
            self.assertEqual(node.seen().all("log_source_info", channel="pacemaker"),
                             {(("channel", "pacemaker"), ("source", node.pacemaker_source)): 1})
            truth.agree(node)
        before = Before(*self.nodes)

        # Its last seconds, of which its exporter learns nothing while they last: it is late once, and then does not run any more.
        os.kill(self.n2.exporter_pid, signal.SIGSTOP)
        self.stop(3.5, self.n2)
        until(lambda: self.last_words(self.n2), "n2 wrote that it was late")
        self.n2.send(signal.SIGSTOP)
        until(self.requests, "n2 is to be fenced", 120)
        self.assertEqual(self.requests(), ["reboot n2"])
        self.n2.crash()
        open(os.path.join(self.cluster.directory, "gone.n2"), "w").close()
        for node in self.peers:
            until(lambda: self.operations(before, node) > 0, f"{node.name} was told")

        self.n2.boot()
        self.n2.start_exporter()
        truth.agree(self.n2)
        self.assertEqual(before.gained(self.n2, "corosync_scheduling_misses_total"), 1)
        self.assertGreaterEqual(before.gained(self.n2, "corosync_scheduling_delay_seconds_sum"), 3.5)
        self.assertEqual(self.n2.seen().get("corosync_up"), 0)

        self.n2.start_corosync()
        self.n2.start_pacemaker()
        self.cluster.whole()
        until(lambda: "-> S_NOT_DC" in self.n2.pacemaker_log()[-100000:].rsplit("Starting Pacemaker", 1)[-1], "n2 takes part again", 120)
        for node in self.peers:
            truth.agree(node)
            self.assertEqual(self.operations(before, node, target="n2", action="reboot", result="success"), 1, node.name)
            self.assertEqual(self.operations(before, node), 1, f"{node.name}: and nothing else")
            self.assertGreater(node.seen().get("fencing_last_timestamp_seconds", target="n2"), 0)
            self.assertEqual(before.gained(node, "fenced_self_total"), 0)
            self.assertGreaterEqual(before.gained(node, "corosync_nodes_lost_total"), 1, node.name)
        self.assertEqual(self.requests(), ["reboot n2"])

    def last_words(self, node):
        return truth.Log("\n".join(node.log().lines[self.said[node]:])).told["corosync_scheduling_misses_total", ()]
