#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. ROOMS is an allow-list: a file may include its own room and the rooms named in its row; FOREIGN
says which files may see which library. A new edge is a decision to be made here, not a build to be fixed."""

import re
import subprocess
import sys

# Room: (files, rooms that it may include). The first pattern that fits decides where a file belongs.
ROOMS = (
    # the wire between the two processes
    ("wire", r"(common/link\.[ch]|proto/shim\.pb-c\.h)", "common"),
    ("common", r"common/.*", ""),
    # daemon: calls go down, http → api → ecs → store; results go up by callbacks that main.c wires
    ("main", r"daemon/main\.c", "s3 rest common wire http api ecs store fleet events event-log config reconcile service credentials vpc-network log-keeper log-tail systemd"),
    ("config", r"daemon/config\.[ch]", "common"),
    # work in threads, and how bodies that are streamed get from the edge to a service
    ("disk", r"daemon/disk\.[ch]", "common"),
    ("rest", r"daemon/rest\.h", "common api protocol"),
    ("http", r"daemon/http/.*", "common api rest config shared event-log log-tail protocol"),
    # the AWS protocols know no service; service.h is what a service exports, services.c the list of them
    ("log-text", r"daemon/services/logs_text\.[ch]", "common api store"),
    ("log-pattern", r"daemon/services/(log_pattern\w*|log_regex)\.[ch]", "common"),
    ("protocol", r"daemon/services/(protocol|query|xml|sigv4)\.[ch]", "common"),
    ("service", r"daemon/services/(service\.h|services\.c)", "common api protocol"),
    ("identity", r"daemon/services/(identity|access_key)\.[ch]", "common api config protocol store shared"),
    # keys are issued for requests and for tasks alike
    ("issue", r"daemon/services/sts_issue\.[ch]", "common api store shared identity"),
    ("credentials", r"daemon/task_credentials\.[ch]", "common wire config store fleet shared issue"),
    ("s3", r"daemon/services/s3\.h", "common api rest"),
    ("services", r"daemon/services/.*", "trail s3 rest disk log-pattern log-text common api config store fleet shared protocol service identity issue vpc"),
    ("log-tail", r"daemon/log_tail\.[ch]", "common api store log-pattern log-text"),
    ("log-keeper", r"daemon/log_keeper\.[ch]", "common disk store"),
    ("event-log", r"daemon/event_log\.[ch]", "common api store shared"),
    ("shared", r"daemon/(arn|page)\.[ch]", "common api config store"),
    ("vpc-network", r"daemon/(vpc_network|engine_call)\.[ch]", "common wire config store vpc"),
    ("vpc-firewall", r"daemon/vpc_firewall\.[ch]", "common wire store vpc"),
    ("vpc", r"daemon/vpc/.*", "common api store shared"),
    # the cluster query language knows neither the store nor the operations
    ("cql", r"daemon/cql(_\w+)?\.[ch]", "common"),
    ("store", r"daemon/store/.*", "common api"),
    ("api", r"daemon/api\.[ch]", "common config store fleet shared protocol service identity trail"),
    ("systemd", r"daemon/systemd\.[ch]", "common"),
    ("trail", r"daemon/trail\.[ch]", "common api store"),
    ("ecs-table", r"daemon/ecs/operations\.h", "common api service"),
    # tasks that services start: the scheduler's way into the operations
    ("service-launch", r"daemon/ecs/(task_service|service_deploy)\.h", "common api store"),
    ("ecs", r"daemon/ecs/.*", "common api config store fleet events shared ecs-table wire vpc cql vpc-firewall issue service-launch"),
    ("fleet", r"daemon/(fleet|shim|instant|snapshot)\.[ch]", "common wire config store"),
    ("events", r"daemon/events\.[ch]", "common wire config store shared vpc"),
    ("reconcile", r"daemon/reconcile/.*", "common wire api config store fleet events shared vpc vpc-firewall service-launch"),
    # shim
    ("shim", r"shim/.*", "common wire"),
    # tests see everything: they are not part of any process
    ("tests", r"tests/.*", "disk rest s3 common wire http api ecs ecs-table store fleet events event-log config reconcile shared shim "
     "protocol service identity issue credentials services vpc cql"),
)

# Header of a library: the files that may include it.
FOREIGN = (
    (r"sqlite3\.h", r"daemon/store/.*"),
    (r"curl/.*", r"shim/curl\.c"),
    (r"event2/(http|http_struct|keyvalq_struct)\.h", r"(daemon/http/.*|shim/endpoint\.c)"),
    (r"event2/(bufferevent|buffer|listener)\.h", r"(daemon/http/.*|daemon/engine_call\.c|shim/(endpoint|proxy)\.c)"),
    (r"netlink/.*", r"shim/nl\.c"),
    (r"event2/.*", r"(common/loop\.[ch]|common/link\.c|daemon/disk\.c|daemon/http/.*|daemon/engine_call\.c|daemon/fleet\.c|shim/(curl|gate|endpoint|proxy)\.c)"),
    (r"json-c/.*", r"common/(json|schema)\.[ch]"),
    (r"openssl/.*", r"daemon/.*"),
    (r"expat\.h", r"daemon/services/s3_document\.c"),
    (r"pthread\.h", r"(daemon/(disk|services/s3_sum)\.c|shim/net\.c)"),
    (r"systemd/.*", r"daemon/(main\.c|systemd\.[ch]|http/.*)"),
    (r"pcre2\.h", r"(daemon/services/(ssm_pattern|log_regex)|shim/logs_multiline)\.c"),
    (r"protobuf-c/.*", r"common/link\.[ch]"),
)

# ecs/: a file belongs to the family whose name it begins with (the longest). Families do not know each other, but for
# these headers.
ECS_FAMILIES = ("task_definition", "task_set", "task", "container_instance", "cluster", "tag", "account_setting",
                "capacity_provider", "service", "express_gateway", "daemon")
ECS_SAME = {"task_set": "service"}  # task sets are a kind of deployment of a service
ECS_SHARED = {"operations.h", "cluster_ref.h", "tag_set.h", "task_definition_ref.h", "container_instance_place.h",
              "account_setting_ref.h", "capacity_provider_ref.h", "client_token_ref.h", "service_delete.h"}
# Services consist of tasks: what RunTask refuses is refused to them, too. A daemon is deployed as a service is.
ECS_BELOW = {"service": {"task.h", "task_shape.h", "task_service.h"}, "daemon": {"task.h", "service_deploy.h"}}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def room_of(path):
    for name, pattern, _ in ROOMS:
        if re.fullmatch(pattern, path):
            return name
    return None


def family_of(name):
    """The family of a file of ecs/; a file that fits none is one of its own."""
    family = next((f for f in ECS_FAMILIES if name.startswith(f)), name[:-2])
    return ECS_SAME.get(family, family)


def may_enter(room):
    for name, _, allowed in ROOMS:
        if name == room:
            return set(allowed.split()) | {room}
    return set()


def check_own(path, header):
    """A header of ours, included by `path`: None, or what is wrong."""
    room, target = room_of(path), room_of(header)
    if target is None:
        return f"{header} belongs to no room of tests/lint/includes.py"
    if target not in may_enter(room):
        return f"{room} must not include {target} ({header})"
    if room == "ecs" and header.startswith("daemon/ecs/"):
        name, family = header.split("/")[-1], family_of(path.split("/")[-1])
        if name not in ECS_SHARED | ECS_BELOW.get(family, set()) and family_of(name) != family:
            return f"one operation file must not include another one's header ({header})"
    return None


def check_foreign(path, header):
    for pattern, where in FOREIGN:
        if re.fullmatch(pattern, header):
            return None if re.fullmatch(where, path) else f"<{header}> is not for this file"
    return None


def main():
    paths = subprocess.run(["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True, check=True).stdout.split()
    found = 0
    for path in paths:
        if room_of(path) is None:
            print(f"{path}: belongs to no room of tests/lint/includes.py")
            found += 1
            continue
        try:
            text = open(path, encoding="utf-8").read()
        except FileNotFoundError:
            continue
        for match in INCLUDE.finditer(text):
            ours, foreign = match.groups()
            wrong = check_own(path, ours) if ours else check_foreign(path, foreign)
            if wrong and not path.startswith("tests/"):
                print(f"{path}:{text[:match.start()].count(chr(10)) + 1}: {wrong}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
