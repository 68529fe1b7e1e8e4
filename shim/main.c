/* SPDX-License-Identifier: Apache-2.0 */
/*
 * localemu-ecs-shim: one process per task. Talks with the daemon on descriptor 3 and wires link,
 * Engine and task together. When the daemon goes away it exits and leaves the containers as they
 * are.
 */
#include "shim/report.h"
#include "common/link.h"
#include "common/log.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINK_FD 3
#define LAST_WORDS_MS 1000

struct shim {
	struct loop *loop;
	struct link *link;
	struct engine *engine;
	struct task *task;
	Shim__Hello *hello; /* a copy */
	char *gate_parent;
	struct engine_callbacks engine_callbacks;
	bool logging;
};

static int on_hello(struct link *l, const Shim__Frame *f, void *cookie);
static int on_start(struct link *l, const Shim__Frame *f, void *cookie);
static int on_adopt(struct link *l, const Shim__Frame *f, void *cookie);
static int on_stop(struct link *l, const Shim__Frame *f, void *cookie);
static int on_credentials(struct link *l, const Shim__Frame *f, void *cookie);
static int on_firewall(struct link *l, const Shim__Frame *f, void *cookie);
static int on_bye(struct link *l, const Shim__Frame *f, void *cookie);
static void set_firewall(struct shim *s, const Shim__Firewall *m);

/* clang-format off */
static const struct link_handler handlers[LINK_HANDLERS_MAX] = {
	[SHIM__FRAME__BODY_HELLO] = { "Hello", BIT(LINK_NEW),                                     on_hello },
	[SHIM__FRAME__BODY_START] = { "Start", BIT(LINK_GREETED) | BIT(LINK_TASK),                on_start },
	[SHIM__FRAME__BODY_ADOPT] = { "Adopt", BIT(LINK_GREETED) | BIT(LINK_TASK),                on_adopt },
	[SHIM__FRAME__BODY_STOP]  = { "Stop",  BIT(LINK_TASK),                                    on_stop },
	[SHIM__FRAME__BODY_CREDENTIALS] = { "Credentials", BIT(LINK_TASK),                        on_credentials },
	[SHIM__FRAME__BODY_FIREWALL] = { "Firewall", BIT(LINK_TASK),                              on_firewall },
	[SHIM__FRAME__BODY_BYE]   = { "Bye",   BIT(LINK_NEW) | BIT(LINK_GREETED) | BIT(LINK_TASK), on_bye },
};
/* clang-format on */

static void on_close(struct link *l, int reason, void *cookie);
static void on_log(enum log_level level, const char *line, void *cookie);
static void shim_free(struct shim *s);

int
main(void)
{
	struct shim s = { 0 };
	int r;

	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (fcntl(LINK_FD, F_GETFD) < 0) {
		(void)fprintf(stderr,
		    "localemu-ecs-shim is started by localemu-ecsd, with its socket on "
		    "descriptor 3\n");
		return EXIT_FAILURE;
	}
	(void)fcntl(LINK_FD, F_SETFD, FD_CLOEXEC);
	s.loop = loop_new();
	s.link = link_new(s.loop, LINK_FD, handlers, on_close, &s);
	log_set_sink(on_log, &s);
	r = loop_run(s.loop);
	log_set_sink(NULL, NULL);
	link_drain(s.link, LAST_WORDS_MS);
	shim_free(&s);
	return r;
}

static void
shim_free(struct shim *s)
{
	task_free(s->task);
	engine_free(s->engine);
	link_free(s->link);
	if (s->hello != NULL)
		shim__hello__free_unpacked(s->hello, NULL);
	free(s->gate_parent);
	loop_free(s->loop);
}

