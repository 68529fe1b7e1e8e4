/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of logs.h as a loop of four steps: ask how far the stream got, read the Engine's log
 * from there, send what comes, and when that fails wait and begin with the first step. So a lost
 * answer, a new shim and a service that was away are one case, and nothing but one short queue is
 * ever kept in memory.
 */
#include "shim/logs.h"
#include "shim/logs_batch.h"
#include "shim/logs_service.h"
#include "common/log.h"

#include <inttypes.h>
#include <string.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define AGAIN_MS                                                                                   \
	200 /* until a stream that has ended is opened again: the container may be restarted */
#define NOBODY_MAX 6 /* three seconds: longer than a daemon that keeps its state takes to leave */
#define PACE_MS 100  /* between two bodies that are not full */
#define RUSH_PACE_MS 50 /* between full ones, while less than RUSH_MS is not read yet */
#define RUSH_MS 2000    /* the Engine does not write a whole file in this time */
#define BEHIND_BYTES ((size_t)16 * 1024 * 1024) /* read by one stream: before, nobody is behind */
#define QUIET_MS 3000

enum logs_state {
	LOGS_IDLE,
	LOGS_ASKING,    /* how far the stream got */
	LOGS_MEASURING, /* reads without sending: how much waits (mode non-blocking) */
	LOGS_FOLLOWING, /* reads and sends */
	LOGS_BETWEEN,  /* the Engine's stream has ended and will be opened again; goes on sending */
	LOGS_WAITING,  /* the service did not take something */
	LOGS_DRAINING, /* everything is read, not everything is sent */
	LOGS_DRAINED,
	LOGS_STATE_MAX,
};

struct logs {
	struct logs_ask ask;
	enum logs_state state;
	char *id; /* of the container */
	struct logs_service service;
	struct logs_stream stream;
	struct logs_lines lines;
	struct logs_multiline *multiline;
	struct logs_batch batch;
	struct engine_req *req; /* the Engine's stream */
	bool paused;
	bool ended;   /* logs_end was called */
	bool passing; /* the stream is not followed */
	bool suspect; /* it is, from a time on when much was written */
	bool fresh;   /* something new has come by it */
	size_t stream_bytes;
	int64_t opened_ms, data_ms;
	bool final;       /* the Engine's stream was opened after that: its end is the end */
	bool stream_lost; /* the service says that there is none */
	bool recreating;  /* it is being made again: no news for the container */
	unsigned nobody;  /* so often in a row the daemon did not listen */
	bool complained;  /* of the service, since it last took something */
	struct logs_position acked, sending;
	struct logs_found skip; /* of a service without cursor: what it has is not sent again */
	int64_t waiting_bytes;  /* counted while measuring */
	int64_t surplus_bytes;  /* of these, what does not fit into the buffer and is dropped */
	uint64_t dropped;       /* lines, since that was last told */
	int64_t newest_ns;      /* of what was read: the Engine's time of a line */
	int64_t progress_ms, sent_ms, retry_ms;
	struct timer *retry, *pace, *complete;
};

static void on_piece(const struct logs_piece *p, void *arg);
static void on_line(const struct logs_line *line, void *arg);
static void on_event(const struct logs_event *e, void *arg);
static void on_created(enum logs_outcome o, const char *text, void *arg);
static void on_found(enum logs_outcome o, const struct logs_found *f, void *arg);
static void on_put(enum logs_outcome o, const char *text, void *arg);
static void on_retry(void *arg);
static void on_pace(void *arg);
static void on_complete(void *arg);
static void on_data(const char *data, size_t len, void *arg);
static void on_stream_end(const struct engine_reply *r, void *arg);
static void stream_open(struct logs *l, int64_t since_ns, bool follow);
static void logs_read(struct logs *l);
static void logs_wait(struct logs *l);
static void on_failure(struct logs *l, enum logs_outcome o, const char *text);
static void pump(struct logs *l);

