/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rule of RegisterTaskDefinition: a definition, the rule that must refuse it and its words. A
 * rule without a case here fails the last test.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The JSON of the cases is written with ' instead of ". */
#define BARE(name, more) "{'name':'" name "','image':'busybox'" more "}"
#define BOX(name, more) BARE(name, ",'memory':64" more)
#define DEF_OF(containers, more) "{'family':'f','containerDefinitions':[" containers "]" more "}"
#define DEF(more) DEF_OF(BOX("a", ""), more)
#define ONE(more) DEF_OF(BOX("a", more), "")
#define ROLE ",'executionRoleArn':'arn:aws:iam::000000000000:role/exec'"
#define FARGATE ",'requiresCompatibilities':['FARGATE']"
#define VPC ",'networkMode':'awsvpc'"
#define QUARTER ",'cpu':'256','memory':'512'"
#define FARGATE_DEF(more) DEF(VPC QUARTER FARGATE more)
#define FARGATE_ONE(more) DEF_OF(BOX("a", more), VPC QUARTER FARGATE)
#define LINUX(more) ",'linuxParameters':{" more "}"
#define LOGS(options) ",'logConfiguration':{'logDriver':'awslogs','options':{" options "}}"
#define LOGS_GOOD LOGS("'awslogs-region':'us-east-1','awslogs-group':'g'")
#define VOLUME(more) DEF(",'volumes':[{'name':'v'," more "}]")
#define EFS(more) VOLUME("'efsVolumeConfiguration':{'fileSystemId':'fs-1'" more "}")
#define DEPENDS(name, condition)                                                                   \
	",'dependsOn':[{'containerName':'" name "','condition':'" condition "'}]"
#define TEN "xxxxxxxxxx"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG HUNDRED HUNDRED HUNDRED
#define NOT_SUPPORTED "Fargate compatible task definitions do not support "
#define SETTING(what)                                                                              \
	"Invalid '" what "' setting for task. For more information, see the Troubleshooting "      \
	"section of the Amazon ECS Developer Guide."
#define A_SETTING "Invalid setting for container 'a'. "
#define V_SETTING "Invalid setting for volume 'v'. "
#define NO_MEMORY A_SETTING "At least one of 'memory' or 'memoryReservation' must be specified."

struct rule_case {
	const char *json;
	const char *rule; /* NULL: accepted */
	const char *message;
};

