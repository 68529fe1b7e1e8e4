/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patches the document that DescribeTasks prints with what a snapshot says, and commits it. Called
 * by main.c's wiring (fleet → here → api, fleet) and by StopTask; it must not know who runs a task.
 */
#include "daemon/events.h"

#include "common/json.h"
#include "common/log.h"
#include "daemon/vpc/interface.h"

#include <errno.h>
#include <string.h>

struct events {
	struct store *store;
	struct events_callbacks cb;
};

static bool take_in(
    struct events *ev, struct store_task *t, const Shim__TaskState *s, struct err *e);
static int patch(struct store_task *t, const Shim__TaskState *s, struct err *e);
static enum health_state checked_health(const struct store_task *t, const Shim__TaskState *s);
static void patch_task(struct json_object *doc, const Shim__TaskState *s);
static void patch_attachments(
    struct json_object *doc, const struct store_task *t, const Shim__TaskState *s);
static void patch_containers(struct json_object *doc, const Shim__TaskState *s);
static void patch_container(
    struct json_object *o, const Shim__ContainerState *c, const char *attachment_id);
static void add_bindings(struct json_object *o, const Shim__ContainerState *c);
static void add_interfaces(
    struct json_object *o, const Shim__ContainerState *c, const char *attachment_id);
static int patch_interface(struct store *s, const struct store_task *t, struct err *e);
static void set_doc(struct store_task *t, struct json_object *doc);
static void keep_readable(char *doc);

struct events *
events_new(struct store *s, const struct events_callbacks *cb)
{
	struct events *ev = xcalloc(1, sizeof(*ev));

	*ev = (struct events){ .store = s, .cb = *cb };
	return ev;
}

void
events_free(struct events *ev)
{
	free(ev);
}

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

void
events_state(struct events *ev, const char *task_id, const Shim__TaskState *s)
{
	_cleanup_(task_done) struct store_task t = { 0 };
	struct err e = { 0 };
	bool changed, finished;
	int r;

	r = store_task_get(ev->store, task_id, &t, &e);
	if (r < 0) {
		log_err("task", task_id, "state %s is not taken in: %s",
		    task_state_name((enum task_state)s->last_status), e.text);
		return;
	}
	if (r == 0) {
		log_warn("task", task_id, "state of a task that is not in the store");
		if (s->cleaned_up)
			ev->cb.on_finished(task_id, ev->cb.cookie);
		return;
	}
	changed = take_in(ev, &t, s, &e);
	finished = t.cleaned_up && t.last_status == TASK_STOPPED;
	if (changed)
		ev->cb.on_changed(task_id, ev->cb.cookie);
	if (finished)
		ev->cb.on_finished(task_id, ev->cb.cookie);
}

/* True if the row has changed and is committed; on failure `t` is what the store still has. */
static bool
take_in(struct events *ev, struct store_task *t, const Shim__TaskState *s, struct err *e)
{
	enum task_state was = t->last_status, is = (enum task_state)s->last_status;
	bool was_cleaned_up = t->cleaned_up;

	if (s->seq <= t->seq || s->seq > INT64_MAX)
		return false;
	if (!task_state_may_follow(was, is)) {
		log_warn("task", t->id, "snapshot %s after %s is ignored", task_state_name(is),
		    task_state_name(was));
		return false;
	}
	if (patch(t, s, e) == 0 && store_begin(ev->store, e) == 0) {
		if (store_task_update(ev->store, t, e) == 0 &&
		    patch_interface(ev->store, t, e) >= 0 && store_commit(ev->store, e) == 0) {
			if (was != is)
				log_info("task", t->id, "%s -> %s%s%s", task_state_name(was),
				    task_state_name(is), s->stop_code[0] != '\0' ? " " : "",
				    s->stop_code);
			return true;
		}
		store_rollback(ev->store);
	}
	t->cleaned_up = was_cleaned_up;
	log_err("task", t->id, "state %s is not stored: %s", task_state_name(is), e->text);
	return false;
}

static int
patch(struct store_task *t, const Shim__TaskState *s, struct err *e)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r = json_parse(t->doc, strlen(t->doc), &doc, e);

	if (r < 0)
		return r;
	patch_task(doc, s);
	patch_attachments(doc, t, s);
	patch_containers(doc, s);
	/* `version` counts what a reader of DescribeTasks can see, not what a shim says. */
	if (!streq(json_print(doc), t->doc)) {
		set_doc(t, doc);
		keep_readable(t->doc);
	}

	t->last_status = (enum task_state)s->last_status;
	t->desired_stopped =
	    t->desired_stopped || s->desired_stopped || t->last_status == TASK_STOPPED;
	t->cleaned_up = t->cleaned_up || (s->cleaned_up && t->last_status == TASK_STOPPED);
	if (t->stopped_at_ms == 0 && t->last_status == TASK_STOPPED)
		t->stopped_at_ms = s->stopped_at_ms != 0 ? s->stopped_at_ms : now_ms();
	if (t->started_at_ms == 0)
		t->started_at_ms = s->started_at_ms;
	t->health = checked_health(t, s);
	t->seq = s->seq;
	free(t->state);
	t->state_len = shim__task_state__get_packed_size(s);
	t->state = xcalloc(t->state_len, 1);
	shim__task_state__pack(s, t->state);
	return 0;
}

