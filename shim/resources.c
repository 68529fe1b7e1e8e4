/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the references of a definition to the values (see resources.h): references become items,
 * each of them once; items are fetched, parameters ten at a time; when the last one is there,
 * every container gets its own. The words for failures are in resources_words.c.
 */
#include "shim/resources.h"
#include "common/log.h"
#include "shim/resources_words.h"
#include "shim/task.h"

#include <string.h>
#include <sys/queue.h>

#define PARAMETERS_MAX 10 /* GetParameters */
#define FETCHES_MAX 8     /* at the same time: the service has to serve other tasks as well */
#define FILE_DEADLINE_MS 60000
#define FILE_TIMEOUT_MS 30000 /* agent: envfile.go s3DownloadTimeout */
#define CREDENTIALS_WAIT_MS 10000

enum use { USE_SECRET, USE_LOG_OPTION, USE_REGISTRY, USE_FILE, USE_ROUTER_CONFIG };

/* One thing that is fetched. */
struct item {
	TAILQ_ENTRY(item) next;
	struct value_ref ref; /* its json_key does not count; region is never NULL */
	bool registry;        /* it is a login of a registry to who wanted it first */
	size_t container;     /* who that was */
	bool asked;
	char *value; /* NULL: not there yet */
};

/* One call and what it asks for: of parameters several, of everything else one. */
struct fetch {
	TAILQ_ENTRY(fetch) next;
	struct resources *resources;
	struct aws_call *call;
	struct item *items[PARAMETERS_MAX];
	size_t n;
};

struct text {
	char *text;
	size_t len; /* as it came: it may have been cut up */
};

struct container_values {
	struct plan_values values;
	const char *registry_auth;
};

struct resources {
	struct task *task;
	struct arena arena; /* references, never values */
	TAILQ_HEAD(, item) items;
	TAILQ_HEAD(, fetch) fetches;
	size_t n_fetches;
	struct text *texts; /* values that are no item's, to be overwritten */
	size_t n_texts;
	struct container_values *containers;
	enum use at;            /* what hand_out was about */
	struct timer *patience; /* until the credentials come */
	bool over;              /* complete, or given up */
	bool complete;
};

/* A reference of a container; `name` is of the variable or the option, "" where it has none. */
typedef int want_fn(struct resources *r, size_t container, enum use use, const char *name,
    const struct value_ref *ref, struct err *e);

static want_fn collect, hand_out;
static void fetch_more(struct resources *r);
static void on_fetched(const struct aws_reply *reply, void *arg);
static void on_no_credentials(void *arg);
static void finish(struct resources *r);

/* Secrets of log options that the router reads for other containers. */
static bool
has_routed_secrets(const struct plan *p)
{
	for (size_t i = 0; i < p->n_defined; i++)
		if (plan_is_routed(p, i) &&
		    p->containers[i].def->log_configuration->secret_options.n > 0)
			return true;
	return false;
}

static bool
needs(const struct plan *p, size_t i)
{
	const struct plan_container *c = &p->containers[i];
	const struct container_def *def = c->def;

	return (i == p->router && (plan_router_file(p) != NULL || has_routed_secrets(p))) ||
	       def->secrets.n > 0 || def->repository_credentials != NULL ||
	       (def->log_configuration != NULL && def->log_configuration->secret_options.n > 0) ||
	       def->environment_files.n > 0 ||
	       (c->override != NULL && c->override->environment_files.n > 0);
}

static bool
is_wanted(const struct task *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->containers[i].phase < PHASE_CREATING && needs(&t->plan, i))
			return true;
	return false;
}

static void
wipe(char *text, size_t len)
{
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
}

static void
fetch_free(struct fetch *f)
{
	TAILQ_REMOVE(&f->resources->fetches, f, next);
	f->resources->n_fetches--;
	aws_cancel(f->call);
	free(f);
}

static void
give_up(struct resources *r)
{
	struct fetch *f;

	while ((f = TAILQ_FIRST(&r->fetches)) != NULL)
		fetch_free(f);
	timer_free(TAKE(r->patience));
	r->over = true;
}