/* clang-format off */
static const struct rule_case cases[] = {
	/* accepted */
	{ DEF(""), NULL, NULL },
	{ DEF(",'networkMode':'bridge'"), NULL, NULL },
	{ ONE(",'portMappings':[{'containerPort':80,'protocol':'tcp'}],'environment':[{'name':'GREETING','value':'Hello'}]"), NULL, NULL },
	{ DEF_OF(BARE("a", ",'memoryReservation':64"), ""), NULL, NULL },
	{ DEF_OF(BARE("a", ""), ",'memory':'512'"), NULL, NULL },
	{ FARGATE_DEF(""), NULL, NULL },
	{ DEF(VPC FARGATE ",'cpu':'.25 vCPU','memory':'0.5GB'"), NULL, NULL },
	{ DEF(VPC FARGATE ",'cpu':'1 vcpu','memory':'8 gb'"), NULL, NULL },
	{ DEF(VPC FARGATE ",'cpu':'16384','memory':'122880'"), NULL, NULL },
	{ DEF_OF(BOX("a", ",'memoryReservation':64"), ""), NULL, NULL },
	{ DEF_OF(BOX("a", DEPENDS("b", "HEALTHY")) "," BOX("b", ",'healthCheck':{'command':['CMD-SHELL','true'],'interval':5,'timeout':2,'retries':1,'startPeriod':0}"), ""), NULL, NULL },
	{ DEF_OF(BOX("a", DEPENDS("b", "SUCCESS")) "," BOX("b", ",'essential':false"), ""), NULL, NULL },
	{ DEF_OF(BOX("a", ",'links':['b:db']") "," BOX("b", ""), ""), NULL, NULL },
	{ DEF(",'taskRoleArn':'my-role'"), NULL, NULL },
	{ DEF(",'taskRoleArn':'arn:aws-cn:iam::000000000000:role/path/name'"), NULL, NULL },
	{ DEF_OF(BOX("a", ",'mountPoints':[{'sourceVolume':'v','containerPath':'/v'}]"), ",'volumes':[{'name':'v'}]"), NULL, NULL },
	{ VOLUME("'host':{},'dockerVolumeConfiguration':{'scope':'task'}"), NULL, NULL },
	{ EFS(",'transitEncryption':'ENABLED','authorizationConfig':{'accessPointId':'fsap-1','iam':'ENABLED'},'rootDirectory':'/'"), NULL, NULL },
	{ ONE(",'systemControls':[{'namespace':'net.core.somaxconn','value':'1024'},{'namespace':'kernel.sem','value':'1'}]"), NULL, NULL },
	{ ONE(LOGS_GOOD), NULL, NULL },
	{ ONE(",'ulimits':[{'name':'nofile','softLimit':1024,'hardLimit':2048},{'name':'core','softLimit':-1,'hardLimit':-1}]"), NULL, NULL },
	{ ONE(",'portMappings':[{'containerPortRange':'8000-8010'}]"), NULL, NULL },
	{ ONE(",'restartPolicy':{'enabled':true,'ignoredExitCodes':[0],'restartAttemptPeriod':60}"), NULL, NULL },
	{ DEF_OF(BOX("a", ",'secrets':[{'name':'S','valueFrom':'p'}]"), ROLE), NULL, NULL },

	/* the task */
	{ "{'family':'','containerDefinitions':[" BOX("a", "") "]}", "family", "Family should not be null or empty." },
	{ "{'family':'a b','containerDefinitions':[" BOX("a", "") "]}", "family", "Family contains invalid characters." },
	{ "{'family':'" LONG "','containerDefinitions':[" BOX("a", "") "]}", "family", "Family should be 255 characters or less." },
	{ DEF_OF("", ""), "container_count", "Container list cannot be empty." },
	{ DEF_OF(BOX("1", "") "," BOX("2", "") "," BOX("3", "") "," BOX("4", "") "," BOX("5", "") "," BOX("6", "") ","
		BOX("7", "") "," BOX("8", "") "," BOX("9", "") "," BOX("10", "") "," BOX("11", ""), ""),
		"container_count", "Too many containers." },
	{ DEF_OF("{'image':'busybox'}", ""), "container_names", "Container.name should not be null or empty." },
	{ DEF_OF(BOX("", ""), ""), "container_names", "Container.name should not be null or empty." },
	{ DEF_OF(BOX("a.b", ""), ""), "container_names", "Container.name contains invalid characters." },
	{ DEF_OF(BOX(LONG, ""), ""), "container_names", "Container.name should be 255 characters or less." },
	{ DEF_OF(BOX("a", "") "," BOX("a", ""), ""), "container_names", "Container names must be unique." },
	{ ONE(",'essential':false"), "essential", "All tasks must have at least one essential container." },
	{ DEF(",'taskRoleArn':''"), "roles", "Role is not valid" },
	{ DEF(",'executionRoleArn':'arn:aws:s3:::bucket'"), "roles", "Role is not valid" },
	{ DEF(",'taskRoleArn':'a role'"), "roles", "Role is not valid" },
	{ DEF(",'cpu':'abc'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':''"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':'0.5'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':'1 vcpus'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':'127'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':'196609'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'cpu':'99999999999999999999'"), "task_cpu", SETTING("cpu") },
	{ DEF(",'memory':'1 GiB'"), "task_memory", SETTING("memory") },
	{ DEF(",'memory':'-1'"), "task_memory", SETTING("memory") },
	{ DEF(",'memory':'0'"), "task_memory", SETTING("memory") },
	{ DEF_OF(BOX("a", ",'cpu':200") "," BOX("b", ",'cpu':57"), ",'cpu':'256'"), "cpu_sum",
		"The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'." },
	{ DEF(",'memory':'32'"), "container_memory", "The memory value for container 'a' of 64 is greater than the task memory." },
	{ DEF_OF(BARE("a", ",'memoryReservation':64") "," BARE("b", ",'memoryReservation':64"), ",'memory':'100'"), "reservation_sum",
		"The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'." },
	{ DEF(",'placementConstraints':[{},{},{},{},{},{},{},{},{},{},{}]"), "placement_count",
		"A maximum of 10 placement constraints can be specified per task definition." },
	{ DEF(",'placementConstraints':[{'expression':'x'}]"), "placement_constraints",
		"Placement constraint type should not be null or empty." },
	{ DEF(",'placementConstraints':[{'type':'memberOf'}]"), "placement_constraints",
		"Placement constraint expression should not be null or empty." },
	{ DEF(",'placementConstraints':[{'type':'memberOf','expression':'" LONG LONG LONG LONG LONG LONG LONG "'}]"),
		"placement_constraints", "Placement constraint expression should be 2000 characters or less." },
	{ DEF(",'placementConstraints':[{'type':'memberOf','expression':'attribute:a is b'}]"),
		"placement_constraints", "Invalid Expression: an unknown operator at position 13" },
	{ DEF(",'ephemeralStorage':{'sizeInGiB':20}"), "ephemeral_storage",
		"Invalid 'ephemeralStorage' setting for task. The supported values are between 21 GiB and 200 GiB." },
	{ ONE(",'resourceRequirements':[{'type':'InferenceAccelerator','value':'d'}]"), "accelerators",
		A_SETTING "The inference accelerator 'd' is not specified in the task definition." },
	{ DEF(",'proxyConfiguration':{'containerName':'a'}"), "proxy",
		"Proxy configuration is only supported when networkMode=awsvpc." },
	{ DEF(VPC ",'proxyConfiguration':{'containerName':'envoy'}"), "proxy",
		"The proxy configuration container 'envoy' is not a container in the TaskDefinition." },
	{ DEF_OF(BOX("a", ",'firelensConfiguration':{'type':'fluentbit'}") "," BOX("b", ",'firelensConfiguration':{'type':'fluentd'}"), ""),
		"firelens_count", "Only one container in a task definition can have a firelensConfiguration object." },
	{ ONE(",'firelensConfiguration':{'type':'fluentbit'}"), "firelens_used",
		"When a firelensConfiguration object is specified, at least one container has to be configured with the "
		"awsfirelens log driver." },
	{ ONE(",'logConfiguration':{'logDriver':'awsfirelens'}"), "firelens_used",
		"When the awsfirelens log driver is specified, one container has to have a firelensConfiguration object." },

	/* one container */
	{ DEF_OF("{'name':'a'}", ""), "image", "Container.image should not be null or empty." },
	{ DEF_OF("{'name':'a','image':''}", ""), "image", "Container.image should not be null or empty." },
	{ DEF_OF("{'name':'a','image':'" LONG "'}", ""), "image", "Container.image should be 255 characters or less" },
	{ DEF_OF("{'name':'a','image':'bu sybox'}", ""), "image", "Container.image contains invalid characters." },
	{ ONE(",'cpu':-1"), "cpu", "Invalid 'cpu' setting for container 'a'." },
	{ DEF_OF(BARE("a", ""), ""), "memory_given", NO_MEMORY },
	{ DEF_OF(BARE("a", ""), VPC), "memory_given", NO_MEMORY },
	{ DEF_OF(BARE("a", ",'memory':3"), ""), "memory_minimum", "Invalid 'memory' setting for container 'a'." },
	{ DEF_OF(BARE("a", ",'memoryReservation':-5"), ""), "memory_minimum", "Invalid 'memoryReservation' setting for container 'a'." },
	{ ONE(",'memoryReservation':65"), "memory_order",
		A_SETTING "The value of 'memory' must be greater than the value of 'memoryReservation'." },
	{ ONE(",'environment':[{'value':'x'}]"), "environment",
		A_SETTING "Environment variable name should not be null or empty." },
	{ ONE(",'environment':[{'name':'A=B'}]"), "environment",
		A_SETTING "Environment variable name contains invalid characters." },
	{ ONE(",'environmentFiles':[{'type':'s3','value':'a.env'}]"), "environment_files",
		A_SETTING "The environment file must be given by the ARN of an Amazon S3 object." },
	{ ONE(",'environmentFiles':[{'type':'s3','value':'arn:aws:s3:::b/a.txt'}]"), "environment_files",
		A_SETTING "The environment file must have a .env file extension." },
	{ ONE(",'secrets':[]"), "secrets_role",
		"When you are specifying container secrets, you must also specify a value for 'executionRoleArn'." },
	{ DEF_OF(BOX("a", ",'environment':[{'name':'S'}],'secrets':[{'name':'S','valueFrom':'p'}]"), ROLE), "secrets_unique",
		"The secret name must be unique and not shared with any new or existing environment variables set on the "
		"container, such as 'S'." },
	{ ONE(",'repositoryCredentials':{'credentialsParameter':'p'}"), "repository_role",
		"Private repository authentication requires that the task definition specify a value for executionRoleArn." },
	{ ONE(LOGS("")), "awslogs_options", "Log driver awslogs requires options: awslogs-region, awslogs-group" },
	{ ONE(",'logConfiguration':{'logDriver':'awslogs'}"), "awslogs_options",
		"Log driver awslogs requires options: awslogs-region, awslogs-group" },
	{ ONE(LOGS("'awslogs-region':'r'")), "awslogs_options", "Log driver awslogs requires options: awslogs-group" },
	{ ONE(LOGS("'awslogs-group':'g'")), "awslogs_options", "Log driver awslogs requires options: awslogs-region" },
	{ ONE(LOGS("'awslogs-group':'g','awslogs-region':'r','awslogs-datetime-format':'x','awslogs-multiline-pattern':'y'")),
		"awslogs_options",
		"Log driver awslogs does not support options awslogs-datetime-format and awslogs-multiline-pattern together." },
	{ ONE(",'healthCheck':{'command':[]}"), "health_command", A_SETTING "Health check command cannot be empty." },
	{ ONE(",'healthCheck':{'command':['CMD-SHELL']}"), "health_command",
		A_SETTING "Health check CMD-SHELL must be followed by one command string." },
	{ ONE(",'healthCheck':{'command':['CMD']}"), "health_command", A_SETTING "Health check CMD must be followed by a command." },
	{ ONE(",'healthCheck':{'command':['x'],'interval':4}"), "health_ranges", A_SETTING "Health check interval must be between 5 and 300." },
	{ ONE(",'healthCheck':{'command':['x'],'timeout':61}"), "health_ranges", A_SETTING "Health check timeout must be between 2 and 60." },
	{ ONE(",'healthCheck':{'command':['x'],'retries':0}"), "health_ranges", A_SETTING "Health check retries must be between 1 and 10." },
	{ ONE(",'healthCheck':{'command':['x'],'startPeriod':301}"), "health_ranges",
		A_SETTING "Health check startPeriod must be between 0 and 300." },
	{ ONE(",'startTimeout':-1"), "timeouts", "Invalid 'startTimeout' setting for container 'a'." },
	{ ONE(",'stopTimeout':-1"), "timeouts", "Invalid 'stopTimeout' setting for container 'a'." },
	{ ONE(",'restartPolicy':{'enabled':true,'restartAttemptPeriod':59}"), "restart_policy",
		A_SETTING "The restartAttemptPeriod must be between 60 and 1800 seconds." },
	{ ONE(",'restartPolicy':{'enabled':true,'ignoredExitCodes':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
		"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"), "restart_policy", A_SETTING "A maximum of 50 container exit codes can be ignored." },
	{ ONE(",'ulimits':[{'name':'nofile','softLimit':2,'hardLimit':1}]"), "ulimits",
		A_SETTING "The soft limit of ulimit 'nofile' must not be greater than its hard limit." },
	{ ONE(",'ulimits':[{'name':'core','softLimit':1,'hardLimit':1},{'name':'core','softLimit':1,'hardLimit':1}]"), "ulimits",
		A_SETTING "The ulimit 'core' is specified more than once." },
	{ ONE(LINUX("'capabilities':{'add':['CAP_CHOWN']}")), "capabilities", A_SETTING "Unknown Linux capability 'CAP_CHOWN'." },
	{ ONE(LINUX("'capabilities':{'drop':['FLY']}")), "capabilities", A_SETTING "Unknown Linux capability 'FLY'." },
	{ ONE(LINUX("'devices':[{'hostPath':''}]")), "devices", A_SETTING "Device hostPath should not be null or empty." },
	{ ONE(LINUX("'sharedMemorySize':-1")), "memory_devices", "Invalid 'sharedMemorySize' setting for container 'a'." },
	{ ONE(LINUX("'tmpfs':[{'containerPath':'/t','size':0}]")), "memory_devices", "Invalid 'tmpfs' setting for container 'a'." },
	{ ONE(LINUX("'maxSwap':-1")), "swap", "Invalid 'maxSwap' setting for container 'a'." },
	{ ONE(LINUX("'swappiness':101")), "swap", A_SETTING "The swappiness must be between 0 and 100." },
	{ ONE(",'systemControls':[{'namespace':'kernel.hostname','value':'x'}]"), "system_controls",
		A_SETTING "The system control namespace 'kernel.hostname' is not supported." },
	{ ONE(",'systemControls':[{'namespace':'net.'}]"), "system_controls", A_SETTING "The system control namespace 'net.' is not supported." },
	{ ONE(",'systemControls':[{'namespace':'net.x'}]"), "system_controls", A_SETTING "The system control 'net.x' must have a value." },
	{ DEF_OF(BOX("a", ",'systemControls':[{'namespace':'net.x','value':'1'}]"), ",'networkMode':'host'"), "system_control_modes",
		A_SETTING "The system control 'net.x' is not supported when networkMode=host." },
	{ DEF_OF(BOX("a", ",'systemControls':[{'namespace':'kernel.sem','value':'1'}]"), ",'ipcMode':'host'"), "system_control_modes",
		A_SETTING "The system control 'kernel.sem' is not supported when ipcMode=host." },
	{ ONE(",'resourceRequirements':[{'type':'GPU','value':'0'}]"), "gpu", A_SETTING "The GPU resource requirement must be a positive number." },
	{ ONE(",'dockerSecurityOptions':['seccomp:x']"), "security_options", "Invalid 'dockerSecurityOptions' setting for container 'a'." },
	{ ONE(",'credentialSpecs':['a','b']"), "credential_specs", A_SETTING "Only one credential spec can be specified." },

	/* network */
	{ ONE(",'portMappings':[{'containerPort':80,'containerPortRange':'80-81'}]"), "port_kind",
		A_SETTING "Specify either 'containerPort' or 'containerPortRange', but not both." },
	{ ONE(",'portMappings':[{}]"), "container_port", "Invalid 'containerPort' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPort':65536}]"), "container_port", "Invalid 'containerPort' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPort':80,'hostPort':-1}]"), "host_port", "Invalid 'hostPort' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPortRange':'80-81','hostPort':80}]"), "host_port", "Invalid 'hostPort' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPortRange':'81-80'}]"), "port_range", "Invalid 'containerPortRange' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPortRange':'80'}]"), "port_range", "Invalid 'containerPortRange' setting for container 'a'." },
	{ ONE(",'portMappings':[{'containerPortRange':'80--81'}]"), "port_range", "Invalid 'containerPortRange' setting for container 'a'." },
	{ DEF_OF(BOX("a", ",'portMappings':[{'containerPortRange':'80-81'}]"), ",'networkMode':'host'"), "port_range",
		"Container port ranges are not supported when networkMode=host." },
	{ ONE(",'portMappings':[{'containerPort':80,'name':'-web'}]"), "port_name",
		A_SETTING "The port mapping name must have up to 64 lowercase letters, numbers, underscores and hyphens, and can't "
		"start with a hyphen." },
	{ ONE(",'portMappings':[{'containerPort':80,'appProtocol':'http'}]"), "port_name",
		A_SETTING "A port mapping with 'appProtocol' must have a name." },
	{ ONE(",'portMappings':[{'containerPort':80,'name':'web'},{'containerPort':81,'name':'web'}]"), "port_names_unique",
		"The port mapping name 'web' is used more than once in the task definition." },
	{ DEF_OF(BOX("a", ",'portMappings':[{'containerPort':80,'hostPort':81}]"), VPC), "ports_match",
		"When networkMode=awsvpc, the host ports and container ports in port mappings must match." },
	{ DEF_OF(BOX("a", ",'portMappings':[{'containerPort':80,'hostPort':81}]"), ",'networkMode':'host'"), "ports_match",
		"When networkMode=host, the host ports and container ports in port mappings must match." },
	{ DEF_OF(BOX("a", ",'portMappings':[{'containerPort':80}]"), ",'networkMode':'none'"), "ports_none",
		"Port mappings are not supported when networkMode=none." },
	{ DEF_OF(BOX("a", ",'links':['b']") "," BOX("b", ""), VPC), "links_mode", "Links are not supported when networkMode=awsvpc." },
	{ DEF_OF(BOX("a", ",'links':['b']") "," BOX("b", ""), ",'networkMode':'host'"), "links_mode",
		"Links are not supported when networkMode=host." },
	{ DEF_OF(BOX("a", ",'hostname':'h'"), VPC), "hostname_mode", "Container hostname is not supported when networkMode=awsvpc." },
	{ DEF_OF(BOX("a", ",'dnsServers':['1.1.1.1']"), VPC), "dns_mode", "DNS servers are not supported when networkMode=awsvpc." },
	{ DEF_OF(BOX("a", ",'dnsSearchDomains':['x']"), VPC), "dns_mode", "DNS search domains are not supported when networkMode=awsvpc." },
	{ DEF_OF(BOX("a", ",'extraHosts':[{'hostname':'h','ipAddress':'1.2.3.4'}]"), VPC), "extra_hosts_mode",
		"Extra hosts are not supported when networkMode=awsvpc." },

	/* volumes */
	{ DEF(",'volumes':[{}]"), "volume_names", "Volume.name should not be null or empty." },
	{ DEF(",'volumes':[{'name':'a/b'}]"), "volume_names", "Volume.name contains invalid characters." },
	{ DEF(",'volumes':[{'name':'" LONG "'}]"), "volume_names", "Volume.name should be 255 characters or less." },
	{ DEF(",'volumes':[{'name':'v'},{'name':'v'}]"), "volume_names", "Volume names must be unique." },
	{ VOLUME("'host':{'sourcePath':'/x'},'dockerVolumeConfiguration':{}"), "volume_kinds",
		V_SETTING "Only one volume configuration can be specified per volume." },
	{ DEF(",'volumes':[{'name':'v','configuredAtLaunch':true},{'name':'w','configuredAtLaunch':true}]"), "launch_volumes",
		"Only one volume in a task definition can have 'configuredAtLaunch' set to true." },
	{ VOLUME("'host':{'sourcePath':''}"), "host_volumes", "host.sourcePath should not be blank." },
	{ VOLUME("'efsVolumeConfiguration':{'fileSystemId':''}"), "efs_volumes", V_SETTING "An EFS fileSystemId must be specified." },
	{ EFS(",'transitEncryption':'ENABLED','authorizationConfig':{'accessPointId':'p'},'rootDirectory':'/x'"), "efs_volumes",
		V_SETTING "When an EFS access point is specified, the rootDirectory must either be omitted or set to '/'." },
	{ EFS(",'authorizationConfig':{'accessPointId':'p'}"), "efs_volumes",
		V_SETTING "EFS transit encryption must be enabled when an access point is specified." },
	{ EFS(",'authorizationConfig':{'iam':'ENABLED'}"), "efs_volumes",
		V_SETTING "EFS transit encryption must be enabled when IAM authorization is enabled." },
	{ EFS(",'transitEncryptionPort':0"), "efs_volumes", V_SETTING "The EFS transitEncryptionPort must be between 1 and 65535." },
	{ VOLUME("'s3filesVolumeConfiguration':{'fileSystemArn':'fs'}"), "s3files_volumes", V_SETTING "The fileSystemArn must be an ARN." },
	{ VOLUME("'s3filesVolumeConfiguration':{'fileSystemArn':'arn:x','transitEncryptionPort':70000}"), "s3files_volumes",
		V_SETTING "The transitEncryptionPort must be between 1 and 65535." },
	{ ONE(",'mountPoints':[{'containerPath':'/x'}]"), "mount_points",
		A_SETTING "mountPoint.sourceVolume should not be null or empty." },
	{ ONE(",'mountPoints':[{'sourceVolume':'X','containerPath':'/x'}]"), "mount_points", "Unknown volume 'X'." },
	{ DEF_OF(BOX("a", ",'mountPoints':[{'sourceVolume':'v'}]"), ",'volumes':[{'name':'v'}]"), "mount_points",
		A_SETTING "mountPoint.containerPath should not be null or empty." },
	{ ONE(",'volumesFrom':[{}]"), "volumes_from", A_SETTING "volumesFrom.sourceContainer should not be null or empty." },
	{ ONE(",'volumesFrom':[{'sourceContainer':'a'}]"), "volumes_from",
		A_SETTING "The volumesFrom source 'a' is not another container in the TaskDefinition." },

	/* order */
	{ ONE(",'links':['x:']"), "link_targets", A_SETTING "Invalid link format: 'x:'." },
	{ ONE(",'links':['x']"), "link_targets", A_SETTING "The link target 'x' is not a container in the TaskDefinition." },
	{ DEF_OF(BOX("a", ",'links':['b']") "," BOX("b", ",'links':['a:x']"), ""), "link_cycle", "Container links should not have a cycle" },
	{ ONE(",'links':['a']"), "link_cycle", "Container links should not have a cycle" },
	{ ONE(DEPENDS("a", "START")), "dependency_targets", "A container cannot depend on itself. Container: 'a'." },
	{ ONE(DEPENDS("x", "START")), "dependency_targets",
		A_SETTING "The dependency container 'x' is not a container in the TaskDefinition." },
	{ DEF_OF(BOX("a", DEPENDS("b", "COMPLETE")) "," BOX("b", ""), ""), "dependency_conditions",
		"A dependency container with SUCCESS or COMPLETE condition cannot be an essential container" },
	{ DEF_OF(BOX("a", DEPENDS("b", "HEALTHY")) "," BOX("b", ""), ""), "dependency_conditions",
		A_SETTING "The dependency container 'b' with HEALTHY condition must have a health check." },
	{ DEF_OF(BOX("a", DEPENDS("b", "START")) "," BOX("b", DEPENDS("c", "START")) "," BOX("c", DEPENDS("a", "START")), ""),
		"dependency_cycle", "There is a circular dependency in containers" },
	{ DEF_OF(BOX("a", DEPENDS("b", "START")) "," BOX("b", ",'volumesFrom':[{'sourceContainer':'a'}]"), ""), "dependency_cycle",
		"There is a circular dependency in containers" },

	/* Fargate */
	{ DEF(FARGATE QUARTER), "fargate_network", "Fargate only supports network mode ‘awsvpc’." },
	{ DEF(FARGATE VPC ",'memory':'512'"), "fargate_cpu", "Fargate requires that 'cpu' be defined at the task level." },
	{ DEF(FARGATE VPC ",'cpu':'256'"), "fargate_memory", "Fargate requires that 'memory' be defined at the task level." },
	{ DEF(FARGATE VPC ",'cpu':'256','memory':'768'"), "fargate_combination", "No Fargate configuration exists for given values." },
	{ DEF(FARGATE VPC ",'cpu':'8192','memory':'17408'"), "fargate_combination", "No Fargate configuration exists for given values." },
	{ DEF(FARGATE VPC ",'cpu':'300','memory':'1024'"), "fargate_combination", "No Fargate configuration exists for given values." },
	{ FARGATE_DEF(",'runtimePlatform':{'operatingSystemFamily':'WINDOWS_SERVER_2022_CORE'}"), "fargate_combination",
		"No Fargate configuration exists for given values." },
	{ FARGATE_DEF(",'pidMode':'host'"), "fargate_pid_mode",
		"Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'." },
	{ FARGATE_DEF(",'ipcMode':'task'"), "fargate_ipc_mode", "Tasks using the Fargate launch type do not support ipcMode." },
	{ FARGATE_DEF(",'volumes':[{'name':'v','host':{'sourcePath':'/x'}}]"), "fargate_host_volumes", NOT_SUPPORTED "sourcePath" },
	{ FARGATE_DEF(",'volumes':[{'name':'v','dockerVolumeConfiguration':{}}]"), "fargate_docker_volumes",
		NOT_SUPPORTED "dockerVolumeConfiguration" },
	{ FARGATE_DEF(",'placementConstraints':[{'type':'memberOf','expression':'agentConnected == true'}]"), "fargate_placement",
		"Placement constraints are not supported with FARGATE." },
	{ FARGATE_DEF(",'inferenceAccelerators':[{'deviceName':'d','deviceType':'t'}]"), "fargate_accelerators",
		NOT_SUPPORTED "inferenceAccelerators" },
	{ FARGATE_ONE(",'privileged':true"), "fargate_unsupported", NOT_SUPPORTED "privileged" },
	{ FARGATE_ONE(",'disableNetworking':true"), "fargate_unsupported", NOT_SUPPORTED "disableNetworking" },
	{ FARGATE_ONE(",'dockerSecurityOptions':['no-new-privileges']"), "fargate_unsupported", NOT_SUPPORTED "dockerSecurityOptions" },
	{ FARGATE_ONE(LINUX("'sharedMemorySize':64")), "fargate_linux", NOT_SUPPORTED "sharedMemorySize" },
	{ FARGATE_ONE(LINUX("'devices':[{'hostPath':'/dev/x'}]")), "fargate_linux", NOT_SUPPORTED "devices" },
	{ FARGATE_ONE(LINUX("'maxSwap':1")), "fargate_linux", NOT_SUPPORTED "maxSwap" },
	{ FARGATE_ONE(LINUX("'swappiness':1")), "fargate_linux", NOT_SUPPORTED "swappiness" },
	{ FARGATE_ONE(LINUX("'capabilities':{'add':['SYS_ADMIN']}")), "fargate_capabilities",
		NOT_SUPPORTED "adding the Linux capability 'SYS_ADMIN'. The supported value is 'SYS_PTRACE'." },
	{ FARGATE_ONE(",'logConfiguration':{'logDriver':'json-file'}"), "fargate_log_driver",
		NOT_SUPPORTED "log driver json-file. The supported values are awslogs, splunk and awsfirelens." },
	{ FARGATE_ONE(LOGS_GOOD), "fargate_awslogs_prefix", "Log driver awslogs requires option: awslogs-stream-prefix" },
	{ FARGATE_ONE(LOGS("'awslogs-region':'us-east-1','awslogs-group':'g','awslogs-stream-prefix':'p'")), "fargate_awslogs_role",
		"Fargate requires task definition to have execution role ARN to support log driver awslogs." },
	{ DEF_OF("{'name':'a','image':'000000000000.dkr.ecr.us-east-1.amazonaws.com/x:1'}", VPC QUARTER FARGATE), "fargate_ecr_role",
		"Fargate requires task definition to have execution role ARN to support ECR images." },
	{ FARGATE_ONE(",'resourceRequirements':[{'type':'GPU','value':'1'}]"), "fargate_gpu", NOT_SUPPORTED "resourceRequirements" },
	{ FARGATE_ONE(",'ulimits':[{'name':'core','softLimit':1,'hardLimit':1}]"), "fargate_ulimits",
		NOT_SUPPORTED "ulimit 'core'. The supported value is 'nofile'." },
	{ FARGATE_ONE(",'startTimeout':121"), "fargate_timeouts", A_SETTING "For Fargate, 'startTimeout' must be between 2 and 120 seconds." },
	{ FARGATE_ONE(",'stopTimeout':1"), "fargate_timeouts", A_SETTING "For Fargate, 'stopTimeout' must be between 2 and 120 seconds." },
};
/* clang-format on */

