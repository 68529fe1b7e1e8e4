/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of logs against a plain list of events: whatever was appended, in whatever batches,
 * comes back in one order, page by page, forward and back; and what is swept up is what should be.
 */
#include "daemon/store/log.h"
#include "daemon/store/store.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START_MS 1700000000000LL
#define LINES_MAX 20000
#define BATCHES 60

static const struct scope here = { "000000000000", "us-east-1" };

struct world {
	struct store *store;
	struct store *logs;
	int64_t group;
	uint64_t dice;
	struct {
		int64_t at_ms;
		int64_t stream;
		char text[24];
	} lines[LINES_MAX]; /* as they were put */
	size_t n;
};

static size_t
roll(struct world *w, size_t sides)
{
	w->dice = w->dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (size_t)(w->dice >> 33) % sides;
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct store_log_group g = { .name = "g", .class = "STANDARD" };

	w->dice = 1;
	if (store_open(NULL, &w->store, NULL) < 0 || store_logs(w->store, &w->logs, NULL) < 0 ||
	    store_log_group_insert(w->logs, &here, &g, &w->group, NULL) < 0)
		return -1;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	free(w);
	return 0;
}

static struct store_log_stream
make_stream(struct world *w, const char *name)
{
	struct store_log_stream st = { .group = w->group };

	(void)snprintf(st.name, sizeof(st.name), "%s", name);
	assert_int_equal(store_log_stream_insert(w->logs, &st, NULL), 0);
	assert_int_equal(store_log_stream_get(w->logs, w->group, name, &st, NULL), 1);
	return st;
}

/* A batch of n events from `at_ms` on, at random distances, in one transaction. */
static void
put(struct world *w, int64_t stream, int64_t at_ms, size_t n, size_t distance_ms)
{
	struct store_log_line lines[500];
	struct store_log_stream st;

	assert_true(n <= ARRAY_SIZE(lines) && w->n + n <= LINES_MAX);
	assert_int_equal(store_log_stream_get_by_key(w->logs, stream, &st, NULL), 1);
	for (size_t i = 0; i < n; i++, w->n++) {
		at_ms += (int64_t)roll(w, distance_ms + 1);
		w->lines[w->n].at_ms = at_ms;
		w->lines[w->n].stream = stream;
		(void)snprintf(w->lines[w->n].text, sizeof(w->lines[w->n].text), "line %zu", w->n);
		lines[i] = (struct store_log_line){ at_ms, w->lines[w->n].text,
			strlen(w->lines[w->n].text) };
	}
	assert_int_equal(store_begin(w->logs, NULL), 0);
	assert_int_equal(store_log_append(w->logs, &st, lines, n, START_MS, NULL, NULL), 0);
	assert_int_equal(store_commit(w->logs, NULL), 0);
}

/* Which of the lines the query is about. */
static bool
is_meant(const struct world *w, const struct store_log_query *q, size_t i)
{
	return w->lines[i].at_ms >= q->from_ms && w->lines[i].at_ms < q->to_ms &&
	       (q->n_streams == 0 || w->lines[i].stream == q->streams[0]);
}

/* Walks all pages and holds them against the list: every line that is meant once, in the order of
 * times, lines of one stream and time as they were put. */