int
logs_new(const struct logs_ask *ask, struct logs **ret, struct err *e)
{
	struct logs *l = xcalloc(1, sizeof(*l));
	struct err why = { 0 };

	l->ask = *ask;
	if (logs_multiline_new(ask->options->pattern, on_event, l, &l->multiline, &why) < 0) {
		free(l);
		return err_set(e, ERR_CLIENT,
		    "awslogs could not parse multiline pattern key \"%s\": error parsing regexp: "
		    "%s",
		    ask->options->pattern, why.text);
	}
	l->service = (struct logs_service){
		.aws = ask->aws,
		.as = ask->as,
		.account = ask->account,
		.options = ask->options,
		.on_create = on_created,
		.on_found = on_found,
		.on_put = on_put,
		.arg = l,
	};
	l->stream = (struct logs_stream){ .tty = ask->tty, .on_piece = on_piece, .arg = l };
	l->lines = (struct logs_lines){ .on_line = on_line, .arg = l };
	l->batch.limits = &logs_batch_limits_aws;
	l->retry_ms = RETRY_MIN_MS;
	l->retry = timer_new(ask->loop, on_retry, l);
	l->pace = timer_new(ask->loop, on_pace, l);
	l->complete = timer_new(ask->loop, on_complete, l);
	*ret = l;
	return 0;
}

void
logs_free(struct logs *l)
{
	if (l == NULL)
		return;
	engine_cancel(l->req);
	logs_service_done(&l->service);
	logs_stream_reset(&l->stream);
	logs_lines_done(&l->lines);
	logs_multiline_free(l->multiline);
	logs_batch_done(&l->batch);
	timer_free(l->retry);
	timer_free(l->pace);
	timer_free(l->complete);
	free(l->id);
	free(l);
}

static void
name_stream(struct logs *l, const char *container_id)
{
	const char *name = l->ask.options->stream;

	if (l->service.stream == NULL)
		l->service.stream = xstrdup(name != NULL ? name : container_id);
}

void
logs_create(struct logs *l, const char *container_id)
{
	name_stream(l, container_id);
	logs_service_create(&l->service, true);
}

void
logs_follow(struct logs *l, const char *container_id)
{
	if (l->state != LOGS_IDLE)
		return;
	name_stream(l, container_id);
	l->id = xstrdup(container_id);
	aws_cancel(TAKE(l->service.call)); /* whoever runs has a stream */
	l->state = LOGS_ASKING;
	logs_service_find(&l->service);
}

bool
logs_is_drained(const struct logs *l)
{
	return l->state == LOGS_DRAINED;
}

int64_t
logs_progress_ms(const struct logs *l)
{
	return l->progress_ms;
}

static void
stream_close(struct logs *l)
{
	engine_cancel(TAKE(l->req));
	logs_stream_reset(&l->stream);
	l->paused = false;
}

static void
set_drained(struct logs *l)
{
	stream_close(l);
	timer_stop(l->retry);
	timer_stop(l->pace);
	timer_stop(l->complete);
	logs_batch_clear(&l->batch);
	l->state = LOGS_DRAINED;
	l->ask.on_drained(l->ask.arg);
}

void
logs_abandon(struct logs *l)
{
	if (l->state == LOGS_DRAINED)
		return;
	log_warn("task", l->ask.task_id,
	    "container %s: what it wrote last is lost: log group %s does not take it", l->ask.name,
	    l->ask.options->group);
	aws_cancel(TAKE(l->service.call));
	set_drained(l);
}

/* A stream that was opened before may end before the last words are in it; the one that is opened
 * now cannot. */
void
logs_end(struct logs *l)
{
	if (l->ended)
		return;
	l->ended = true;
	if (l->state == LOGS_BETWEEN)
		timer_set(l->retry, 0);
	else if (l->state == LOGS_FOLLOWING)
		timer_set(l->retry, QUIET_MS);
}

/* Only an open stream is touched: the other steps do not need the Engine. */
void
logs_on_engine_down(struct logs *l)
{
	bool was_open = l->req != NULL;

	l->req = NULL;
	l->paused = false;
	logs_stream_reset(&l->stream);
	if (!was_open)
		return;
	l->state = l->state == LOGS_MEASURING ? LOGS_WAITING : LOGS_BETWEEN;
	timer_stop(l->retry);
}

void
logs_on_engine_up(struct logs *l)
{
	if ((l->state == LOGS_BETWEEN || l->state == LOGS_WAITING) && !timer_pending(l->retry))
		timer_set(l->retry, 0);
}

/* -- the service's answers */

static void
complain(struct logs *l, const char *text)
{
	if (!l->complained)
		log_warn("task", l->ask.task_id, "container %s: log group %s: %s", l->ask.name,
		    l->ask.options->group, text);
	l->complained = true;
}

static void
on_created(enum logs_outcome o, const char *text, void *arg)
{
	struct logs *l = arg;

	if (!l->recreating) {
		l->ask.on_created(text, l->ask.arg);
		return;
	}
	l->recreating = false;
	if (o == LOGS_DONE) {
		l->stream_lost = false;
		on_retry(l);
	} else {
		on_failure(l, o, text);
	}
}

