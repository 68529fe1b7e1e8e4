# SPDX-License-Identifier: Apache-2.0
"""Volumes of a task definition: what the Engine mounts, what is in it, how long it stays."""

import pytest

from harness.engine import EngineError
from harness.wait import wait_until

SLEEP = "trap 'exit 143' TERM; sleep 3600 & wait"


def mount(app, path, name="main"):
    return next(m for m in app.inspect(name)["Mounts"] if m["Destination"] == path)


def volume_exists(engine, name):
    try:
        return engine.request("GET", f"/volumes/{name}")
    except EngineError as e:
        assert e.status == 404
        return None


def end(lab, task):
    lab.stop(task)
    lab.wait(task)
    wait_until(lambda: not lab.daemon.task_containers(task["taskArn"]), 10, "its containers to go")


def at(volume, path="/data", read_only=False):
    return [{"sourceVolume": volume, "containerPath": path, "readOnly": read_only}]


@pytest.fixture
def left_volumes(engine):
    """Volumes that are not a task's own stay, as they do on AWS; these tests remove theirs."""
    names = []
    yield names
    for name in names:
        if volume_exists(engine, name):
            engine.request("DELETE", f"/volumes/{name}")


# -- host

@pytest.fixture(scope="module")
def hosted(module_lab, started, tmp_path_factory):
    lab, place = module_lab, tmp_path_factory.mktemp("host")
    (place / "there").mkdir()
    (place / "there/file").write_text("from the host\n")
    (place / "there/link").symlink_to("file")
    app = started(lab, lab.run(definition=lab.define(
        lab.container(mountPoints=at("there") + at("there", "/again", True) + at("file", "/etc/one-file", True)
                      + at("absent", "/made")),
        volumes=[{"name": "there", "host": {"sourcePath": str(place / "there")}},
                 {"name": "file", "host": {"sourcePath": str(place / "there/file")}},
                 {"name": "absent", "host": {"sourcePath": str(place / "new/deep")}}])))
    app.place = place
    return app


def test_host_path(hosted):
    found = mount(hosted, "/data")
    assert (found["Type"], found["Source"], found["RW"]) == ("bind", str(hosted.place / "there"), True)
    assert hosted.inside("cat /data/file") == "from the host"
    hosted.inside("echo inside >/data/made-inside")
    assert (hosted.place / "there/made-inside").read_text() == "inside\n"


def test_host_path_read_only(hosted):
    assert mount(hosted, "/again")["RW"] is False
    assert "Read-only file system" in hosted.inside("touch /again/x")


def test_host_path_of_a_file(hosted):
    assert hosted.inside("cat /etc/one-file") == "from the host"


def test_host_path_that_does_not_exist_is_made(hosted):
    assert (hosted.place / "new/deep").is_dir()
    hosted.inside("echo x >/made/file")
    assert (hosted.place / "new/deep/file").read_text() == "x\n"


# -- volumes of the task

@pytest.fixture(scope="module")
def tasks_own(module_lab, started):
    lab = module_lab
    volumes = [
        {"name": "plain"},
        {"name": "empty-host", "host": {}},
        {"name": "scoped", "dockerVolumeConfiguration": {
            "scope": "task", "driver": "local", "labels": {"team": "blue"},
            "driverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=4m,mode=0755"}}}]
    return started(lab, lab.run(definition=lab.define(
        lab.container("main", command=["sh", "-c", "echo kept >/plain/file; " + SLEEP],
                      mountPoints=at("plain", "/plain") + at("empty-host", "/empty") + at("scoped", "/scoped")),
        lab.container("side", mountPoints=at("plain", "/seen", True)), volumes=volumes)))


OWN = [("plain", "/plain"), ("empty-host", "/empty"), ("scoped", "/scoped")]


@pytest.mark.parametrize("name, path", OWN, ids=[name for name, _ in OWN])
def test_own_volume(tasks_own, name, path):
    """Its name has the task's in it, its labels say whose it is."""
    found = mount(tasks_own, path)
    assert (found["Type"], found["Driver"], found["RW"]) == ("volume", "local", True)
    assert found["Name"].endswith("-" + name)
    labels = volume_exists(tasks_own.lab.engine, found["Name"])["Labels"]
    assert labels["localemu.owner"] == tasks_own.lab.daemon.owner
    assert labels["localemu.task-arn"] == tasks_own.task["taskArn"]