static void
check_walk(const struct world *w, struct store_log_query q)
{
	bool *seen = xcalloc(LINES_MAX, sizeof(*seen));
	struct store_log_page page = { .more = true };
	struct store_log_position edge = { 0 };
	size_t found = 0, meant = 0;
	size_t last = LINES_MAX;

	while (page.more) {
		assert_int_equal(store_log_read(w->logs, &q, &page, NULL), 0);
		assert_true(page.n <= q.max_events && (page.n > 0 || !page.more));
		for (size_t k = 0; k < page.n; k++) {
			size_t i = strtoul(page.events[k].text + strlen("line "), NULL, 10);

			assert_true(i < w->n && !seen[i] && is_meant(w, &q, i));
			assert_int_equal(page.events[k].position.at_ms, w->lines[i].at_ms);
			assert_int_equal(page.events[k].stream, w->lines[i].stream);
			if (last < LINES_MAX && !(q.backward && k == 0)) {
				assert_true(w->lines[last].at_ms <= w->lines[i].at_ms);
				if (w->lines[last].at_ms == w->lines[i].at_ms &&
				    w->lines[last].stream == w->lines[i].stream)
					assert_true(last < i);
			}
			seen[i] = true;
			last = i;
			found++;
		}
		if (page.n > 0 && q.backward && q.started)
			assert_true(page.events[page.n - 1].position.at_ms <= edge.at_ms);
		edge = !q.backward ? page.next : page.n > 0 ? page.events[0].position : edge;
		q.start = edge;
		q.started = true;
		store_log_page_done(&page);
	}
	for (size_t i = 0; i < w->n; i++)
		meant += is_meant(w, &q, i);
	assert_int_equal(found, meant);
	free(seen);
}

static void
test_every_line_once_and_in_order(void **state)
{
	struct world *w = *state;
	int64_t streams[3] = { make_stream(w, "a").n, make_stream(w, "b").n,
		make_stream(w, "c").n };
	static const size_t limits[] = { 1, 7, 100, 10000 };

	for (int i = 0; i < BATCHES; i++) /* now and then far back, close together or far apart */
		put(w, streams[roll(w, 3)], START_MS + (int64_t)roll(w, 4000000), 1 + roll(w, 40),
		    (size_t[]){ 0, 1, 1000, 400000 }[roll(w, 4)]);
	for (size_t k = 0; k < ARRAY_SIZE(limits); k++)
		for (int from = 0; from < 2; from++)
			for (int one = 0; one < 2; one++)
				for (int back = 0; back <= one; back++) {
					struct store_log_query q = {
						.group = w->group,
						.streams = one ? &streams[1] : NULL,
						.n_streams = (size_t)one,
						.from_ms = from * (START_MS + 1000000),
						.to_ms = from ? START_MS + 3000000 : LOG_TIME_MAX,
						.backward = back,
						.max_events = limits[k],
						.max_bytes = 1 << 20,
					};

					check_walk(w, q);
				}
}

static bool
never(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	++*(size_t *)arg;
	return false;
}

/* A search whose time is over leaves the rest to the next page, and comes to an end. */
static void
test_a_search_that_is_out_of_time(void **state)
{
	struct world *w = *state;
	struct store_log_stream st = make_stream(w, "a");
	size_t asked = 0, pages = 0;
	struct store_log_page page = { .more = true };
	struct store_log_query q = { .group = w->group,
		.to_ms = LOG_TIME_MAX,
		.max_events = 100,
		.max_bytes = 1 << 20,
		.budget_ms = -1, /* over before it began */
		.match = never,
		.arg = &asked };

	for (int i = 0; i < 20; i++)
		put(w, st.n, START_MS + i * 600000, 100, 1000);
	for (; page.more; pages++) {
		assert_int_equal(store_log_read(w->logs, &q, &page, NULL), 0);
		assert_int_equal(page.n, 0);
		q.start = page.next;
		q.started = true;
	}
	assert_int_equal(asked, w->n);
	assert_true(pages >= 20);
}

static void
test_single_lines_share_a_chunk(void **state)
{
	struct world *w = *state;
	struct store_log_stream st = make_stream(w, "a");
	struct store_log_query q = { .streams = &st.n,
		.n_streams = 1,
		.to_ms = LOG_TIME_MAX,
		.max_events = 1000,
		.max_bytes = 1 << 20 };
	struct store_log_page page;

	for (int i = 0; i < 50; i++)
		put(w, st.n, START_MS + i, 1, 0);
	check_walk(w, q);
	assert_int_equal(store_log_read(w->logs, &q, &page, NULL), 0);
	assert_int_equal(page.events[49].position.chunk, page.events[0].position.chunk);
	store_log_page_done(&page);
}

/* Sweeps until nothing is left to do. */
static void
sweep(struct world *w, int64_t now)
{
	int r, times = 0;

	while ((r = store_log_sweep(w->logs, now, 2, NULL)) > 0)
		assert_true(++times < 10000);
	assert_int_equal(r, 0);
}