void
resources_free(struct resources *r)
{
	struct item *item;

	if (r == NULL)
		return;
	give_up(r);
	while ((item = TAILQ_FIRST(&r->items)) != NULL) {
		TAILQ_REMOVE(&r->items, item, next);
		wipe(item->value, item->value != NULL ? strlen(item->value) : 0);
		free(item);
	}
	for (size_t i = 0; i < r->n_texts; i++)
		wipe(r->texts[i].text, r->texts[i].len);
	for (size_t i = 0; i < r->task->n; i++) {
		free(r->containers[i].values.files.v);
		free(r->containers[i].values.secrets.v);
		free(r->containers[i].values.log_options.v);
	}
	free(r->texts);
	free(r->containers);
	arena_done(&r->arena);
	free(r);
}

void
resources_stop(struct task *t)
{
	if (t->resources != NULL)
		give_up(t->resources);
}

/* None of the task's containers is started without what one of them does not get. The task may step
 * from here, and then `r` is gone. */
static void
fail(struct resources *r, size_t container, char *text)
{
	struct task *t = r->task;
	_cleanup_free_ char *words = text;
	_cleanup_free_ char *full = xasprintf("ResourceInitializationError: %s", words);

	give_up(r);
	log_warn("task", t->id, "%s", full);
	container_fail(&t->containers[container], "ResourceInitializationError", words);
	task_refuse(t, t->plan.fargate ? full : "Task failed to start");
}

/* A router reads the secrets of all log options that go through it, and its own file. */
static int
each_want_of_router(struct resources *r, want_fn *fn, struct err *e)
{
	const struct plan *p = &r->task->plan;
	const char *file = plan_router_file(p);
	struct value_ref ref;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_defined; i++) {
		const struct td_log_configuration *log = p->containers[i].def->log_configuration;
		size_t n = log != NULL && plan_is_routed(p, i) ? log->secret_options.n : 0;

		for (size_t k = 0; rc == 0 && k < n; k++) {
			const struct td_secret *s = &log->secret_options.v[k];

			rc = value_from_secret(s->value_from, &r->arena, &ref, e);
			if (rc == 0)
				rc = fn(r, p->router, USE_SECRET,
				    plan_router_variable(i, s->name, &r->arena), &ref, e);
		}
	}
	if (rc == 0 && file != NULL)
		rc = value_from_file(file, &ref, e);
	if (rc == 0 && file != NULL)
		rc = fn(r, p->router, USE_ROUTER_CONFIG, "", &ref, e);
	return rc;
}

/* Calls `fn` for each reference of a container, and stops where one fails. */
static int
each_want(struct resources *r, size_t i, want_fn *fn, struct err *e)
{
	const struct plan_container *c = &r->task->plan.containers[i];
	const struct container_def *def = c->def;
	const struct td_log_configuration *log = def->log_configuration;
	bool overridden = c->override != NULL && c->override->environment_files.set;
	const struct td_environment_file *files =
	    overridden ? c->override->environment_files.v : def->environment_files.v;
	size_t n = overridden ? c->override->environment_files.n : def->environment_files.n;
	struct value_ref ref;
	int rc = 0;

	if (def->repository_credentials != NULL) {
		value_from_registry(
		    def->repository_credentials->credentials_parameter, &r->arena, &ref);
		rc = fn(r, i, USE_REGISTRY, "", &ref, e);
	}
	for (size_t k = 0; rc == 0 && k < def->secrets.n; k++) {
		rc = value_from_secret(def->secrets.v[k].value_from, &r->arena, &ref, e);
		if (rc == 0)
			rc = fn(r, i, USE_SECRET, def->secrets.v[k].name, &ref, e);
	}
	for (size_t k = 0; rc == 0 && log != NULL && k < log->secret_options.n; k++) {
		rc = value_from_secret(log->secret_options.v[k].value_from, &r->arena, &ref, e);
		if (rc == 0)
			rc = fn(r, i, USE_LOG_OPTION, log->secret_options.v[k].name, &ref, e);
	}
	for (size_t k = 0; rc == 0 && k < n; k++) {
		rc = value_from_file(files[k].value, &ref, e);
		if (rc == 0)
			rc = fn(r, i, USE_FILE, "", &ref, e);
	}
	if (rc == 0 && i == r->task->plan.router)
		rc = each_want_of_router(r, fn, e);
	return rc;
}

