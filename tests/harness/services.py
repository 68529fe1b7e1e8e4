# SPDX-License-Identifier: Apache-2.0
"""Services of one account and cluster, by raw requests: also what Debian's botocore does not know yet."""

import itertools

from harness import sdk_model
from harness.wait import wait_until

numbers = itertools.count(730000000000)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/front/0123456789abcdef"
BALANCER = {"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}
VPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Services:
    """Raw requests of one account: ok() gives the reply, refused() the error's type and message."""

    def __init__(self, daemon, cluster="web"):
        self.daemon, self.account, self.cluster = daemon, str(next(numbers)), cluster
        self.ok("CreateCluster", clusterName=cluster)

    def ok(self, operation, **body):
        status, reply = self.daemon.call(operation, body, key=self.account)
        assert status == 200, reply
        found = sdk_model.complaints(operation, reply)
        assert not found, "\n".join(found)
        return reply

    def refused(self, operation, **body):
        status, reply = self.daemon.call(operation, body, key=self.account)
        assert status == 400, reply
        return reply["__type"], reply["message"]

    def arn(self, what):
        return f"arn:aws:ecs:us-east-1:{self.account}:{what}"

    def define(self, family="app", mode="bridge", **more):
        container = {"name": "app", "image": "busybox:test", "memory": 64,
                     "portMappings": [{"name": "http", "containerPort": 80}]}
        return self.ok("RegisterTaskDefinition", family=family, networkMode=mode, containerDefinitions=[container],
                       **more)["taskDefinition"]["taskDefinitionArn"]

    def create(self, name="front", **more):
        body = {"cluster": self.cluster, "serviceName": name, "desiredCount": 0, "taskDefinition": "app", **more}
        return self.ok("CreateService", **{k: v for k, v in body.items() if v is not None})["service"]

    def no_service(self, **more):
        body = {"cluster": self.cluster, "serviceName": "front", "desiredCount": 0, "taskDefinition": "app", **more}
        return self.refused("CreateService", **{k: v for k, v in body.items() if v is not None})

    def update(self, name="front", **more):
        return self.ok("UpdateService", cluster=self.cluster, service=name, **more)["service"]

    def no_update(self, **more):
        return self.refused("UpdateService", cluster=self.cluster, service="front", **more)

    def describe(self, *names, **more):
        return self.ok("DescribeServices", cluster=self.cluster, services=list(names or ["front"]), **more)["services"]

    def deployments(self, name="front"):
        return [d["id"] for d in self.describe(name)[0]["deployments"]]

    def tasks(self, name="front", **more):
        return self.ok("ListTasks", cluster=self.cluster, serviceName=name, **more)["taskArns"]

    def settled(self, name="front", count=0):
        def look():
            service = self.describe(name)[0]
            return service if (service["runningCount"], len(service["deployments"])) == (count, 1) and \
                service["deployments"][0]["rolloutState"] == "COMPLETED" else None
        return wait_until(look, 20, f"{name} with {count} tasks")