static size_t
count(struct world *w, int64_t stream)
{
	struct store_log_query q = { .streams = &stream,
		.n_streams = 1,
		.to_ms = LOG_TIME_MAX,
		.max_events = LINES_MAX,
		.max_bytes = 1 << 24 };
	struct store_log_page page;
	size_t n;

	assert_int_equal(store_log_read(w->logs, &q, &page, NULL), 0);
	n = page.n;
	store_log_page_done(&page);
	return n;
}

static void
test_sweeping(void **state)
{
	struct world *w = *state;
	struct store_log_stream a = make_stream(w, "a"), b = make_stream(w, "b");
	struct store_log_group g;

	for (int i = 0; i < 10; i++) {
		put(w, a.n, START_MS, 100, 10);
		put(w, b.n, START_MS + LOG_DAY_MS, 100, 10);
	}
	sweep(w, START_MS + 9 * LOG_DAY_MS);
	assert_int_equal(count(w, a.n) + count(w, b.n), 2000);
	assert_int_equal(store_log_group_get(w->logs, &here, "g", &g, NULL), 1);
	assert_true(g.stored_bytes > 2000 * LOG_EVENT_OVERHEAD);
	g.retention_days = 1;
	assert_int_equal(store_log_group_update(w->logs, &g, NULL), 0);
	sweep(w, START_MS + LOG_DAY_MS + LOG_DAY_MS / 2);
	assert_int_equal(count(w, a.n), 0);
	assert_int_equal(count(w, b.n), 1000);

	assert_int_equal(store_log_stream_delete(w->logs, b.n, NULL), 0);
	assert_int_equal(store_log_stream_get(w->logs, w->group, "b", &b, NULL), 0);
	sweep(w, START_MS);
	assert_int_equal(count(w, b.n), 0);
	assert_int_equal(store_log_group_get(w->logs, &here, "g", &g, NULL), 1);
	assert_int_equal(g.stored_bytes, 0);

	put(w, a.n, START_MS, 100, 10); /* after its last chunk has gone */
	assert_int_equal(count(w, a.n), 100);
	assert_int_equal(store_log_group_delete(w->logs, g.n, NULL), 0);
	assert_int_equal(store_log_group_get(w->logs, &here, "g", &g, NULL), 0);
	sweep(w, START_MS);
	assert_int_equal(count(w, a.n), 0);
}

struct names {
	char text[64];
	size_t len;
};

static int
note_name(const struct store_log_stream *st, void *arg)
{
	struct names *n = arg;
	int len = snprintf(n->text + n->len, sizeof(n->text) - n->len, "%s ", st->name);

	n->len += (size_t)len;
	return 0;
}

static void
test_names_are_taken_as_they_are(void **state)
{
	static const char *const names[] = { "a%", "a_", "ab", "b", "\xf4\x8f\xbf\xbf" };
	struct store_log_stream_list q = { .group = 1, .prefix = "a", .limit = 10 };
	struct world *w = *state;
	struct names got = { 0 };

	q.group = w->group;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)make_stream(w, names[i]);
	assert_int_equal(store_log_stream_list(w->logs, &q, note_name, &got, NULL), 0);
	assert_string_equal(got.text, "a% a_ ab ");
	got.len = 0;
	q.prefix = "a_";
	assert_int_equal(store_log_stream_list(w->logs, &q, note_name, &got, NULL), 0);
	assert_string_equal(got.text, "a_ ");
	got.len = 0;
	q = (struct store_log_stream_list){ w->group, NULL, false, true, "b", 0, 2 };
	assert_int_equal(store_log_stream_list(w->logs, &q, note_name, &got, NULL), 0);
	assert_string_equal(got.text, "ab a_ ");
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_every_line_once_and_in_order),
		TEST(test_a_search_that_is_out_of_time),
		TEST(test_single_lines_share_a_chunk),
		TEST(test_sweeping),
		TEST(test_names_are_taken_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
