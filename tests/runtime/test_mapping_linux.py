# SPDX-License-Identifier: Apache-2.0
"""linuxParameters, limits, kernel settings and security of a container definition, from docker inspect and from inside.
What this Engine cannot start is asked for in containers that are not essential: the Engine keeps the attempt, with what
it was asked for, and the task tells the Engine's own reason."""

import pytest

from harness.wait import wait_until

SLEEP = ["sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait"]
MIB = 1 << 20
CAP_MKNOD, CAP_NET_ADMIN, CAP_SYS_TIME, CAP_CHOWN = 27, 12, 25, 0


@pytest.fixture(scope="module")
def tuned(module_lab, started):
    lab = module_lab
    main = lab.container(
        "main", memory=64, readonlyRootFilesystem=True, dockerSecurityOptions=["no-new-privileges"],
        ulimits=[{"name": "nofile", "softLimit": 1000, "hardLimit": 2000},
                 {"name": "core", "softLimit": 0, "hardLimit": 0}],
        systemControls=[{"namespace": "net.core.somaxconn", "value": "777"},
                        {"namespace": "kernel.msgmax", "value": "9999"}],
        linuxParameters={
            "capabilities": {"add": ["NET_ADMIN", "SYS_TIME"], "drop": ["MKNOD"]},
            "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/mine", "permissions": ["read", "write"]},
                        {"hostPath": "/dev/zero"}],
            "initProcessEnabled": True,
            "sharedMemorySize": 8,
            "tmpfs": [{"containerPath": "/scratch", "size": 16, "mountOptions": ["noexec", "mode=0700"]},
                      {"containerPath": "/more", "size": 4}],
            "maxSwap": 32, "swappiness": 11})
    plain = lab.container("plain")
    no_swap = lab.container("no-swap", memory=48, linuxParameters={"maxSwap": 0, "capabilities": {"drop": ["ALL"]},
                                                                   "initProcessEnabled": False})
    return started(lab, lab.run(main, plain, no_swap))