def test_own_volume_is_shared_by_the_containers_of_the_task(tasks_own):
    assert mount(tasks_own, "/seen", "side")["Name"] == mount(tasks_own, "/plain")["Name"]
    assert tasks_own.inside("cat /seen/file", "side") == "kept"
    assert "Read-only file system" in tasks_own.inside("touch /seen/x", "side")


def test_docker_volume_of_scope_task(tasks_own):
    volume = volume_exists(tasks_own.lab.engine, mount(tasks_own, "/scoped")["Name"])
    assert volume["Labels"]["team"] == "blue"
    assert volume["Options"] == {"type": "tmpfs", "device": "tmpfs", "o": "size=4m,mode=0755"}
    assert "size=4096k" in tasks_own.inside("busybox grep ' /scoped ' /proc/mounts")


def test_own_volumes_go_with_the_task(lab, started):
    definition = lab.define(lab.container(mountPoints=at("v")), volumes=[{"name": "v"}])
    first, second = (started(lab, lab.run(definition=definition)) for _ in range(2))
    names = [mount(app, "/data")["Name"] for app in (first, second)]
    assert len(set(names)) == 2
    first.inside("echo first >/data/file")
    assert "No such file" in second.inside("cat /data/file")
    end(lab, first.task)
    wait_until(lambda: not volume_exists(lab.engine, names[0]), 10, "the volume to go")
    assert volume_exists(lab.engine, names[1])
    end(lab, second.task)
    wait_until(lambda: not volume_exists(lab.engine, names[1]), 10, "the volume to go")


def test_own_volume_goes_with_a_task_that_never_started(lab):
    task = lab.run_to_end(definition=lab.define(
        lab.container(command=["no-such-command"], mountPoints=at("v")), volumes=[{"name": "v"}]))
    wait_until(lambda: not lab.engine.volumes([f"localemu.task-arn={task['taskArn']}"]), 10, "the volume to go")


# -- docker volumes that are shared

def shared(name, **more):
    return [{"name": name, "dockerVolumeConfiguration": {"scope": "shared", **more}}]


def test_shared_volume_is_made_and_stays(lab, started, name, left_volumes):
    volume = name("shared")
    left_volumes.append(volume)
    definition = lab.define(lab.container(mountPoints=at(volume)),
                            volumes=shared(volume, autoprovision=True, driver="local", labels={"team": "red"}))
    first = started(lab, lab.run(definition=definition))
    assert mount(first, "/data")["Name"] == volume
    assert volume_exists(lab.engine, volume)["Labels"]["team"] == "red"
    first.inside("echo kept >/data/file")
    end(lab, first.task)
    second = started(lab, lab.run(definition=definition))
    assert second.inside("cat /data/file") == "kept"
    end(lab, second.task)
    assert volume_exists(lab.engine, volume)


def test_shared_volume_that_must_exist(lab, name):
    volume = name("shared")
    task = lab.run_to_end(definition=lab.define(lab.container(mountPoints=at(volume)),
                                                volumes=shared(volume, autoprovision=False)))
    assert task["stopCode"] == "TaskFailedToStart"
    assert lab.container_of(task)["reason"] == (
        "CannotCreateVolumeError: initialize volume: volume detection failed, "
        f"volume '{volume}' does not exist and autoprovision is set to false")
    assert not volume_exists(lab.engine, volume)


def test_shared_volume_that_exists(lab, started, name, engine, left_volumes):
    volume = name("shared")
    engine.request("POST", "/volumes/create", {"Name": volume})
    left_volumes.append(volume)
    app = started(lab, lab.run(definition=lab.define(lab.container(mountPoints=at(volume)), volumes=shared(volume))))
    assert mount(app, "/data")["Name"] == volume
    end(lab, app.task)
    assert volume_exists(engine, volume)


