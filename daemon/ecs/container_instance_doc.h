/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container instances as the API takes and prints them. Shared by the container_instance_*.c files
 * alone.
 */
#ifndef DAEMON_ECS_CONTAINER_INSTANCE_DOC_H
#define DAEMON_ECS_CONTAINER_INSTANCE_DOC_H

#include "daemon/ecs/container_instance_place.h"
#include "daemon/ecs/tag_set.h"

struct instance_attribute {
	const char *name;
	const char *value;
	int target_type;
	const char *target_id;
};
struct instance_attributes {
	bool set;
	size_t n;
	struct instance_attribute *v;
};
struct instance_resource {
	const char *name;
	const char *type;
	struct opt_int integer_value;
	struct str_list set_value;
};
struct instance_resources {
	bool set;
	size_t n;
	struct instance_resource *v;
};
struct platform_device {
	const char *id;
	int type;
};
struct platform_devices {
	bool set;
	size_t n;
	struct platform_device *v;
};

extern const struct schema instance_attribute_schema;
extern const struct schema instance_resource_schema;
extern const struct schema platform_device_schema;

#define INSTANCE_INCLUDE_TAGS BIT(0)
#define INSTANCE_INCLUDE_HEALTH BIT(1)

/* The resources of this machine, registered where nobody says others. The caller owns it. */
struct json_object *container_instance_machine_resources(void);
/* Resources as a client gave them, in the form in which they are printed; GPUs of `devices` are
 * added. */
int container_instance_resources(struct call *c, const struct instance_resources *given,
    const struct platform_devices *devices, struct json_object **ret);
/* Sets one attribute of a document; `value` NULL: it has none. */
void container_instance_set_attribute(struct json_object *doc, const char *name, const char *value);

/* The instance of a reply: its document with counts, what is left, and what `include` says. */
int container_instance_print(struct call *c, const struct store_container_instance *i,
    unsigned include, struct json_object **ret);
/* Writes a changed document and counts its version up. */
int container_instance_save(
    struct call *c, struct store_container_instance *i, struct json_object *doc);

/* The instance that an "id or ARN" names: 1, or 0 where the cluster has no such one. */
int container_instance_find(
    struct call *c, const char *cluster, const char *given, struct store_container_instance *ret);
/* The ARN in a failure: as it was given, or the one that the id would have. */
const char *container_instance_given_arn(struct call *c, const char *cluster, const char *given);

/* The handlers of the family that are in files of their own. */
int describe_container_instances(struct call *c);
int list_container_instances(struct call *c);
int put_attributes(struct call *c);
int delete_attributes(struct call *c);
int list_attributes(struct call *c);
extern const struct schema describe_container_instances_schema;
extern const struct schema list_container_instances_schema;
extern const struct schema put_attributes_schema;
extern const struct schema delete_attributes_schema;
extern const struct schema list_attributes_schema;

#endif
