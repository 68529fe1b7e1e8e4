/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes service events inside the caller's transaction. Called by service_look.c; it must not know
 * why something is said.
 */
#include "daemon/reconcile/service_event.h"

#include "daemon/store/service.h"

#include <stdarg.h>

#define QUIET_MS (6 * 60 * 60 * 1000LL) /* in which ECS does not repeat itself */

struct search {
	const char *message;
	int64_t since_ms;
	bool newest_only;
	bool found;
};

static int
compare(const char *id, int64_t created_at_ms, const char *message, void *arg)
{
	struct search *search = arg;

	(void)id;
	if (created_at_ms < search->since_ms)
		return 1;
	search->found = streq(message, search->message);
	return search->found || search->newest_only;
}

static int add(struct call *c, const char *cluster, const char *service, bool newest_only,
    const char *format, va_list ap) PRINTF_LIKE(5, 0);

static int
add(struct call *c, const char *cluster, const char *service, bool newest_only, const char *format,
    va_list ap)
{
	_cleanup_free_ char *text = xvasprintf(format, ap);
	struct search search = { .since_ms = c->now_ms - QUIET_MS, .newest_only = newest_only };
	char id[37];
	int r;

	search.message = arena_printf(&c->arena, "(service %s%s", service, text);
	r = store_service_event_list(
	    c->store, &c->scope, cluster, service, compare, &search, &c->err);
	if (r < 0 || search.found)
		return r;
	random_uuid(id);
	return store_service_event_add(
	    c->store, &c->scope, cluster, service, id, c->now_ms, search.message, &c->err);
}

int
service_event_say(struct call *c, const char *cluster, const char *service, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = add(c, cluster, service, true, format, ap);
	va_end(ap);
	return r;
}

int
service_event_complain(
    struct call *c, const char *cluster, const char *service, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = add(c, cluster, service, false, format, ap);
	va_end(ap);
	return r;
}
