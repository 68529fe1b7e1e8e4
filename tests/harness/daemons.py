# SPDX-License-Identifier: Apache-2.0
"""Daemons of one account and cluster, by raw requests: Debian's botocore does not know these operations. Every answer is
held against the newest model."""

from harness import sdk_model
from harness.services import Services
from harness.wait import wait_until

PROVIDER = {"infrastructureRoleArn": "arn:aws:iam::000000000000:role/infra", "instanceLaunchTemplate": {
    "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/ecs",
    "networkConfiguration": {"subnets": ["subnet-1"]}}}


class Daemons(Services):
    def ok(self, operation, **body):
        reply = super().ok(operation, **body)
        assert sdk_model.complaints(operation, reply) == []
        return reply

    def provide(self, name="managed"):
        return self.ok("CreateCapacityProvider", name=name, cluster=self.cluster, managedInstancesProvider=PROVIDER)[
            "capacityProvider"]["capacityProviderArn"]

    def register(self, family="agent", container=None, **more):
        container = {"name": "agent", "image": "busybox:test", "memory": 64, **(container or {})}
        return self.ok("RegisterDaemonTaskDefinition", family=family, containerDefinitions=[container], **more)[
            "daemonTaskDefinitionArn"]

    def start(self, definition, *providers, name="agent", **more):
        return self.ok("CreateDaemon", daemonName=name, clusterArn=self.arn("cluster/" + self.cluster),
                       daemonTaskDefinitionArn=definition, capacityProviderArns=list(providers), **more)

    def look(self, arn):
        return self.ok("DescribeDaemon", daemonArn=arn)["daemon"]

    def deployment(self, arn):
        reply = self.ok("DescribeDaemonDeployments", daemonDeploymentArns=[arn])
        assert reply["failures"] == []
        return reply["daemonDeployments"][0]

    def deployed(self, arn, status="SUCCESSFUL"):
        def look():
            deployment = self.deployment(arn)
            return deployment if deployment["status"] == status else None
        return wait_until(look, 30, f"{arn} {status}")

    def tasks_of(self, name="agent", **more):
        arns = self.ok("ListTasks", cluster=self.cluster, daemonName=name, **more)["taskArns"]
        return self.ok("DescribeTasks", cluster=self.cluster, tasks=arns, include=["TAGS"])["tasks"] if arns else []

    def gone(self, arn):
        def look():
            status, reply = self.daemon.call("DescribeDaemon", {"daemonArn": arn}, key=self.account)
            return status == 400 and reply["__type"] == "DaemonNotFoundException"
        wait_until(look, 30, f"the end of {arn}")