/* Asks the rules about one definition; *ret_rule is NULL where it is accepted. */
static void
ask(const char *json, bool memory_may_be_unset, const char **ret_rule, struct err *e)
{
	_cleanup_free_ char *text = xstrdup(json);
	_cleanup_json_ struct json_object *tree = NULL;
	_cleanup_arena_ struct arena a = { 0 };
	struct task_def td;
	struct td_subject subject = { .td = &td, .memory_may_be_unset = memory_may_be_unset };

	for (char *p = text; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	*ret_rule = NULL;
	if (task_def_parse(text, &a, &tree, &td, e) < 0)
		fail_msg("%s: %s", json, e->text);
	if (task_definition_rules_check(&subject, ret_rule, e) < 0)
		assert_int_equal(e->kind, ERR_CLIENT);
}

static void
test_cases(void **state)
{
	const char *rule;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		e = (struct err){ 0 };
		ask(cases[i].json, false, &rule, &e);
		if (!streq(rule, cases[i].rule) ||
		    (rule != NULL && !streq(e.text, cases[i].message)))
			fail_msg("%s: rule %s \"%s\", should be %s \"%s\"", cases[i].json,
			    rule != NULL ? rule : "none", e.text,
			    cases[i].rule != NULL ? cases[i].rule : "none",
			    cases[i].message != NULL ? cases[i].message : "");
	}
}