def test_shared_volume_with_other_labels_is_taken(lab, started, name, engine, left_volumes):
    """As the agent does without ECS_SHARED_VOLUME_MATCH_FULL_CONFIG."""
    volume = name("shared")
    engine.request("POST", "/volumes/create", {"Name": volume, "Labels": {"team": "green"}})
    left_volumes.append(volume)
    app = started(lab, lab.run(definition=lab.define(
        lab.container(mountPoints=at(volume)), volumes=shared(volume, autoprovision=False, labels={"team": "red"}))))
    assert mount(app, "/data")["Name"] == volume
    end(lab, app.task)
    assert volume_exists(engine, volume)["Labels"] == {"team": "green"}


# -- volumes that are services of AWS elsewhere: named volumes here

def efs(volume, **more):
    return {"name": volume, "efsVolumeConfiguration": more}


def names_of(app, *paths):
    return [mount(app, path)["Name"] for path in paths]


def test_efs(lab, started, name, left_volumes):
    """The same file system and directory is the same volume for every task; it stays when they end."""
    system = "fs-" + name("x")[2:]
    definition = lab.define(
        lab.container(mountPoints=at("root", "/root-of-it") + at("same", "/same") + at("deep", "/deep")),
        volumes=[efs("root", fileSystemId=system), efs("same", fileSystemId=system, rootDirectory="/"),
                 efs("deep", fileSystemId=system, rootDirectory="/a/b")])
    first = started(lab, lab.run(definition=definition))
    names = names_of(first, "/root-of-it", "/same", "/deep")
    left_volumes += names
    assert names[0] == names[1] != names[2]
    first.inside("echo kept >/root-of-it/file")
    end(lab, first.task)
    second = started(lab, lab.run(definition=definition))
    assert names_of(second, "/root-of-it", "/same", "/deep") == names
    assert second.inside("cat /same/file") == "kept"
    end(lab, second.task)
    assert all(volume_exists(lab.engine, n) for n in names)


def test_efs_access_points_are_kept_apart(lab, started, name, left_volumes):
    system = "fs-" + name("x")[2:]

    def point(n):
        return efs(f"v{n}", fileSystemId=system, transitEncryption="ENABLED", authorizationConfig={
            "accessPointId": f"fsap-{n}", "iam": "ENABLED"})
    app = started(lab, lab.run(definition=lab.define(
        lab.container(mountPoints=at("v1", "/one") + at("v2", "/two")), volumes=[point(1), point(2)])))
    names = names_of(app, "/one", "/two")
    left_volumes += names
    end(lab, app.task)
    assert names[0] != names[1]


def test_fsx(lab, started, name, left_volumes):
    system = "fs-" + name("x")[2:]

    def fsx(volume, root):
        return {"name": volume, "fsxWindowsFileServerVolumeConfiguration": {
            "fileSystemId": system, "rootDirectory": root, "authorizationConfig": {
                "credentialsParameter": "arn:aws:secretsmanager:us-east-1:000000000000:secret:x", "domain": "d.test"}}}
    definition = lab.define(lab.container(mountPoints=at("a", "/a") + at("b", "/b")),
                            volumes=[fsx("a", "share"), fsx("b", "other")])
    first = started(lab, lab.run(definition=definition))
    names = names_of(first, "/a", "/b")
    left_volumes += names
    end(lab, first.task)
    second = started(lab, lab.run(definition=definition))
    again = names_of(second, "/a", "/b")
    left_volumes += again
    end(lab, second.task)
    assert names == again and len(set(names)) == 2
    assert all(volume_exists(lab.engine, n) for n in names)


def test_directories_that_look_alike_are_kept_apart(lab, started, name, left_volumes):
    system = "fs-" + name("x")[2:]
    roots = ["/a/b", "/a_b", "/a.b", "/a b"]
    app = started(lab, lab.run(definition=lab.define(
        lab.container(mountPoints=[p for i in range(len(roots)) for p in at(f"v{i}", f"/{i}")]),
        volumes=[efs(f"v{i}", fileSystemId=system, rootDirectory=root) for i, root in enumerate(roots)])))
    names = names_of(app, *[f"/{i}" for i in range(len(roots))])
    left_volumes += names
    end(lab, app.task)
    assert len(set(names)) == len(roots)
