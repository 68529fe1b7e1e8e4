/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h: frames of every size there and back, what is replaced and what is dropped, and a peer
 * that behaves as badly as it can.
 */
#include "common/link.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#define DEADLINE_MS 10000
#define ALWAYS (BIT(LINK_NEW) | BIT(LINK_GREETED) | BIT(LINK_TASK))

/* A link, and a raw end or a second link on the other side. */
struct bench {
	struct loop *loop;
	struct link *a;
	struct link *b;
	int raw;    /* -1 where b has it */
	int closed; /* how often on_close came, for a or b */
	int reason;
	int states;
	uint64_t last_seq;
	int lines;
	char last_line[200];
	size_t spec_len;
	int wanted; /* quit when this many frames have come */
	int came;
	int answer; /* what handlers return */
	bool free_inside;
};

static void
count(struct bench *t)
{
	if (++t->came == t->wanted)
		loop_quit(t->loop, 0);
}

static int
on_state(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct bench *t = cookie;

	t->states++;
	t->last_seq = f->task_state->seq;
	count(t);
	if (t->free_inside) {
		link_free(l);
		t->a = t->b = NULL;
		loop_quit(t->loop, 0);
	}
	return t->answer;
}

static int
on_line(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct bench *t = cookie;

	(void)l;
	t->lines++;
	(void)snprintf(t->last_line, sizeof(t->last_line), "%s", f->log_line->line);
	count(t);
	return 0;
}

static int
on_start(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct bench *t = cookie;

	(void)l;
	t->spec_len = strlen(f->start->spec->definition_json);
	for (size_t i = 0; i < t->spec_len; i++)
		assert_int_equal(f->start->spec->definition_json[i], 'a' + (int)(i % 26));
	count(t);
	return 0;
}

/* clang-format off */
static const struct link_handler handlers[LINK_HANDLERS_MAX] = {
	[SHIM__FRAME__BODY_START]      = { "Start",     ALWAYS,          on_start },
	[SHIM__FRAME__BODY_TASK_STATE] = { "TaskState", BIT(LINK_TASK),  on_state },
	[SHIM__FRAME__BODY_LOG_LINE]   = { "LogLine",   ALWAYS,          on_line },
};
/* clang-format on */

static void
on_close(struct link *l, int reason, void *cookie)
{
	struct bench *t = cookie;

	assert_true(l == t->a || l == t->b);
	t->closed++;
	t->reason = reason;
	loop_quit(t->loop, 1);
}

static void
on_deadline(void *arg)
{
	(void)arg;
	fail_msg("nothing happened");
}