/* The task's health without the essential containers that have no check. */
static enum health_state
checked_health(const struct store_task *t, const Shim__TaskState *s)
{
	int64_t healthy = 0;

	for (size_t i = 0; i < s->n_containers; i++)
		healthy += s->containers[i]->health == SHIM__HEALTH_STATUS__HEALTHY;
	if (t->checks > 0 && healthy >= t->checks && s->health == SHIM__HEALTH_STATUS__UNKNOWN)
		return HEALTH_HEALTHY;
	return (enum health_state)s->health;
}

/* Writes the document back with the next version. */
static void
set_doc(struct store_task *t, struct json_object *doc)
{
	json_add_int(doc, "version", json_get_int(doc, "version", 0) + 1);
	free(t->doc);
	t->doc = xstrdup(json_print(doc));
}

/* A reason can carry any bytes that a registry or an image gave to the Engine. A document that
 * cannot be read again would be the last one of its task. */
static void
keep_readable(char *doc)
{
	_cleanup_json_ struct json_object *again = NULL;

	if (json_parse(doc, strlen(doc), &again, NULL) == 0)
		return;
	for (char *p = doc; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
}

/* The first stopCode stays, and with it the reason that belongs to it. */
static void
set_stop(struct json_object *doc, const char *code, const char *reason)
{
	if (json_get(doc, "stopCode") != NULL || code[0] == '\0')
		return;
	json_add_str(doc, "stopCode", code);
	json_add_str(doc, "stoppedReason", reason);
}

/* A time once reached is not moved: a shim that adopts may see it a little differently. None is
 * before `*floor`, which goes along: clocks are set back, and a container may have ended before the
 * stop that nobody was there to pass on. */
static void
set_time(struct json_object *doc, const char *key, int64_t ms, int64_t *floor)
{
	struct json_object *told = json_get(doc, key);

	if (told != NULL)
		ms = (int64_t)(json_object_get_double(told) * 1000 + 0.5);
	if (ms == 0)
		return;
	if (ms > *floor)
		*floor = ms;
	if (told == NULL)
		json_add_time(doc, key, *floor);
}

static void
set_times(struct json_object *doc, const Shim__TaskState *s)
{
	int64_t floor = 0, connected;

	set_time(doc, "createdAt", 0, &floor);
	connected = floor;
	set_time(doc, "connectivityAt", s->connectivity_at_ms, &connected);
	set_time(doc, "pullStartedAt", s->pull_started_at_ms, &floor);
	set_time(doc, "pullStoppedAt", s->pull_stopped_at_ms, &floor);
	set_time(doc, "startedAt", s->started_at_ms, &floor);
	set_time(doc, "stoppingAt", s->stopping_at_ms, &floor);
	set_time(doc, "executionStoppedAt", s->execution_stopped_at_ms, &floor);
	set_time(doc, "stoppedAt", s->stopped_at_ms, &floor);
}

static void
patch_task(struct json_object *doc, const Shim__TaskState *s)
{
	json_add_str(doc, "lastStatus", task_state_name((enum task_state)s->last_status));
	if (s->desired_stopped || s->last_status == SHIM__TASK_STATUS__STOPPED)
		json_add_str(doc, "desiredStatus", "STOPPED");
	json_add_str(doc, "healthStatus", health_state_name((enum health_state)s->health));
	if (s->connectivity_at_ms != 0)
		json_add_str(doc, "connectivity", "CONNECTED");
	set_times(doc, s);
	set_stop(doc, s->stop_code, s->stopped_reason);
}

/* The address that the task was given, "" while there is none. One task has one interface. */
static const char *
task_address(const Shim__TaskState *s)
{
	for (size_t i = 0; i < s->n_containers; i++)
		if (s->containers[i]->n_network_interfaces > 0)
			return s->containers[i]->network_interfaces[0]->private_ipv4_address;
	return "";
}

static struct json_object *
interface_attachment(struct json_object *doc)
{
	struct json_object *list = json_get(doc, "attachments");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);

		if (streq(json_get_str(a, "type"), "ElasticNetworkInterface"))
			return a;
	}
	return NULL;
}

static void
add_detail(struct json_object *details, const char *name, const char *value)
{
	struct json_object *detail = json_object_new_object();

	json_add_str(detail, "name", name);
	json_add_str(detail, "value", value);
	json_object_array_add(details, detail);
}

/* What DescribeTasks shows of the interface from ATTACHING on, beside its subnet. */
static void
add_details(struct json_object *details, const struct store_task *t, const char *address)
{
	Shim__TaskSpec *spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	const Shim__Network *n = spec != NULL ? spec->network : NULL;

	if (n != NULL) {
		add_detail(details, "networkInterfaceId", n->eni_id);
		add_detail(details, "macAddress", n->mac);
		add_detail(details, "privateDnsName", n->dns_name);
		add_detail(details, "privateIPv4Address", n->private_ipv4);
	} else if (address[0] != '\0') {
		add_detail(details, "privateIPv4Address", address);
	}
	shim__task_spec__free_unpacked(spec, NULL);
}