/* What is known here may be more than the service has: somebody may have deleted the stream. */
static void
on_found(enum logs_outcome o, const struct logs_found *f, void *arg)
{
	struct logs *l = arg;
	struct logs_position p = { 0 };

	if (o != LOGS_DONE && o != LOGS_GONE) {
		on_failure(l, o, "it cannot be asked how far the stream got");
		return;
	}
	l->skip = *f;
	l->skip.cursor = NULL;
	if (f->last_ms > 0)
		p.floor_ns = logs_floor_ns(
		    (struct logs_mark[LOGS_SOURCE_MAX]){ { .time_ns = f->last_ms * 1000000 } },
		    INT64_MAX);
	if (f->last_ms > 0 || (f->cursor != NULL && logs_position_read(f->cursor, l->id, &p)))
		l->acked = p;
	logs_read(l);
}

/* From what is delivered on, with nothing in memory. */
static void
logs_read(struct logs *l)
{
	bool measure = l->ask.options->non_blocking && l->state != LOGS_MEASURING;

	logs_lines_from(&l->lines, &l->acked);
	logs_multiline_clear(l->multiline);
	logs_batch_clear(&l->batch);
	l->state = measure ? LOGS_MEASURING : LOGS_FOLLOWING;
	l->waiting_bytes = 0;
	stream_open(l, l->acked.floor_ns, !measure);
}

/* Followed, the stream goes on with what is written. The Engine of Debian 12 follows a file that is
 * rotated, but not two in a row, and none that is rotated while it looks for the beginning. Not
 * followed, it is what all files had in them at this moment, and ends: so whoever is far behind
 * reads, one such stream after the other. */
static void
stream_open(struct logs *l, int64_t since_ns, bool follow)
{
	l->passing = !follow;
	l->fresh = false;
	l->stream_bytes = 0;
	l->opened_ms = l->data_ms = monotonic_ms();
	if (!engine_is_up(l->ask.engine)) {
		if (l->state == LOGS_MEASURING)
			l->state = LOGS_WAITING;
		else
			l->state = LOGS_BETWEEN;
		return;
	}
	l->final = l->ended;
	l->req = engine_logs(l->ask.engine, l->id, follow, since_ns, on_data, on_stream_end, l);
}

/* What was read stays read. */
static void
open_again(struct logs *l, bool follow)
{
	int64_t floor_ns;

	stream_close(l);
	l->state = LOGS_FOLLOWING;
	logs_lines_again(&l->lines, &floor_ns);
	stream_open(l, floor_ns, follow);
}

static void
set_retry(struct logs *l)
{
	timer_set(l->retry, l->retry_ms);
	l->retry_ms = l->retry_ms * 2 < RETRY_MAX_MS ? l->retry_ms * 2 : RETRY_MAX_MS;
}

/* Everything that is not known to be delivered is forgotten: it is in the Engine's file. */
static void
logs_wait(struct logs *l)
{
	stream_close(l);
	aws_cancel(TAKE(l->service.call));
	timer_stop(l->pace);
	timer_stop(l->complete);
	logs_batch_clear(&l->batch);
	l->state = LOGS_WAITING;
	set_retry(l);
}

/* The service did not take something. Where the container has ended, nobody will see to its group
 * or its rights any more; and a daemon that stops without keeping its state will not come back. */
static void
on_failure(struct logs *l, enum logs_outcome o, const char *text)
{
	complain(l, text);
	l->stream_lost = l->stream_lost || o == LOGS_GONE;
	l->nobody = o == LOGS_NOBODY ? l->nobody + 1 : 0;
	if (l->ended && (l->stream_lost || o == LOGS_DENIED || l->nobody >= NOBODY_MAX))
		logs_abandon(l);
	else
		logs_wait(l);
}

/* A followed stream that says nothing any more: it may have lost the file that is written. */
static void
on_quiet(struct logs *l)
{
	bool fresh = l->fresh;

	if (!l->paused && !l->passing && monotonic_ms() - l->data_ms >= QUIET_MS) {
		open_again(l, true);
		l->suspect = fresh;
	}
	if (l->suspect || (l->ended && !l->final))
		timer_set(l->retry, QUIET_MS);
}