static struct item *
find(struct resources *r, const struct value_ref *ref)
{
	const char *region = ref->region != NULL ? ref->region : r->task->plan.region;
	struct item *item;

	TAILQ_FOREACH(item, &r->items, next)
	if (item->ref.source == ref->source && streq(item->ref.id, ref->id) &&
	    streq(item->ref.region, region) && streq(item->ref.stage, ref->stage) &&
	    streq(item->ref.version, ref->version))
		return item;
	return NULL;
}

static int
collect(struct resources *r, size_t container, enum use use, const char *name,
    const struct value_ref *ref, struct err *e)
{
	struct item *item;

	(void)name;
	(void)e;
	if (find(r, ref) != NULL)
		return 0;
	item = xcalloc(1, sizeof(*item));
	*item =
	    (struct item){ .ref = *ref, .registry = use == USE_REGISTRY, .container = container };
	if (item->ref.region == NULL)
		item->ref.region = r->task->plan.region;
	TAILQ_INSERT_TAIL(&r->items, item, next);
	return 0;
}

static void
begin(struct task *t)
{
	struct resources *r = xcalloc(1, sizeof(*r));
	const char *role = t->plan.overrides.execution_role_arn != NULL
			       ? t->plan.overrides.execution_role_arn
			       : t->plan.def.execution_role_arn;
	struct err e = { 0 };

	t->resources = r;
	*r = (struct resources){ .task = t,
		.items = TAILQ_HEAD_INITIALIZER(r->items),
		.fetches = TAILQ_HEAD_INITIALIZER(r->fetches) };
	r->containers = xcalloc(t->n, sizeof(*r->containers));
	for (size_t i = 0; i < t->n; i++) {
		if (t->containers[i].phase >= PHASE_RUNNING)
			continue;
		if (each_want(r, i, collect, &e) < 0) {
			fail(r, i, words_for_reference(&t->plan, e.text));
			return;
		}
	}
	if (role == NULL || role[0] == '\0') {
		on_no_credentials(r);
		return;
	}
	r->patience = timer_new(t->loop, on_no_credentials, r);
	timer_set(r->patience, CREDENTIALS_WAIT_MS);
	resources_go_on(t);
}

bool
resources_ready(struct task *t)
{
	if (!is_wanted(t)) {
		resources_free(TAKE(t->resources));
		return true;
	}
	if (t->resources == NULL)
		begin(t);
	return t->resources->complete;
}

void
resources_go_on(struct task *t)
{
	struct resources *r = t->resources;

	if (r == NULL || r->over || r->patience == NULL || t->execution_credentials.id == NULL)
		return;
	timer_free(TAKE(r->patience));
	fetch_more(r);
}

static void
on_no_credentials(void *arg)
{
	struct resources *r = arg;
	const struct item *first = TAILQ_FIRST(&r->items);

	fail(r, first->container,
	    words_for_no_credentials(&r->task->plan, first->ref.source == VALUE_OBJECT));
}

/* --- one call --- */

static char *
body_of_parameters(const struct fetch *f)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *names = json_object_new_array();

	for (size_t i = 0; i < f->n; i++)
		json_object_array_add(names, json_object_new_string(f->items[i]->ref.id));
	json_add(o, "Names", names);
	json_add_bool(o, "WithDecryption", true);
	return xstrdup(json_print(o));
}

static char *
body_of_secret(const struct value_ref *ref)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	json_add_str(o, "SecretId", ref->id);
	json_add_str(o, "VersionId", ref->version);
	json_add_str(o, "VersionStage", ref->stage);
	return xstrdup(json_print(o));
}