static int
setup(void **state)
{
	struct bench *t = xcalloc(1, sizeof(*t));
	int pair[2];

	t->loop = loop_new();
	timer_set(timer_new(t->loop, on_deadline, NULL), DEADLINE_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	t->a = link_new(t->loop, pair[0], handlers, on_close, t);
	link_set_state(t->a, LINK_TASK);
	t->raw = pair[1];
	*state = t;
	return 0;
}

static int
setup_two(void **state)
{
	struct bench *t;

	setup(state);
	t = *state;
	t->b = link_new(t->loop, TAKE_FD(t->raw), handlers, on_close, t);
	link_set_state(t->b, LINK_TASK);
	return 0;
}

static int
teardown(void **state)
{
	struct bench *t = *state;

	link_free(t->a);
	link_free(t->b);
	link_free(NULL);
	if (t->raw >= 0)
		close(t->raw);
	loop_free(t->loop);
	free(t);
	return 0;
}

static int
send_state(struct link *l, uint64_t seq)
{
	Shim__TaskState s;
	Shim__Frame f = SHIM__FRAME__INIT;

	shim__task_state__init(&s);
	s.seq = seq;
	f.body_case = SHIM__FRAME__BODY_TASK_STATE;
	f.task_state = &s;
	return link_send(l, &f);
}

static int
send_line(struct link *l, const char *text)
{
	Shim__LogLine line;
	Shim__Frame f = SHIM__FRAME__INIT;
	_cleanup_free_ char *copy = xstrdup(text);

	shim__log_line__init(&line);
	line.line = copy;
	f.body_case = SHIM__FRAME__BODY_LOG_LINE;
	f.log_line = &line;
	return link_send(l, &f);
}

/* A Start whose definition has `len` characters; also as a packed frame when `ret_packed` is given.
 */
static int
send_start(struct link *l, size_t len, uint8_t **ret_packed, size_t *ret_packed_len)
{
	Shim__TaskSpec spec;
	Shim__Start start = SHIM__START__INIT;
	Shim__Frame f = SHIM__FRAME__INIT;
	_cleanup_free_ char *text = xcalloc(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	shim__task_spec__init(&spec);
	spec.definition_json = text;
	start.spec = &spec;
	f.body_case = SHIM__FRAME__BODY_START;
	f.start = &start;
	if (ret_packed != NULL) {
		*ret_packed = xcalloc(shim__frame__get_packed_size(&f), 1);
		*ret_packed_len = shim__frame__pack(&f, *ret_packed);
		return 0;
	}
	return link_send(l, &f);
}

static void
run_until(struct bench *t, int wanted)
{
	t->came = 0;
	t->wanted = wanted;
	assert_int_equal(loop_run(t->loop), 0);
}

static void
run_until_closed(struct bench *t, int reason)
{
	assert_int_equal(t->closed, 0);
	assert_int_equal(loop_run(t->loop), 1);
	assert_int_equal(t->closed, 1);
	assert_int_equal(t->reason, reason);
	assert_int_equal(send_state(t->a, 99), -EPIPE);
}

static void
test_there_and_back(void **state)
{
	struct bench *t = *state;

	assert_int_equal(send_state(t->a, 1), 0);
	assert_int_equal(send_line(t->b, "hello"), 0);
	assert_true(link_idle(t->a));
	run_until(t, 2);
	assert_int_equal(t->last_seq, 1);
	assert_string_equal(t->last_line, "hello");
	assert_int_equal(link_get_state(t->a), LINK_TASK);
}

static void
test_every_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, LINK_PACKET_MAX - 200, LINK_PACKET_MAX - 64,
		LINK_PACKET_MAX - 20, LINK_PACKET_MAX - 10, LINK_PACKET_MAX, LINK_PACKET_MAX + 1,
		3 * LINK_PACKET_MAX, 1000000, LINK_FRAME_MAX - 100 };
	struct bench *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(send_start(t->a, sizes[i], NULL, NULL), 0);
		assert_int_equal(send_state(t->a, i + 1), 0); /* must not get between the slices */
		run_until(t, 2);
		assert_int_equal(t->spec_len, sizes[i]);
		assert_int_equal(t->last_seq, i + 1);
	}
	assert_int_equal(send_start(t->a, LINK_FRAME_MAX, NULL, NULL), -E2BIG);
	assert_int_equal(send_state(t->a, 77), 0);
	run_until(t, 1);
	assert_int_equal(t->closed, 0);
}

/* Fills the socket and the queue behind it, with nobody reading. */
static int
fill(struct bench *t)
{
	char text[1024];
	int n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (; n < 5000; n++)
		assert_int_equal(send_line(t->a, text), 0);
	assert_false(link_idle(t->a));
	return n;
}

static void
test_lines_are_dropped_and_counted(void **state)
{
	struct bench *t = *state;
	unsigned long dropped;
	int sent = fill(t);
	char *rest;

	t->wanted = -1;
	while (!has_prefix(t->last_line, "msg=\"")) {
		t->wanted = t->came + 1;
		assert_int_equal(loop_run(t->loop), 0);
	}
	dropped = strtoul(t->last_line + strlen("msg=\""), &rest, 10);
	assert_string_equal(rest, " log lines were dropped\"");
	assert_true(dropped > 1000);
	assert_int_equal((unsigned long)t->lines - 1 + dropped, sent);
}

static void
test_newest_state_wins(void **state)
{
	struct bench *t = *state;

	fill(t);
	for (uint64_t seq = 1; seq <= 1000; seq++)
		assert_int_equal(send_state(t->a, seq), 0);
	t->wanted = -1;
	while (t->states == 0) {
		t->wanted = t->came + 1;
		assert_int_equal(loop_run(t->loop), 0);
	}
	assert_int_equal(t->last_seq, 1000);
	assert_int_equal(send_state(t->a, 1001), 0);
	while (t->states == 1) {
		t->wanted = t->came + 1;
		assert_int_equal(loop_run(t->loop), 0);
	}
	assert_int_equal(t->last_seq, 1001);
}