static void
on_retry(void *arg)
{
	struct logs *l = arg;

	switch (l->state) {
	case LOGS_FOLLOWING:
		on_quiet(l);
		break;
	case LOGS_BETWEEN:
		open_again(l, true);
		break;
	case LOGS_WAITING:
		if (l->stream_lost) {
			l->recreating = true;
			logs_service_create(&l->service, true);
		} else {
			l->state = LOGS_ASKING;
			logs_service_find(&l->service);
		}
		break;
	case LOGS_IDLE:
	case LOGS_ASKING:
	case LOGS_MEASURING:
	case LOGS_DRAINING:
	case LOGS_DRAINED:
	case LOGS_STATE_MAX:
		break;
	}
}

/* -- reading */

static bool
is_behind(const struct logs *l)
{
	return now_ms() - l->newest_ns / 1000000 > RUSH_MS;
}

static void
on_data(const char *data, size_t len, void *arg)
{
	struct logs *l = arg;
	int r = logs_stream_feed(&l->stream, data, len);

	if (r < 0) {
		log_warn("task", l->ask.task_id, "container %s: log stream of the Engine: %s",
		    l->ask.name, strerror(-r));
		logs_wait(l);
		return;
	}
	l->stream_bytes += len;
	l->data_ms = monotonic_ms();
	pump(l);
	if (l->state == LOGS_FOLLOWING && !l->passing && l->stream_bytes > BEHIND_BYTES &&
	    is_behind(l))
		open_again(l, false);
}

/* Mode non-blocking: what waits counts, as far as it is not delivered yet. */
static void
on_piece(const struct logs_piece *p, void *arg)
{
	struct logs *l = arg;
	struct logs_mark mark;
	uint32_t skip;

	if (l->state != LOGS_MEASURING)
		logs_lines_add(&l->lines, p);
	else if (logs_gate_pass(&l->lines.gate, p, &mark, &skip) &&
		 p->time_ns / 1000000 > l->skip.last_ms)
		l->waiting_bytes += (int64_t)p->len;
}

static void
on_measured(struct logs *l)
{
	int64_t room = l->ask.options->buffer_bytes;

	l->surplus_bytes = l->waiting_bytes > room ? l->waiting_bytes - room : 0;
	logs_read(l);
}

/* A 404: somebody has removed the container. */
static void
on_stream_end(const struct engine_reply *r, void *arg)
{
	struct logs *l = arg;
	bool gone = r->text != NULL && r->status == 404;

	l->req = NULL;
	l->paused = false;
	timer_stop(l->retry);
	if (r->text != NULL && !gone) {
		logs_stream_reset(&l->stream);
		complain(l, r->text);
		l->state = l->state == LOGS_MEASURING ? LOGS_WAITING : LOGS_BETWEEN;
		set_retry(l);
		return;
	}
	(void)logs_stream_end(&l->stream);
	if (l->state == LOGS_MEASURING) {
		on_measured(l);
	} else if (gone || l->final) {
		logs_lines_end(&l->lines);
		logs_multiline_end(l->multiline);
		l->state = LOGS_DRAINING;
		pump(l);
	} else if (l->passing) {
		l->suspect = monotonic_ms() - l->opened_ms <= RUSH_MS;
		open_again(l, l->suspect);
		if (l->suspect)
			timer_set(l->retry, QUIET_MS);
	} else {
		l->state = LOGS_BETWEEN;
		timer_set(l->retry, l->ended ? 0 : AGAIN_MS);
		pump(l);
	}
}

static void
on_line(const struct logs_line *line, void *arg)
{
	struct logs *l = arg;

	l->newest_ns = line->time_ns;
	l->fresh = true;
	logs_multiline_add(l->multiline, line);
	if (logs_multiline_pending_ns(l->multiline) != INT64_MAX && !timer_pending(l->complete))
		timer_set(l->complete, LOGS_MULTILINE_WAIT_MS);
}

/* No more lines came for this event. */
static void
on_complete(void *arg)
{
	struct logs *l = arg;

	logs_multiline_end(l->multiline);
	pump(l);
}

/* -- sending */

/* A service without cursor has the events up to its last one. */
static bool
is_sent(struct logs *l, const struct logs_event *e)
{
	int64_t ms = e->time_ns / 1000000;

	if (l->skip.last_ms == 0 || ms > l->skip.last_ms)
		return false;
	if (ms < l->skip.last_ms)
		return true;
	if (l->skip.last_events == 0)
		return false;
	l->skip.last_events--;
	return true;
}

/* An event of ours among those of the container: that some of these are missing must not go
 * unseen. */
static void
tell_loss(struct logs *l, int64_t time_ns, const char *text)
{
	struct logs_event e = { .time_ns = time_ns, .text = text, .len = strlen(text) };

	log_warn("task", l->ask.task_id, "container %s: %s", l->ask.name, text);
	logs_batch_add(&l->batch, &e);
}