static void
send_fetch(struct fetch *f)
{
	struct task *t = f->resources->task;
	const struct value_ref *ref = &f->items[0]->ref;
	_cleanup_free_ char *path = NULL;
	struct aws_ask ask = { .as = &t->execution_credentials,
		.region = ref->region,
		.on_done = on_fetched,
		.arg = f };

	switch (ref->source) {
	case VALUE_PARAMETER:
		ask.service = AWS_SSM;
		ask.operation = "GetParameters";
		ask.body = body_of_parameters(f);
		break;
	case VALUE_SECRET:
		ask.service = AWS_SECRETSMANAGER;
		ask.operation = "GetSecretValue";
		ask.body = body_of_secret(ref);
		break;
	case VALUE_OBJECT:
		path = xasprintf("/%s", ref->id);
		ask.service = AWS_S3;
		ask.path = path;
		ask.timeout_ms = FILE_TIMEOUT_MS;
		ask.deadline_ms = FILE_DEADLINE_MS;
		break;
	}
	f->call = aws_send(t->aws, &ask);
}

/* Starts with the first item that nobody asked for yet; parameters of its region go with it. */
static void
fetch_more(struct resources *r)
{
	struct item *item;

	while (r->n_fetches < FETCHES_MAX) {
		struct fetch *f = xcalloc(1, sizeof(*f));

		TAILQ_FOREACH(item, &r->items, next)
		{
			const struct value_ref *first = f->n > 0 ? &f->items[0]->ref : &item->ref;

			if (item->asked || f->n == PARAMETERS_MAX ||
			    (f->n > 0 && (first->source != VALUE_PARAMETER ||
					     item->ref.source != VALUE_PARAMETER ||
					     !streq(item->ref.region, first->region))))
				continue;
			item->asked = true;
			f->items[f->n++] = item;
		}
		if (f->n == 0) {
			free(f);
			break;
		}
		f->resources = r;
		TAILQ_INSERT_TAIL(&r->fetches, f, next);
		r->n_fetches++;
		send_fetch(f);
	}
	if (r->n_fetches == 0)
		finish(r);
}

/* SSM says a parameter's name, its ARN and what followed the name. */
static bool
is_parameter(struct json_object *o, const char *asked)
{
	static const char *const members[] = { "Name", "ARN" };
	const char *selector = json_get_str(o, "Selector");

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *name = json_get_str(o, members[i]);
		size_t len = name != NULL ? strlen(name) : 0;

		if (name != NULL && has_prefix(asked, name) &&
		    (asked[len] == '\0' || streq(asked + len, selector)))
			return true;
	}
	return false;
}

/* The texts of the parameters that were found. */
static void
take_parameters(struct fetch *f, struct json_object *list)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < f->n; i++) {
		for (size_t k = 0; k < n && f->items[i]->value == NULL; k++) {
			struct json_object *o = json_object_array_get_idx(list, k);
			const char *value = json_get_str(o, "Value");

			if (value != NULL && is_parameter(o, f->items[i]->ref.id))
				f->items[i]->value = xstrdup(value);
		}
	}
}

static void
take(struct fetch *f, const struct aws_reply *reply)
{
	const char *text;

	switch (f->items[0]->ref.source) {
	case VALUE_PARAMETER:
		take_parameters(f, json_get(reply->json, "Parameters"));
		break;
	case VALUE_SECRET:
		text = json_get_str(reply->json, "SecretString");
		f->items[0]->value = xstrdup(text != NULL ? text : "");
		break;
	case VALUE_OBJECT:
		f->items[0]->value = xstrdup(reply->body);
		break;
	}
}

/* The first that is missing, with the names of all: "/a,/b". */
static struct item *
missing(const struct fetch *f, char **ret_names)
{
	struct item *first = NULL;

	*ret_names = NULL;
	for (size_t i = 0; i < f->n; i++) {
		char *names = *ret_names;

		if (f->items[i]->value != NULL)
			continue;
		*ret_names = xasprintf("%s%s%s", names != NULL ? names : "",
		    names != NULL ? "," : "", f->items[i]->ref.id);
		free(names);
		if (first == NULL)
			first = f->items[i];
	}
	return first;
}