ENGINE = [
    ("readonlyRootFilesystem", "main", "HostConfig.ReadonlyRootfs", True),
    ("dockerSecurityOptions", "main", "HostConfig.SecurityOpt", ["no-new-privileges"]),
    ("ulimits", "main", "HostConfig.Ulimits",
     [{"Name": "nofile", "Soft": 1000, "Hard": 2000}, {"Name": "core", "Soft": 0, "Hard": 0}]),
    ("systemControls", "main", "HostConfig.Sysctls", {"net.core.somaxconn": "777", "kernel.msgmax": "9999"}),
    ("capabilities-add", "main", "HostConfig.CapAdd", lambda caps: {c.removeprefix("CAP_") for c in caps} == {
        "NET_ADMIN", "SYS_TIME"}),
    ("capabilities-drop", "main", "HostConfig.CapDrop", lambda caps: {c.removeprefix("CAP_") for c in caps} == {"MKNOD"}),
    ("devices", "main", "HostConfig.Devices",
     [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/mine", "CgroupPermissions": "rw"},
      {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/zero", "CgroupPermissions": "rwm"}]),
    ("initProcessEnabled", "main", "HostConfig.Init", True),
    ("initProcessEnabled-false", "no-swap", "HostConfig.Init", False),
    ("sharedMemorySize", "main", "HostConfig.ShmSize", 8 * MIB),
    ("sharedMemorySize-default", "plain", "HostConfig.ShmSize", 64 * MIB),
    ("maxSwap", "main", "HostConfig.MemorySwap", (64 + 32) * MIB),
    ("maxSwap-zero-is-no-swap", "no-swap", "HostConfig.MemorySwap", 48 * MIB),
    ("maxSwap-absent-is-the-engines-default", "plain", "HostConfig.MemorySwap", 2 * 32 * MIB),
    ("swappiness-absent", "plain", "HostConfig.MemorySwappiness", None),
    ("devices-absent", "plain", "HostConfig.Devices", lambda devices: not devices),
    ("capabilities-absent", "plain", "HostConfig.CapAdd", lambda caps: not caps),
    ("gpu-absent", "plain", "HostConfig.DeviceRequests", lambda requests: not requests),
    ("securityOptions-absent", "plain", "HostConfig.SecurityOpt", lambda options: not options),
]


@pytest.mark.parametrize("container, path, expected", [row[1:] for row in ENGINE], ids=[row[0] for row in ENGINE])
def test_engine(tuned, container, path, expected):
    value = tuned.engine(path, container)
    assert expected(value) if callable(expected) else value == expected, value


def test_swappiness(tuned):
    """An Engine over cgroup v2 has no such setting and says so by forgetting it."""
    v1 = tuned.lab.engine.request("GET", "/info")["CgroupVersion"] == "1"
    assert tuned.engine("HostConfig.MemorySwappiness") == (11 if v1 else None)


def test_tmpfs(tuned):
    tmpfs = tuned.engine("HostConfig.Tmpfs")
    assert set(tmpfs) == {"/scratch", "/more"}
    assert tmpfs["/scratch"].endswith(",noexec,mode=0700")


def mount_options(app, container, path):
    fields = app.inside(f"busybox grep ' {path} ' /proc/mounts", container).split()
    return fields[2], fields[3].split(",")


def capability(app, container, number, which="CapBnd"):
    line = app.inside(f"busybox grep {which}: /proc/1/status", container)
    return bool(int(line.split()[1], 16) >> number & 1)


def test_readonly_root_inside(tuned):
    assert "Read-only file system" in tuned.inside("touch /file")
    assert tuned.inside("touch /file && echo written", "plain") == "written"


def test_no_new_privileges_inside(tuned):
    assert tuned.inside("busybox grep NoNewPrivs /proc/1/status").split() == ["NoNewPrivs:", "1"]
    assert tuned.inside("busybox grep NoNewPrivs /proc/1/status", "plain").split() == ["NoNewPrivs:", "0"]


def test_ulimits_inside(tuned):
    limits = tuned.inside("cat /proc/1/limits").splitlines()
    assert next(line for line in limits if line.startswith("Max open files")).split()[3:5] == ["1000", "2000"]
    assert next(line for line in limits if line.startswith("Max core file")).split()[4:6] == ["0", "0"]


def test_system_controls_inside(tuned):
    assert tuned.inside("cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax") == "777\n9999"
    assert tuned.inside("cat /proc/sys/kernel/msgmax", "plain") != "9999"


def test_added_capabilities_inside(tuned):
    assert capability(tuned, "main", CAP_NET_ADMIN) and capability(tuned, "main", CAP_SYS_TIME)
    assert not capability(tuned, "plain", CAP_NET_ADMIN)


def test_dropped_capabilities_inside(tuned):
    assert not capability(tuned, "main", CAP_MKNOD)
    assert capability(tuned, "plain", CAP_MKNOD)


def test_drop_of_all_capabilities_inside(tuned):
    assert not any(capability(tuned, "no-swap", n) for n in (CAP_CHOWN, CAP_MKNOD, CAP_NET_ADMIN))


def test_the_gate_gives_no_capability_away(tuned):
    """The process has what the Engine would have given it without us: the default set."""
    assert tuned.inside("busybox grep CapEff /proc/1/status", "plain") == tuned.inside(
        "busybox grep CapEff /proc/self/status", "plain")


def test_devices_inside(tuned):
    assert tuned.inside("echo x >/dev/mine && echo written") == "written"
    assert tuned.inside("ls /dev/mine", "plain") != "/dev/mine"


def test_init_process_inside(tuned):
    """The user's process is a child of the Engine's init, which passes signals on and reaps."""
    assert tuned.inside("cat /proc/1/comm") in ("docker-init", "tini")
    assert tuned.inside("cat /proc/1/comm", "plain") == "sh"


def test_shared_memory_inside(tuned):
    assert mount_options(tuned, "main", "/dev/shm")[1].count("size=8192k") == 1


def test_tmpfs_inside(tuned):
    kind, options = mount_options(tuned, "main", "/scratch")
    assert kind == "tmpfs" and {"size=16384k", "noexec", "mode=700"} <= set(options)
    kind, options = mount_options(tuned, "main", "/more")
    assert kind == "tmpfs" and "size=4096k" in options
    assert tuned.inside("touch /scratch/file && echo written") == "written"


# -- what a machine may refuse: the request reached the Engine, and its own words are the reason

@pytest.fixture(scope="module")
def refused(module_lab, started):
    """Ends when every container of the task has either started or failed."""
    lab = module_lab

    def optional(name, **more):
        return lab.container(name, command=SLEEP, essential=False, **more)

    task = lab.run(
        lab.container("main"),
        optional("privileged", privileged=True),
        optional("gpu", resourceRequirements=[{"type": "GPU", "value": "2"}]),
        optional("label", dockerSecurityOptions=["label:disable"]),
        optional("device", linuxParameters={"devices": [{"hostPath": "/dev/no-such-device"}]}),
        optional("capability", linuxParameters={"capabilities": {"add": ["ALL"]}}))

    def settled():
        described = lab.task(task)
        return all(c["lastStatus"] != "PENDING" for c in described["containers"]) and described

    return started(lab, wait_until(settled, 15, "all containers to be decided"))


def test_the_task_runs_without_them(refused):
    assert refused.task["lastStatus"] == "RUNNING"


def started_or(refused, name, words):
    """It runs, or it never did and the Engine said why."""
    container = refused.lab.container_of(refused.task, name)
    if container["lastStatus"] == "RUNNING":
        return
    assert container["reason"].startswith("CannotStartContainerError: Error response from daemon: ")
    assert words in container["reason"]
    assert "exitCode" not in container


def test_privileged(refused):
    assert refused.engine("HostConfig.Privileged", "privileged") is True
    started_or(refused, "privileged", "operation not permitted")


def test_all_capabilities(refused):
    assert refused.engine("HostConfig.CapAdd", "capability") == ["ALL"]
    started_or(refused, "capability", "operation not permitted")


def test_gpu(refused):
    request, = refused.engine("HostConfig.DeviceRequests", "gpu")
    assert (request["Count"], request["Capabilities"]) == (2, [["gpu"]])
    started_or(refused, "gpu", "could not select device driver")


def test_label_security_option(refused):
    assert refused.engine("HostConfig.SecurityOpt", "label") == ["label:disable"]
    started_or(refused, "label", "label")


def test_device_that_does_not_exist(refused):
    device, = refused.engine("HostConfig.Devices", "device")
    assert device["PathOnHost"] == "/dev/no-such-device"
    started_or(refused, "device", "no such file or directory")


def test_credential_spec_on_linux(lab):
    """The Engine takes it on Windows only, and that is what the task says."""
    task = lab.run_to_end(lab.container(dockerSecurityOptions=["credentialspec:file://spec.json"]))
    assert task["stopCode"] == "TaskFailedToStart"
    reason = lab.container_of(task)["reason"]
    assert reason.startswith("CannotCreateContainerError: Error response from daemon: ")
    assert "credentialspec" in reason
