"""The Pod Security Standards of Kubernetes (docs/concepts/security/pod-security-standards.md, 1.30), as far as a pod can break them."""

HARMLESS_CAPABILITIES = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
                         "SETPCAP", "SETUID", "SYS_CHROOT"}
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
           "net.ipv4.ping_group_range"}


def containers(pod):
    return [*pod.get("initContainers", []), *pod.get("containers", []), *pod.get("ephemeralContainers", [])]


def effective(pod, container, key):
    """A container's own word counts before the pod's."""
    return container.get("securityContext", {}).get(key, pod.get("securityContext", {}).get(key))


def breaks_baseline(pod):
    faults = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    faults += [f"hostPath {volume['name']}" for volume in pod.get("volumes", []) if "hostPath" in volume]
    faults += [f"sysctl {s['name']}" for s in pod.get("securityContext", {}).get("sysctls", []) if s["name"] not in SYSCTLS]
    for container in containers(pod):
        context = container.get("securityContext", {})
        if context.get("privileged"):
            faults.append("privileged")
        faults += [f"capability {c}" for c in context.get("capabilities", {}).get("add", []) if c not in HARMLESS_CAPABILITIES]
        faults += [f"hostPort {port['hostPort']}" for port in container.get("ports", []) if port.get("hostPort")]
        if (effective(pod, container, "seccompProfile") or {}).get("type") == "Unconfined":
            faults.append("seccomp Unconfined")
        if context.get("procMount", "Default") != "Default":
            faults.append("procMount")
    return faults


def breaks_restricted(pod):
    faults = breaks_baseline(pod)
    faults += [f"volume {volume['name']}" for volume in pod.get("volumes", []) if not VOLUMES & set(volume)]
    for container in containers(pod):
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            faults.append("allowPrivilegeEscalation")
        if effective(pod, container, "runAsNonRoot") is not True:
            faults.append("runAsNonRoot")
        if effective(pod, container, "runAsUser") == 0:
            faults.append("runAsUser 0")
        if (effective(pod, container, "seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
            faults.append("seccompProfile")
        if "ALL" not in context.get("capabilities", {}).get("drop", []):
            faults.append("drop ALL")
        faults += [f"capability {c}" for c in context.get("capabilities", {}).get("add", []) if c != "NET_BIND_SERVICE"]
    return faults
