# SPDX-License-Identifier: Apache-2.0
"""Two daemons share one Engine: each knows its own containers by the owner label and leaves the other's alone."""


def test_one_ends_and_the_other_goes_on(start_daemon, make_lab):
    ours, theirs = start_daemon(), start_daemon(PERSISTENCE="0")
    lab, other = make_lab(ours), make_lab(theirs)
    task = lab.run(count=2)
    other.run(count=2)
    assert (len(ours.containers()), len(theirs.containers())) == (2, 2)
    assert theirs.terminate() == 0
    assert (len(ours.containers()), len(theirs.containers())) == (2, 0)
    assert {lab.task(t)["lastStatus"] for t in task} == {"RUNNING"}


def test_restart_adopts_only_its_own(start_daemon, make_lab):
    ours, theirs = start_daemon(), start_daemon()
    lab, other = make_lab(ours), make_lab(theirs)
    lab.run()
    task = other.run()
    before = other.inspect(task)["State"]["Pid"]
    ours.kill()
    ours.restart()
    ours.end_all_tasks()
    assert other.inspect(task)["State"]["Pid"] == before
    assert other.task(task)["lastStatus"] == "RUNNING"


def test_state_directory_has_one_daemon(start_daemon):
    """A second daemon over the same state says why it does not start, and does not disturb the first."""
    import subprocess

    from harness.daemon import BUILD
    first = start_daemon(ECS_DOCKER_BACKEND="0")
    second = subprocess.run(
        [BUILD / "localemu-ecsd", "--listen", "127.0.0.1:0", "--state-dir", first.state_dir,
         "--runtime-dir", first.runtime_dir, "--owner", "x"],
        env={"ECS_DOCKER_BACKEND": "0", "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode != 0
    assert second.stderr
    assert first.client().list_clusters()["clusterArns"] == []
