"""A container as a kubelet and its runtime start it, from the pod of a rendered manifest: user, capabilities, seccomp, read-only root,
volumes, namespaces. Run by crun."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys

from roots import REPOSITORY

sys.path.insert(0, os.path.join(REPOSITORY, "tests"))
import waiting  # noqa: E402

# What containerd and CRI-O hide and protect of /proc and /sys in a container that is not privileged.
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
SECCOMP = "/usr/share/containers/seccomp.json"  # of Debian's golang-github-containers-common, as runtimes have it built in


def seccomp(capabilities):
    """That profile for these capabilities on this machine."""
    with open(SECCOMP) as file:
        profile = json.load(file)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]

    def applies(rule):
        wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
        if wanted.get("arches") and machine not in wanted["arches"] or machine in (unwanted.get("arches") or []):
            return False
        if set(unwanted.get("caps") or []) & set(capabilities):
            return False
        return set(wanted.get("caps") or []) <= set(capabilities)

    rules = [{key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key)} for rule in profile["syscalls"] if applies(rule)]
    architectures = [a for entry in profile["archMap"] for a in (entry["architecture"], *(entry["subArchitectures"] or []))
                     if re.search({"amd64": "X86|X32", "arm64": "AARCH64|ARM"}[machine], a)]
    return {"defaultAction": profile["defaultAction"], "architectures": architectures, "syscalls": rules}


def mounts(pod, host_path, scratch):
    """Those of the runtime, then the pod's volumes. host_path(path, type) gives a directory of the node, or makes it."""
    yield {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}
    yield {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}
    yield {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = pod["containers"][0]["volumeMounts"]
    if "/dev/shm" not in [mount["mountPath"] for mount in mounted]:
        yield {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]}
    for mount in mounted:
        volume = volumes[mount["name"]]
        if "hostPath" in volume:
            source = host_path(volume["hostPath"]["path"], volume["hostPath"]["type"])
        else:
            source = os.path.join(scratch, mount["name"])
            os.makedirs(source, exist_ok=True)
            group = pod["securityContext"].get("fsGroup", 0)
            os.chown(source, 0, group)
            os.chmod(source, 0o2775)
        yield {"destination": mount["mountPath"], "type": "bind", "source": source, "options": ["rbind", "rprivate", "ro" if mount.get("readOnly") else "rw"]}


def configuration(image, root, pod, host_path, scratch):
    """config.json of the OCI runtime specification."""
    container, pod_context = pod["containers"][0], pod["securityContext"]
    context = container["securityContext"]
    if context["capabilities"]["drop"] != ["ALL"]:
        raise AssertionError("which capabilities remain is the runtime's choice")
    capabilities = ["CAP_" + name for name in context["capabilities"].get("add", [])]
    user = {"uid": pod_context["runAsUser"], "gid": pod_context["runAsGroup"]}
    if "fsGroup" in pod_context:
        user["additionalGids"] = [pod_context["fsGroup"]]
    # Without file capabilities only user 0 keeps, over execve(2), what its container was given.
    effective = capabilities if user["uid"] == 0 else []
    namespaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]  # the network is that of whoever runs crun
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": user, "args": [*image["config"]["Entrypoint"], *container["args"]], "env": image["config"]["Env"], "cwd": "/",
            "capabilities": {"bounding": capabilities, "permitted": effective, "effective": effective},
            "noNewPrivileges": not context["allowPrivilegeEscalation"],
            "rlimits": [{"type": "RLIMIT_MEMLOCK", "hard": 65536, "soft": 65536}],  # what runtimes inherit where nobody raised it
        },
        "root": {"path": root, "readonly": context["readOnlyRootFilesystem"]},
        "hostname": "pod",
        "mounts": list(mounts(pod, host_path, scratch)),
        "linux": {"namespaces": namespaces, "seccomp": seccomp(capabilities), "maskedPaths": MASKED, "readonlyPaths": READ_ONLY},
    }


class Running:
    def __init__(self, directory, log):
        self.directory, self.log = directory, log

    def is_there(self):
        return os.path.exists(self.directory)

    def status(self):
        with open(os.path.join(self.directory, "status")) as file:
            return dict(re.findall(r"^(\w+):\s*(.*)$", file.read(), re.M))


@contextlib.contextmanager
def running(config, directory, enter=(), proc="/proc"):
    """The container of a configuration, started by `enter … crun run`, ended with SIGTERM. `proc` is where it is seen from there."""
    name, log = f"fencewatch-test-{os.getpid()}", os.path.join(directory, "container.log")
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(config, file)
    pid_file = os.path.join(directory, "pid")
    # No cgroups: on a machine with both versions crun refuses to look at them.
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"]
    crun = [*hidden, "crun", "--cgroup-manager=disabled", "--root", os.path.join(directory, "crun")]
    with open(log, "wb") as out:
        process = subprocess.Popen([*enter, *crun, "run", "--bundle", directory, "--pid-file", pid_file, name], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def read_log():
        with open(log, errors="replace") as file:
            return file.read()

    try:
        waiting.until(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file) or process.poll() is not None, "crun starts the container")
        if process.poll() is not None:
            raise AssertionError(f"crun: {read_log()}")
        with open(pid_file) as file:
            yield Running(os.path.join(proc, file.read().strip()), read_log)
    finally:
        if process.poll() is None:
            subprocess.run([*enter, *crun, "kill", name, "TERM"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
        subprocess.run([*enter, *crun, "delete", "--force", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