static void
on_fetched(const struct aws_reply *reply, void *arg)
{
	struct fetch *f = arg;
	struct resources *r = f->resources;
	struct task *t = r->task;
	struct item *first = f->items[0];
	_cleanup_free_ char *names = NULL;

	f->call = NULL;
	if (reply->error == NULL) {
		take(f, reply);
		first = missing(f, &names);
	}
	fetch_free(f);
	if (reply->error != NULL)
		fail(r, first->container,
		    words_for_error(&t->plan, &first->ref, first->registry, reply));
	else if (first != NULL)
		fail(r, first->container,
		    words_for_missing(&t->plan, &first->ref, names, reply->attempts));
	else
		fetch_more(r);
	task_run(t);
}

/* --- everything is there --- */

static void
put(struct key_value **v, size_t *n, const char *name, const char *value)
{
	*v = xrealloc(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = (struct key_value){ .name = name, .value = value };
}

/* A value of our own, overwritten at the end. */
static char *
keep(struct resources *r, char *text)
{
	r->texts = xrealloc(r->texts, r->n_texts + 1, sizeof(*r->texts));
	r->texts[r->n_texts++] = (struct text){ text, strlen(text) };
	return text;
}

/* Within a file the last one of a name counts, among files the first one. */
struct file {
	struct plan_values *to;
	size_t before; /* variables of the files before it */
};

static void
on_variable(const char *name, const char *value, void *arg)
{
	struct file *file = arg;
	struct plan_values *to = file->to;

	for (size_t i = 0; i < to->files.n; i++) {
		if (!streq(to->files.v[i].name, name))
			continue;
		if (i >= file->before)
			to->files.v[i].value = value;
		return;
	}
	put(&to->files.v, &to->files.n, name, value);
}

static int
hand_out(struct resources *r, size_t container, enum use use, const char *name,
    const struct value_ref *ref, struct err *e)
{
	struct container_values *c = &r->containers[container];
	const char *value = find(r, ref)->value;
	struct file file = { &c->values, c->values.files.n };
	char *own = NULL;
	int rc = 0;

	r->at = use;
	if (use == USE_REGISTRY)
		rc = value_registry_auth(value, &own, e);
	else if (ref->json_key != NULL)
		rc = value_of_key(value, ref->json_key, &own, e);
	else if (use == USE_FILE)
		own = xstrdup(value);
	if (rc < 0)
		return rc;
	if (own != NULL)
		value = keep(r, own);
	switch (use) {
	case USE_SECRET:
		put(&c->values.secrets.v, &c->values.secrets.n, name, value);
		break;
	case USE_LOG_OPTION:
		put(&c->values.log_options.v, &c->values.log_options.n, name, value);
		break;
	case USE_REGISTRY:
		c->registry_auth = value;
		break;
	case USE_FILE:
		value_env_lines(own, on_variable, &file);
		break;
	case USE_ROUTER_CONFIG:
		c->values.router_config = value;
		break;
	}
	return 0;
}

static void
finish(struct resources *r)
{
	struct task *t = r->task;
	struct err e = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		if (t->containers[i].phase >= PHASE_RUNNING)
			continue;
		if (each_want(r, i, hand_out, &e) < 0) {
			fail(r, i, words_for_value(&t->plan, r->at == USE_REGISTRY, e.text));
			return;
		}
	}
	r->over = r->complete = true;
	task_post(t, EV_CHANGED);
}

const struct plan_values *
resources_of(const struct task *t, size_t container)
{
	return t->resources != NULL ? &t->resources->containers[container].values : NULL;
}

const char *
resources_registry_auth(const struct task *t, size_t container)
{
	return t->resources != NULL ? t->resources->containers[container].registry_auth : NULL;
}