/* KIND_MEMORY_UNSET: the page's worker example, in lenient mode only. */
static void
test_lenient_memory(void **state)
{
	const char *worker = DEF_OF(BARE("worker", ""), VPC);
	const char *rule;
	struct err e = { 0 };

	(void)state;
	ask(worker, true, &rule, &e);
	assert_null(rule);
	ask(worker, false, &rule, &e);
	assert_string_equal(rule, "memory_given");
}

static void
test_too_many_of_a_kind(void **state)
{
	static char json[16384];
	const char *rule;
	struct err e = { 0 };
	size_t len;

	(void)state;
	len = (size_t)snprintf(json, sizeof(json),
	    "{'family':'f','containerDefinitions':[{'name':'a','image':'b','memory':64,'"
	    "portMappings':[");
	for (int i = 0; i < 101; i++)
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    "%s{'containerPortRange':'%d-%d'}", i > 0 ? "," : "", 1000 + 2 * i,
		    1001 + 2 * i);
	(void)snprintf(json + len, sizeof(json) - len, "]}]}");
	ask(json, false, &rule, &e);
	assert_string_equal(rule, "port_range_count");
	assert_string_equal(
	    e.text, A_SETTING "A maximum of 100 port ranges can be specified per container.");

	len = (size_t)snprintf(json, sizeof(json),
	    "{'family':'f','containerDefinitions':[{'name':'a','image':'b','memory':64,'"
	    "environmentFiles':[");
	for (int i = 0; i < 11; i++)
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    "%s{'type':'s3','value':'arn:aws:s3:::b/%d.env'}", i > 0 ? "," : "", i);
	(void)snprintf(json + len, sizeof(json) - len, "]}]}");
	ask(json, false, &rule, &e);
	assert_string_equal(rule, "environment_files");
	assert_string_equal(
	    e.text, A_SETTING "A maximum of 10 environment files can be specified.");
}

static bool
has_case(const char *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (streq(cases[i].rule, rule))
			return true;
	}
	return streq(rule, "port_range_count"); /* test_too_many_of_a_kind */
}

static void
test_every_rule_has_a_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_RULE_SETS; i++) {
		for (size_t k = 0; k < td_rule_sets[i]->n; k++) {
			const struct td_rule *rule = &td_rule_sets[i]->rules[k];

			assert_int_equal((rule->task != NULL) + (rule->container != NULL), 1);
			if (!has_case(rule->name))
				fail_msg("the rule %s has no case", rule->name);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_lenient_memory),
		cmocka_unit_test(test_too_many_of_a_kind),
		cmocka_unit_test(test_every_rule_has_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