/* True if the event is one of those that do not fit into the buffer of mode non-blocking. */
static bool
drop_surplus(struct logs *l, const struct logs_event *e)
{
	_cleanup_free_ char *text = NULL;

	if (l->surplus_bytes > 0) {
		l->surplus_bytes -= (int64_t)e->len;
		l->dropped++;
		return true;
	}
	if (l->dropped == 0)
		return false;
	text = xasprintf("localemu-ecs: %" PRIu64
			 " events before this one were dropped: the buffer of %" PRId64
			 " bytes was full (mode non-blocking)",
	    l->dropped, l->ask.options->buffer_bytes);
	l->dropped = 0;
	tell_loss(l, e->time_ns, text);
	return false;
}

static void
on_event(const struct logs_event *e, void *arg)
{
	struct logs *l = arg;

	timer_stop(l->complete);
	if (is_sent(l, e) || drop_surplus(l, e))
		return;
	if (l->lines.gate.gap) {
		l->lines.gate.gap = false;
		tell_loss(l, e->time_ns,
		    "localemu-ecs: events before this one may be missing: the Engine had rotated "
		    "them away before they could be sent");
	}
	logs_batch_add(&l->batch, e);
}

static int64_t
oldest_pending_ns(const struct logs *l)
{
	int64_t lines = logs_lines_pending_ns(&l->lines);
	int64_t event = logs_multiline_pending_ns(l->multiline);

	return lines < event ? lines : event;
}

static void
send_body(struct logs *l)
{
	char cursor[LOGS_CURSOR_MAX];
	size_t len;
	char *body;

	l->sending = l->acked;
	body = logs_batch_take(&l->batch, l->ask.options->group, l->service.stream,
	    oldest_pending_ns(l), &l->sending, &len);
	logs_position_print(&l->sending, l->id, cursor);
	l->sent_ms = monotonic_ms();
	logs_service_put(&l->service, body, len, cursor);
}

/* How long after the body before the next one is due. What comes in a rush is taken slowly first:
 * to read it costs the Engine as much as to write it, and the containers wait for the Engine. */
static int64_t
pace_ms(const struct logs *l)
{
	if (l->ended)
		return 0;
	if (!logs_batch_is_full(&l->batch))
		return PACE_MS;
	return is_behind(l) ? 0 : RUSH_PACE_MS;
}

/* Sends where that is due, stops and goes on reading where the queue wants it. */
static void
pump(struct logs *l)
{
	bool crowded;

	if (l->state != LOGS_FOLLOWING && l->state != LOGS_BETWEEN && l->state != LOGS_DRAINING)
		return;
	if (l->service.call == NULL && !logs_batch_is_empty(&l->batch)) {
		int64_t wait_ms = l->sent_ms + pace_ms(l) - monotonic_ms();

		if (wait_ms <= 0)
			send_body(l);
		else if (!timer_pending(l->pace))
			timer_set(l->pace, wait_ms);
	}
	crowded = logs_batch_bytes(&l->batch) >= 2 * l->batch.limits->body_bytes;
	if (l->req != NULL && l->paused != crowded) {
		l->paused = crowded;
		engine_pause(l->req, crowded);
	}
	if (l->state == LOGS_DRAINING && l->service.call == NULL && logs_batch_is_empty(&l->batch))
		set_drained(l);
}

static void
on_pace(void *arg)
{
	pump(arg);
}

static void
on_refused(struct logs *l, const char *text)
{
	log_err("task", l->ask.task_id, "container %s: %zu events are lost: %s", l->ask.name,
	    l->batch.n_taken, text);
}

static void
on_put(enum logs_outcome o, const char *text, void *arg)
{
	struct logs *l = arg;

	switch (o) {
	case LOGS_DONE:
	case LOGS_REFUSED:
		if (o == LOGS_REFUSED)
			on_refused(l, text);
		else if (text != NULL)
			complain(l, text);
		else
			l->complained = false;
		l->acked = l->sending;
		l->retry_ms = RETRY_MIN_MS;
		l->progress_ms = monotonic_ms();
		(void)logs_batch_drop(&l->batch);
		pump(l);
		break;
	case LOGS_GONE:
	case LOGS_DENIED:
	case LOGS_NOBODY:
	case LOGS_AWAY:
	case LOGS_OUTCOME_MAX:
		on_failure(l, o, text);
		break;
	}
}
