/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of service events: the last messages about each service. Called by the scheduler, which
 * chooses the words, and by DescribeServices.
 */
#include "daemon/store/service.h"
#include "daemon/store/sqlite.h"

enum { STMT_ADD, STMT_TRIM, STMT_LIST, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define OF_SERVICE                                                                                 \
	" FROM service_event WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND service = ?4"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_ADD]  = "INSERT INTO service_event (account, region, cluster, service, id, created_at, message)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_TRIM] = "DELETE" OF_SERVICE " AND n <= (SELECT n" OF_SERVICE " ORDER BY n DESC LIMIT 1 OFFSET ?5)",
	[STMT_LIST] = "SELECT id, created_at, message" OF_SERVICE " ORDER BY n DESC",
};
/* clang-format on */
static const struct store_sql service_event_sql = { STORE_SERVICE_EVENT, sql };

static int
trim(struct store *s, const struct scope *sc, const char *cluster, const char *service,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_event_sql, STMT_TRIM, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	query_bind_int(&q, 5, SERVICE_EVENTS_MAX);
	return query_run(&q);
}

int
store_service_event_add(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, int64_t created_at_ms, const char *message, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_event_sql, STMT_ADD, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	query_bind(&q, 5, id);
	query_bind_int(&q, 6, created_at_ms);
	query_bind(&q, 7, message);
	r = query_run(&q);
	return r < 0 ? r : trim(s, sc, cluster, service, e);
}

int
store_service_event_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service,
    int (*fn)(const char *id, int64_t created_at_ms, const char *message, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_event_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), query_int(&q, 1), query_text(&q, 2), arg) != 0)
			return 0;
	return r;
}