static void
patch_attachments(struct json_object *doc, const struct store_task *t, const Shim__TaskState *s)
{
	struct json_object *a = interface_attachment(doc);
	const char *status = NULL;
	struct json_object *details;

	if (a == NULL)
		return;
	if (s->last_status == SHIM__TASK_STATUS__STOPPED)
		status = "DELETED";
	else if (s->last_status >= SHIM__TASK_STATUS__RUNNING || task_address(s)[0] != '\0')
		status = "ATTACHED";
	else if (s->last_status >= SHIM__TASK_STATUS__PENDING)
		status = "ATTACHING";
	if (status == NULL)
		return;
	json_add_str(a, "status", status);
	details = json_get(a, "details");
	if (details != NULL && json_object_array_length(details) == 1)
		add_details(details, t, task_address(s));
}

/* The interface itself follows its task: attached, and given back once no container has it. */
static int
patch_interface(struct store *s, const struct store_task *t, struct err *e)
{
	if (t->cleaned_up)
		return interface_release(s, &t->scope, t->id, e);
	if (t->last_status == TASK_RUNNING)
		return interface_attach_held(s, &t->scope, t->id, e);
	return 0;
}

static void
patch_containers(struct json_object *doc, const Shim__TaskState *s)
{
	struct json_object *list = json_get(doc, "containers");
	struct json_object *attachment = interface_attachment(doc);
	const char *attachment_id = attachment != NULL ? json_get_str(attachment, "id") : NULL;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		for (size_t k = 0; k < s->n_containers; k++)
			if (streq(json_get_str(o, "name"), s->containers[k]->name))
				patch_container(o, s->containers[k], attachment_id);
	}
}

static void
patch_container(struct json_object *o, const Shim__ContainerState *c, const char *attachment_id)
{
	json_add_str(o, "lastStatus", container_state_name((enum container_state)c->status));
	json_add_str(o, "healthStatus", health_state_name((enum health_state)c->health));
	if (c->has_exit_code)
		json_add_int(o, "exitCode", c->exit_code);
	if (c->reason[0] != '\0')
		json_add_str(o, "reason", c->reason);
	if (c->runtime_id[0] != '\0')
		json_add_str(o, "runtimeId", c->runtime_id);
	if (c->image_digest[0] != '\0')
		json_add_str(o, "imageDigest", c->image_digest);
	/* A stopped container keeps the ports and the address it had. */
	if (c->n_network_bindings > 0)
		add_bindings(o, c);
	if (c->n_network_interfaces > 0)
		add_interfaces(o, c, attachment_id);
}

static void
add_bindings(struct json_object *o, const Shim__ContainerState *c)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < c->n_network_bindings; i++) {
		const Shim__NetworkBinding *b = c->network_bindings[i];
		struct json_object *binding = json_object_new_object();

		json_add_str(binding, "bindIP", b->bind_ip);
		if (b->container_port_range[0] != '\0') {
			json_add_str(binding, "containerPortRange", b->container_port_range);
			json_add_str(binding, "hostPortRange", b->host_port_range);
		} else {
			json_add_int(binding, "containerPort", b->container_port);
			json_add_int(binding, "hostPort", b->host_port);
		}
		json_add_str(binding, "protocol", b->protocol);
		json_object_array_add(list, binding);
	}
	json_add(o, "networkBindings", list);
}

static void
add_interfaces(struct json_object *o, const Shim__ContainerState *c, const char *attachment_id)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < c->n_network_interfaces; i++) {
		const Shim__NetworkInterface *n = c->network_interfaces[i];
		struct json_object *interface = json_object_new_object();

		json_add_str(interface, "attachmentId",
		    n->attachment_id[0] != '\0' ? n->attachment_id : attachment_id);
		json_add_str(interface, "privateIpv4Address", n->private_ipv4_address);
		json_object_array_add(list, interface);
	}
	json_add(o, "networkInterfaces", list);
}

int
events_report(struct store *s, struct store_task *t, const Shim__TaskState *state, struct err *e)
{
	int r;

	if (state->seq <= t->seq || state->seq > INT64_MAX ||
	    !task_state_may_follow(t->last_status, (enum task_state)state->last_status))
		return 0;
	r = patch(t, state, e);
	if (r == 0)
		r = store_task_update(s, t, e);
	return r < 0 ? r : 1;
}

int
events_stop(
    struct store *s, struct store_task *t, const char *stop_code, const char *reason, struct err *e)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r;

	if (t->desired_stopped || t->last_status == TASK_STOPPED)
		return 0;
	r = json_parse(t->doc, strlen(t->doc), &doc, e);
	if (r < 0)
		return r;
	json_add_str(doc, "desiredStatus", "STOPPED");
	set_stop(doc, stop_code, reason);
	set_doc(t, doc);
	t->desired_stopped = true;
	r = store_task_update(s, t, e);
	return r < 0 ? r : 1;
}