static void
test_drain(void **state)
{
	struct bench *t = *state;
	char buf[LINK_PACKET_MAX];
	int64_t before = monotonic_ms();

	fill(t);
	link_drain(t->a, 30); /* nobody reads */
	assert_false(link_idle(t->a));
	assert_true(monotonic_ms() - before < DEADLINE_MS);
	while (!link_idle(t->a)) {
		while (recv(t->raw, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		link_drain(t->a, 100);
	}
}

static void
test_eof(void **state)
{
	struct bench *t = *state;

	close(TAKE_FD(t->raw));
	run_until_closed(t, 0);
}

static void
test_last_words_arrive(void **state)
{
	struct bench *t = *state;

	/* b goes with a's words unread and its own still on their way. */
	assert_int_equal(send_state(t->a, 1), 0);
	assert_int_equal(send_state(t->b, 5), 0);
	link_free(TAKE(t->b));
	assert_int_equal(send_line(t->a, "x"), -EPIPE);
	t->wanted = -1;
	run_until_closed(t, 0);
	assert_int_equal(t->states, 1);
	assert_int_equal(t->last_seq, 5);
}

static void
test_a_dead_peer_costs_no_memory(void **state)
{
	struct bench *t = *state;
	int r = 0;

	for (int i = 0; i < 100 && r == 0; i++)
		r = send_start(t->a, 1000000, NULL, NULL);
	assert_int_equal(r, -EPIPE);
	run_until_closed(t, -ENOBUFS);
}

static void
send_raw(struct bench *t, const void *data, size_t len)
{
	assert_int_equal(send(t->raw, data, len, MSG_NOSIGNAL), len);
}

static void
test_garbage(void **state)
{
	struct bench *t = *state;

	send_raw(t, "\xff\xff\xff\xff garbage", 12);
	run_until_closed(t, -EBADMSG);
}

static void
test_unknown_body(void **state)
{
	struct bench *t = *state;

	send_raw(t, "\xfa\x01\x00", 3); /* field 31, of a later protocol */
	run_until_closed(t, -EPROTO);
}

static void
test_body_without_handler(void **state)
{
	struct bench *t = *state;

	send_raw(t, "\x32\x00", 2); /* Bye, which this end does not take */
	run_until_closed(t, -EPROTO);
}

static void
test_wrong_moment(void **state)
{
	struct bench *t = *state;

	link_set_state(t->a, LINK_GREETED);
	send_raw(t, "\x8a\x01\x00", 3); /* an empty TaskState */
	run_until_closed(t, -EPROTO);
	assert_int_equal(t->states, 0);
}

static void
test_handler_refuses(void **state)
{
	struct bench *t = *state;

	t->answer = -ERANGE;
	t->wanted = -1;
	assert_int_equal(send_state(t->b, 1), 0);
	assert_int_equal(send_state(t->b, 2), 0);
	assert_int_equal(loop_run(t->loop), 1);
	assert_int_equal(t->states, 1);
	assert_int_equal(t->reason, -ERANGE);
}

static void
test_freed_by_its_handler(void **state)
{
	struct bench *t = *state;

	t->free_inside = true;
	send_raw(t, "\x8a\x01\x00", 3);
	send_raw(t, "\x8a\x01\x00", 3);
	assert_int_equal(loop_run(t->loop), 0);
	assert_int_equal(t->states, 1);
	assert_int_equal(t->closed, 0);
}

static void
test_oversized_packet(void **state)
{
	_cleanup_free_ char *big = xcalloc(1, LINK_PACKET_MAX + 1);
	struct bench *t = *state;
	int size = 4 * (int)LINK_PACKET_MAX;

	assert_int_equal(setsockopt(t->raw, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	send_raw(t, big, LINK_PACKET_MAX + 1);
	run_until_closed(t, -EMSGSIZE);
}

/* A Part frame with this text. */
static void
send_part(struct bench *t, const void *data, size_t len, bool last)
{
	_cleanup_free_ uint8_t *copy = xmemdup(data, len);
	_cleanup_free_ uint8_t *packed = NULL;
	Shim__Part part = SHIM__PART__INIT;
	Shim__Frame f = SHIM__FRAME__INIT;

	part.data.data = copy;
	part.data.len = len;
	part.last = last;
	f.body_case = SHIM__FRAME__BODY_PART;
	f.part = &part;
	packed = xcalloc(shim__frame__get_packed_size(&f), 1);
	send_raw(t, packed, shim__frame__pack(&f, packed));
}

static void
test_parts_by_hand(void **state)
{
	_cleanup_free_ uint8_t *packed = NULL;
	struct bench *t = *state;
	size_t len = 0;

	send_start(NULL, 100, &packed, &len);
	for (size_t i = 0; i < len; i++) {
		send_part(t, packed + i, 1, i + 1 == len);
		if (i % 5 == 4) {
			/* reading takes turns with sending: the socket holds only so many packets
			 */
			t->wanted = -1;
			event_base_loop(loop_base(t->loop), EVLOOP_NONBLOCK);
		}
	}
	event_base_loop(loop_base(t->loop), EVLOOP_NONBLOCK);
	assert_int_equal(t->spec_len, 100);
	assert_int_equal(t->closed, 0);
}

static void
test_something_between_parts(void **state)
{
	struct bench *t = *state;

	send_part(t, "\x8a", 1, false);
	send_raw(t, "\x8a\x01\x00", 3);
	run_until_closed(t, -EPROTO);
}

static void
test_part_in_parts(void **state)
{
	struct bench *t = *state;

	send_part(t, "\x0a\x00", 2, true); /* a joined frame that is a Part */
	run_until_closed(t, -EPROTO);
}

static void
test_empty_part(void **state)
{
	struct bench *t = *state;

	send_part(t, "", 0, false);
	run_until_closed(t, -EPROTO);
}

static void
test_endless_parts(void **state)
{
	_cleanup_free_ char *slice = xcalloc(1, 100000);
	struct bench *t = *state;

	for (int i = 0; i < 50 && t->closed == 0; i++) {
		send_part(t, slice, 100000, false);
		t->wanted = -1;
		event_base_loop(loop_base(t->loop), EVLOOP_NONBLOCK);
	}
	if (t->closed == 0)
		(void)loop_run(t->loop);
	assert_int_equal(t->reason, -EMSGSIZE);
}

/* Two bytes per container in the packet, some hundred each in memory. */
static void
test_small_frame_large_tree(void **state)
{
	size_t n = 3 * 1024 * 1024 / 2;
	_cleanup_free_ uint8_t *frame = xcalloc(1, 2 * n + 20);
	struct bench *t = *state;
	size_t body = 2 * n;
	size_t len = 0;

	frame[len++] = 0x8a;
	frame[len++] = 0x01;
	for (size_t rest = body; rest > 0; rest >>= 7)
		frame[len++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
	for (size_t i = 0; i < n; i++) {
		frame[len++] = 0x72; /* TaskState.containers */
		frame[len++] = 0x00;
	}
	for (size_t at = 0; at < len && t->closed == 0; at += 100000) {
		size_t slice = len - at < 100000 ? len - at : 100000;

		send_part(t, frame + at, slice, at + slice == len);
		t->wanted = -1;
		event_base_loop(loop_base(t->loop), EVLOOP_NONBLOCK);
	}
	if (t->closed == 0)
		(void)loop_run(t->loop);
	assert_int_equal(t->reason, -EBADMSG);
	assert_int_equal(t->states, 0);
}

/* Every prefix and every flipped byte of a good frame: none of them may do worse than close the
 * link. */
static void
test_mutations(void **state)
{
	_cleanup_free_ uint8_t *packed = NULL;
	size_t len = 0;

	(void)state;
	send_start(NULL, 40, &packed, &len);
	for (size_t i = 0; i < 2 * len; i++) {
		void *inner = NULL;
		struct bench *t;

		setup(&inner);
		t = inner;
		if (i < len) {
			send_raw(t, packed, i + 1);
		} else {
			_cleanup_free_ uint8_t *copy = xmemdup(packed, len);

			copy[i - len] ^= (uint8_t)(1u << (i % 8));
			/* on_start looks at the letters, so only what surrounds them is flipped */
			if (copy[i - len] != packed[i - len] && i - len >= len - 40)
				copy[i - len] = packed[i - len];
			send_raw(t, copy, len);
		}
		t->wanted = -1;
		event_base_loop(loop_base(t->loop), EVLOOP_NONBLOCK);
		teardown(&inner);
	}
}

int
main(void)
{
#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TWO(fn) cmocka_unit_test_setup_teardown(fn, setup_two, teardown)
	const struct CMUnitTest tests[] = {
		TWO(test_there_and_back),
		TWO(test_every_size),
		TWO(test_lines_are_dropped_and_counted),
		TWO(test_newest_state_wins),
		ONE(test_drain),
		ONE(test_eof),
		TWO(test_last_words_arrive),
		ONE(test_a_dead_peer_costs_no_memory),
		ONE(test_garbage),
		ONE(test_unknown_body),
		ONE(test_body_without_handler),
		ONE(test_wrong_moment),
		TWO(test_handler_refuses),
		ONE(test_freed_by_its_handler),
		ONE(test_oversized_packet),
		ONE(test_parts_by_hand),
		ONE(test_something_between_parts),
		ONE(test_part_in_parts),
		ONE(test_empty_part),
		ONE(test_endless_parts),
		ONE(test_small_frame_large_tree),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