/* EOF, or something unreadable: the daemon starts another shim, which adopts. */
static void
on_close(struct link *l, int reason, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	loop_quit(s->loop, reason == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void
on_log(enum log_level level, const char *line, void *cookie)
{
	struct shim *s = cookie;
	Shim__LogLine m;
	Shim__Frame f;

	if (s->logging)
		return;
	shim__log_line__init(&m);
	shim__frame__init(&f);
	s->logging = true; /* the link logs, too */
	m.level = (uint32_t)level;
	m.line = (char *)(uintptr_t)line;
	f.body_case = SHIM__FRAME__BODY_LOG_LINE;
	f.log_line = &m;
	(void)link_send(s->link, &f);
	s->logging = false;
}

static int
refuse(struct shim *s, enum err_kind kind, const char *text)
{
	Shim__Refused m;
	Shim__Frame f;

	shim__refused__init(&m);
	shim__frame__init(&f);
	m.kind = kind;
	m.text = (char *)(uintptr_t)text;
	f.body_case = SHIM__FRAME__BODY_REFUSED;
	f.refused = &m;
	(void)link_send(s->link, &f);
	loop_quit(s->loop, EXIT_FAILURE);
	return 0;
}

static Shim__Hello *
copy_hello(const Shim__Hello *h)
{
	size_t len = shim__hello__get_packed_size(h);
	_cleanup_free_ uint8_t *packed = xcalloc(1, len);

	(void)shim__hello__pack(h, packed);
	return shim__hello__unpack(NULL, len, packed);
}

static int
on_hello(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	Shim__HelloAck m;
	Shim__Frame answer;

	shim__hello_ack__init(&m);
	shim__frame__init(&answer);
	if (f->hello->protocol != LINK_PROTOCOL)
		return refuse(s, ERR_SERVER, "the daemon speaks another protocol");
	s->hello = copy_hello(f->hello);
	if (s->hello == NULL)
		return refuse(s, ERR_SERVER, "Hello cannot be read");
	log_set_level((enum log_level)s->hello->log_level);
	s->engine_callbacks = (struct engine_callbacks){
		.on_up = task_on_up, .on_down = task_on_down, .on_event = task_on_event
	};
	s->engine = engine_new(s->loop, s->hello->engine_socket, &s->engine_callbacks);
	m.protocol = LINK_PROTOCOL;
	m.pid = getpid();
	answer.body_case = SHIM__FRAME__BODY_HELLO_ACK;
	answer.hello_ack = &m;
	link_set_state(l, LINK_GREETED);
	return link_send(l, &answer);
}

static void
on_announce(struct task *t, void *cookie)
{
	struct shim *s = cookie;

	report_send(t, s->link);
}

/* The task of either message; what cannot be planned is returned as its reason. */
static int
make_task(struct shim *s, const Shim__TaskSpec *spec, struct err *e)
{
	struct plan_input in;
	int r;

	s->gate_parent = xasprintf("%s/tasks/%s", s->hello->runtime_dir, spec->task_id);
	in = (struct plan_input){
		.task_arn = spec->task_arn,
		.task_id = spec->task_id,
		.cluster_arn = spec->cluster_arn,
		.cluster_name = spec->cluster_name,
		.region = spec->region,
		.family = spec->family,
		.revision = spec->revision,
		.launch_type = spec->launch_type,
		.definition_json = spec->definition_json,
		.overrides_json = spec->overrides_json,
		.credentials_id = spec->credentials_id,
		.metadata_ids = (const char *const *)spec->metadata_ids,
		.n_metadata_ids = spec->n_metadata_ids,
		.container_arns = (const char *const *)spec->container_arns,
		.n_container_arns = spec->n_container_arns,
		.account = spec->account,
		.group = spec->group,
		.availability_zone = spec->availability_zone,
		.availability_zone_id = spec->availability_zone_id,
		.runtime_dir = s->hello->runtime_dir,
		.gate_parent = s->gate_parent,
		.init_path = s->hello->init_path,
		.publish_address = s->hello->publish_address,
		.owner = s->hello->owner,
		.host_enters = s->hello->host_enters,
	};
	if (spec->network != NULL)
		in.network = (struct plan_network){
			.name = spec->network->network_name,
			.engine_ipv4 = spec->network->engine_ipv4,
			.private_ipv4 = spec->network->private_ipv4,
			.mac = spec->network->mac,
			.vpc_id = spec->network->vpc_id,
			.subnet_cidr = spec->network->subnet_cidr,
			.dns_name = spec->network->dns_name,
			.attachment_id = spec->network->attachment_id,
			.gateway = spec->network->gateway,
		};
	r = task_new(s->loop, s->engine, &in, on_announce, s, &s->task, e);
	for (size_t i = 0; i < s->hello->n_endpoints; i++)
		aws_set_endpoint(
		    s->task->aws, s->hello->endpoints[i]->service, s->hello->endpoints[i]->url);
	s->engine_callbacks.cookie = s->task;
	if (spec->network != NULL && spec->network->firewall != NULL)
		set_firewall(s, spec->network->firewall);
	return r;
}

static void
make_runtime_dir(const struct shim *s)
{
	_cleanup_free_ char *tasks = xasprintf("%s/tasks", s->hello->runtime_dir);

	(void)mkdir(s->hello->runtime_dir, 0755);
	(void)mkdir(tasks, 0755);
}

static void
begin(struct shim *s, int planned, const struct err *e)
{
	make_runtime_dir(s);
	if (planned < 0) {
		_cleanup_free_ char *reason = xasprintf("TaskDependencyError: %s", e->text);

		task_refuse(s->task, reason);
	}
	task_begin(s->task);
}

static int
on_start(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	struct err e = { 0 };

	if (s->task != NULL)
		return 0;
	if (f->start->spec == NULL)
		return refuse(s, ERR_SERVER, "Start without a task");
	link_set_state(l, LINK_TASK);
	begin(s, make_task(s, f->start->spec, &e), &e);
	return 0;
}

static int
on_adopt(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	struct err e = { 0 };
	int planned;

	if (s->task != NULL)
		return 0;
	if (f->adopt->spec == NULL)
		return refuse(s, ERR_SERVER, "Adopt without a task");
	link_set_state(l, LINK_TASK);
	planned = make_task(s, f->adopt->spec, &e);
	s->task->maybe_present = true;
	report_restore(s->task, f->adopt->last);
	begin(s, planned, &e);
	if (f->adopt->stop != NULL)
		task_stop(s->task, f->adopt->stop->stop_code, f->adopt->stop->reason);
	return 0;
}

static int
on_stop(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	task_stop(s->task, f->stop->stop_code, f->stop->reason);
	return 0;
}

static int
on_credentials(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	const Shim__Credentials *m = f->credentials;

	(void)l;
	task_set_credentials(s->task, m->execution_role,
	    &(struct credentials){
		.id = m->id,
		.role_arn = m->role_arn,
		.access_key_id = m->access_key_id,
		.secret_access_key = m->secret_access_key,
		.session_token = m->session_token,
		.expires_at_ms = m->expires_at_ms,
	    });
	return 0;
}

static const struct firewall_rule *
read_rules(struct arena *a, Shim__FirewallRule *const *rules, size_t n)
{
	struct firewall_rule *out = arena_alloc(a, (n + 1) * sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = (struct firewall_rule){
			.protocol = rules[i]->protocol,
			.from_port = rules[i]->from_port,
			.to_port = rules[i]->to_port,
			.peers = rules[i]->peers,
			.n_peers = rules[i]->n_peers,
		};
	return out;
}

static void
set_firewall(struct shim *s, const Shim__Firewall *m)
{
	_cleanup_arena_ struct arena a = { 0 };

	task_set_firewall(s->task, &(struct firewall){
				       .allow_all = m->allow_all,
				       .ingress = read_rules(&a, m->ingress, m->n_ingress),
				       .n_ingress = m->n_ingress,
				       .egress = read_rules(&a, m->egress, m->n_egress),
				       .n_egress = m->n_egress,
				   });
}

/* Security groups have changed. */
static int
on_firewall(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	set_firewall(s, f->firewall);
	return 0;
}

static int
on_bye(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	(void)f;
	loop_quit(s->loop, EXIT_SUCCESS);
	return 0;
}
