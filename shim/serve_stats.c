/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource usage of containers as `docker stats` has it, with the sample before it and the rates of
 * the network between the two. Called by the endpoint. The last samples are kept between requests;
 * the first request makes two, a second apart.
 */
#include "shim/request.h"

#include <string.h>

#define SAMPLE_MS 1000

struct sample {
	int64_t at_ms; /* 0: none */
	char *read;
	struct json_object *cpu;
	int64_t rx, tx;
};

struct stats_memory {
	size_t n;
	struct sample samples[];
};

static void on_samples(struct request *r);

struct stats_memory *
stats_memory_new(size_t n)
{
	struct stats_memory *m = xcalloc(1, sizeof(*m) + n * sizeof(m->samples[0]));

	m->n = n;
	return m;
}

static void
sample_done(struct sample *s)
{
	free(s->read);
	json_object_put(s->cpu);
	*s = (struct sample){ 0 };
}

void
stats_memory_free(struct stats_memory *m)
{
	for (size_t i = 0; m != NULL && i < m->n; i++)
		sample_done(&m->samples[i]);
	free(m);
}

/* In awsvpc mode the network is its owner's. */
static size_t
network_owner(const struct request *r, size_t i)
{
	const struct plan *p = &r->task->plan;

	return p->def.network_mode == NETWORK_AWSVPC && p->containers[i].joins ? p->holder : i;
}

static bool
wants_sample(const struct request *r, size_t i)
{
	return (r->route->kind == ROUTE_TASK_STATS || i == r->container ||
		   i == network_owner(r, r->container)) &&
	       r->task->containers[i].phase != PHASE_STOPPED;
}

static int64_t
sum(struct json_object *networks, const char *key)
{
	int64_t total = 0;

	if (json_object_is_type(networks, json_type_object)) {
		json_object_object_foreach(networks, name, counters)
		{
			(void)name;
			total += json_get_int(counters, key, 0);
		}
	}
	return total;
}

static bool
is_usable(struct json_object *reply)
{
	return engine_time_ms(json_get_str(reply, "read")) > 0;
}

static struct json_object *
rate(int64_t bytes, double seconds)
{
	return json_object_new_double(seconds > 0 && bytes > 0 ? (double)bytes / seconds : 0);
}

/* What the Engine said, made whole by the sample before. NULL: it said nothing. */
static struct json_object *
document(struct request *r, size_t i)
{
	struct sample *before = &request_stats_memory(r)->samples[i];
	struct json_object *o = r->fetches[i].reply, *rates;
	struct json_object *networks = json_get(r->fetches[network_owner(r, i)].reply, "networks");
	double seconds;

	if (!is_usable(o))
		return NULL;
	if (networks != NULL)
		json_add(o, "networks", json_object_get(networks));
	if (before->at_ms == 0)
		return json_object_get(o);
	seconds = (double)(engine_time_ms(json_get_str(o, "read")) - before->at_ms) / 1000;
	json_add_str(o, "preread", before->read);
	json_add(o, "precpu_stats", json_object_get(before->cpu));
	if (networks != NULL && r->route->version == 4) {
		rates = json_object_new_object();
		json_add(rates, "rx_bytes_per_sec",
		    rate(sum(networks, "rx_bytes") - before->rx, seconds));
		json_add(rates, "tx_bytes_per_sec",
		    rate(sum(networks, "tx_bytes") - before->tx, seconds));
		json_add(o, "network_rate_stats", rates);
	}
	return json_object_get(o);
}

/* Samples closer than SAMPLE_MS would make wild rates: the older one is kept. */
static void
remember(struct request *r)
{
	struct stats_memory *m = request_stats_memory(r);

	for (size_t i = 0; i < m->n; i++) {
		struct json_object *o = r->fetches[i].reply;
		struct json_object *networks =
		    json_get(r->fetches[network_owner(r, i)].reply, "networks");
		int64_t at = engine_time_ms(json_get_str(o, "read"));

		if (!is_usable(o) ||
		    (m->samples[i].at_ms != 0 && at - m->samples[i].at_ms < SAMPLE_MS))
			continue;
		sample_done(&m->samples[i]);
		m->samples[i] = (struct sample){
			.at_ms = at,
			.read = xstrdup(json_get_str(o, "read")),
			.cpu = json_copy(json_get(o, "cpu_stats")),
			.rx = sum(networks, "rx_bytes"),
			.tx = sum(networks, "tx_bytes"),
		};
	}
}

static bool
is_first(struct request *r)
{
	const struct stats_memory *m = request_stats_memory(r);

	for (size_t i = 0; i < m->n; i++)
		if (is_usable(r->fetches[i].reply) && m->samples[i].at_ms == 0)
			return true;
	return false;
}

static void
on_second(void *arg)
{
	struct request *r = arg;

	timer_free(TAKE(r->timer));
	r->second_look = true;
	request_fetch(r, wants_sample, engine_stats, on_samples);
}

static void
answer_task(struct request *r)
{
	struct json_object *all = json_object_new_object(), *o;

	for (size_t i = 0; i < r->task->plan.n_defined; i++) {
		if (r->task->containers[i].id == NULL)
			continue;
		o = document(r, i);
		if (o == NULL && r->route->version == 4)
			o = json_object_new_object();
		/* json_add leaves null out */
		json_object_object_add(all, r->task->containers[i].id, o);
	}
	remember(r);
	request_json(r, 200, all);
}

static void
on_samples(struct request *r)
{
	struct json_object *o;

	if (!r->second_look && is_first(r)) {
		remember(r);
		r->timer = timer_new(r->task->loop, on_second, r);
		timer_set(r->timer, SAMPLE_MS);
		return;
	}
	if (r->route->kind == ROUTE_TASK_STATS) {
		answer_task(r);
		return;
	}
	o = document(r, r->container);
	remember(r);
	if (o != NULL)
		request_json(r, 200, o);
	else
		request_error(r, 500, "Unable to get container stats for: %s",
		    r->task->containers[r->container].id);
}

void
serve_stats(struct request *r)
{
	if (request_find(r))
		request_fetch(r, wants_sample, engine_stats, on_samples);
}
