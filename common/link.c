/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames over a SEQPACKET socket, from both sides. It knows packets, the frame's tags and which of
 * them may be replaced or dropped, but not what a frame says; the peer is hostile.
 */
#include "common/link.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define LOG_QUEUE_MAX (1024u * 1024)  /* beyond this LogLines are dropped */
#define QUEUE_MAX (16u * 1024 * 1024) /* beyond this the peer counts as dead */
#define UNPACK_MAX                                                                                 \
	(64u * 1024 *                                                                              \
	    1024) /* memory that one frame may ask for: "ten bytes" can stand for a struct */
#define PACKETS_PER_TURN 32 /* so that a talkative peer does not keep the others waiting */
#define PART_OVERHEAD 64    /* tags and lengths around a slice, generously */
#define TAG_TASK_STATE SHIM__FRAME__BODY_TASK_STATE
#define TAG_LOG_LINE SHIM__FRAME__BODY_LOG_LINE

/* One frame that waits; `sent` counts what has gone out of a frame that is split. */
struct item {
	TAILQ_ENTRY(item) next;
	Shim__Frame__BodyCase tag;
	size_t len;
	size_t sent;
	uint8_t data[];
};

struct link {
	struct loop *loop;
	int fd;
	const struct link_handler *handlers;
	void (*on_close)(struct link *l, int reason, void *cookie);
	void *cookie;
	enum link_state state;
	struct event *readable;
	struct event *writable;
	struct timer *closing;
	int reason;
	bool closed;  /* no traffic any more; on_close is due or done */
	bool unheard; /* the peer takes nothing any more; what it said may still be read */
	bool busy;    /* inside a handler */
	bool doomed;  /* freed from inside a handler */
	TAILQ_HEAD(, item) queue;
	size_t queued_bytes;
	size_t packet_max;
	uint64_t dropped; /* LogLines, not yet told */
	uint8_t *joined;  /* slices so far */
	size_t joined_len;
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_closing(void *arg);
static void flush(struct link *l);

/* How much fits in one packet: what both sides agreed on, or less where the system's limit is
 * lower. */
static size_t
packet_room(int fd)
{
	int want = 4 * (int)LINK_PACKET_MAX;
	int got = 0;
	socklen_t size = sizeof(got);

	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)); /* what came of it is asked next */
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &size) < 0 || got <= 0)
		return LINK_PACKET_MAX;
	return (size_t)got / 2 < LINK_PACKET_MAX ? (size_t)got / 2 : LINK_PACKET_MAX;
}

struct link *
link_new(struct loop *loop, int fd, const struct link_handler handlers[static LINK_HANDLERS_MAX],
    void (*on_close)(struct link *l, int reason, void *cookie), void *cookie)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->fd = fd;
	l->handlers = handlers;
	l->on_close = on_close;
	l->cookie = cookie;
	l->packet_max = packet_room(fd);
	TAILQ_INIT(&l->queue);
	(void)fcntl(fd, F_SETFL,
	    O_NONBLOCK); /* fails only on no descriptor at all, and then the first recv says so */
	l->closing = timer_new(loop, on_closing, l);
	l->readable = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_writable, l);
	if (l->readable == NULL || l->writable == NULL || event_add(l->readable, NULL) < 0)
		abort();
	return l;
}

static void
item_drop(struct link *l, struct item *it)
{
	TAILQ_REMOVE(&l->queue, it, next);
	l->queued_bytes -= it->len;
	free(it);
}

static void
queue_drop(struct link *l)
{
	while (!TAILQ_EMPTY(&l->queue))
		item_drop(l, TAILQ_FIRST(&l->queue));
	l->dropped = 0;
}

/* Ends all traffic and lets the owner know from a turn of its own. */
static void
fail(struct link *l, int reason)
{
	if (l->closed)
		return;
	l->closed = true;
	l->reason = reason;
	event_del(l->readable);
	event_del(l->writable);
	close(l->fd);
	l->fd = -1;
	queue_drop(l);
	timer_set(l->closing, 0);
}

static void
on_closing(void *arg)
{
	struct link *l = arg;

	l->on_close(l, l->reason, l->cookie);
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	if (l->busy) {
		fail(l, 0);
		timer_stop(l->closing);
		l->doomed = true;
		return;
	}
	event_free(l->readable);
	event_free(l->writable);
	timer_free(l->closing);
	if (l->fd >= 0)
		close(l->fd);
	queue_drop(l);
	free(l->joined);
	free(l);
}

void
link_set_state(struct link *l, enum link_state s)
{
	l->state = s;
}

enum link_state
link_get_state(const struct link *l)
{
	return l->state;
}

bool
link_idle(const struct link *l)
{
	return TAILQ_EMPTY(&l->queue);
}

/* --- out --- */

static void
enqueue(struct link *l, const Shim__Frame *f, size_t len)
{
	struct item *it = xcalloc(1, sizeof(*it) + len);
	struct item *old;

	it->tag = f->body_case;
	it->len = shim__frame__pack(f, it->data);
	l->queued_bytes += it->len;
	if (it->tag == TAG_TASK_STATE) {
		TAILQ_FOREACH(old, &l->queue, next)
		if (old->tag == TAG_TASK_STATE && old->sent == 0) {
			TAILQ_INSERT_BEFORE(old, it, next);
			item_drop(l, old);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&l->queue, it, next);
}

static void
tell_dropped(struct link *l)
{
	char text[80];
	Shim__LogLine line;
	Shim__Frame f = SHIM__FRAME__INIT;

	shim__log_line__init(&line);
	(void)snprintf(
	    text, sizeof(text), "msg=\"%" PRIu64 " log lines were dropped\"", l->dropped);
	l->dropped = 0;
	line.level = LOG_LEVEL_WARN;
	line.line = text;
	f.body_case = TAG_LOG_LINE;
	f.log_line = &line;
	enqueue(l, &f, shim__frame__get_packed_size(&f));
}

int
link_send(struct link *l, const Shim__Frame *f)
{
	size_t len;

	if (l->closed || l->unheard)
		return -EPIPE;
	len = shim__frame__get_packed_size(f);
	if (len > LINK_FRAME_MAX)
		return -E2BIG;
	if (f->body_case == TAG_LOG_LINE) {
		if (l->queued_bytes + len > LOG_QUEUE_MAX) {
			l->dropped++;
			return 0;
		}
		if (l->dropped > 0)
			tell_dropped(l);
	}
	enqueue(l, f, len);
	flush(l);
	if (l->queued_bytes > QUEUE_MAX)
		fail(l, -ENOBUFS);
	return l->closed || l->unheard ? -EPIPE : 0;
}

/* Sends the next packet of a frame that is too large for one. Returns what went out, or a negative
 * errno. */
static ssize_t
send_part(struct link *l, struct item *it)
{
	size_t n = it->len - it->sent;
	uint8_t packet[LINK_PACKET_MAX];
	Shim__Part part = SHIM__PART__INIT;
	Shim__Frame f = SHIM__FRAME__INIT;

	if (n > l->packet_max - PART_OVERHEAD)
		n = l->packet_max - PART_OVERHEAD;
	part.data.data = it->data + it->sent;
	part.data.len = n;
	part.last = it->sent + n == it->len;
	f.body_case = SHIM__FRAME__BODY_PART;
	f.part = &part;
	if (send(l->fd, packet, shim__frame__pack(&f, packet), MSG_NOSIGNAL) < 0)
		return -errno;
	return (ssize_t)n;
}

static ssize_t
send_next(struct link *l, struct item *it)
{
	if (it->sent > 0 || it->len > l->packet_max)
		return send_part(l, it);
	return send(l->fd, it->data, it->len, MSG_NOSIGNAL) < 0 ? -errno : (ssize_t)it->len;
}

static void
flush(struct link *l)
{
	struct item *it;
	ssize_t n;

	while (!l->closed && (it = TAILQ_FIRST(&l->queue)) != NULL) {
		n = send_next(l, it);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			if (event_add(l->writable, NULL) < 0)
				abort();
			return;
		}
		if (n == -EPIPE || n == -ECONNRESET) {
			/* The peer is gone, but its last words may wait on our side: reading ends
			 * in EOF. */
			l->unheard = true;
			queue_drop(l);
			break;
		}
		if (n < 0) {
			fail(l, (int)n);
			return;
		}
		it->sent += (size_t)n;
		if (it->sent >= it->len)
			item_drop(l, it);
		if (TAILQ_EMPTY(&l->queue) && l->dropped > 0)
			tell_dropped(l);
	}
	if (!l->closed)
		event_del(l->writable);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

void
link_drain(struct link *l, int64_t ms)
{
	int64_t end = monotonic_ms() + ms;
	int64_t left;

	flush(l);
	while (!l->closed && !link_idle(l) && (left = end - monotonic_ms()) > 0) {
		struct pollfd p = { .fd = l->fd, .events = POLLOUT };

		if (poll(&p, 1, (int)left) > 0)
			flush(l);
	}
}

/* --- in --- */

/* Memory for unpacking, counted, so that a small packet cannot become a large tree. */
static void *
counted_alloc(void *cookie, size_t size)
{
	size_t *left = cookie;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size > 0 ? size : 1);
}

static void
counted_free(void *cookie, void *p)
{
	(void)cookie;
	free(p);
}

static int receive(struct link *l, const uint8_t *data, size_t len, bool whole);

/* Takes one slice; the last one completes the frame. */
static int
receive_part(struct link *l, const Shim__Part *part)
{
	_cleanup_free_ uint8_t *whole = NULL;
	size_t len;

	if (part->data.len == 0)
		return -EPROTO;
	if (part->data.len > LINK_FRAME_MAX - l->joined_len)
		return -EMSGSIZE;
	l->joined = xrealloc(l->joined, l->joined_len + part->data.len, 1);
	memcpy(l->joined + l->joined_len, part->data.data, part->data.len);
	l->joined_len += part->data.len;
	if (!part->last)
		return 0;
	whole = TAKE(l->joined);
	len = l->joined_len;
	l->joined_len = 0;
	return receive(l, whole, len, true);
}

static int
dispatch(struct link *l, const Shim__Frame *f)
{
	const struct link_handler *h;

	if ((unsigned)f->body_case >= LINK_HANDLERS_MAX)
		return -EPROTO;
	h = &l->handlers[f->body_case];
	if (h->fn == NULL || (h->legal & BIT(l->state)) == 0)
		return -EPROTO;
	return h->fn(l, f, l->cookie);
}

/* Unpacks and hands on. `whole`: joined of slices, so it is no slice itself. */
static int
receive(struct link *l, const uint8_t *data, size_t len, bool whole)
{
	size_t left = UNPACK_MAX;
	ProtobufCAllocator counted = { counted_alloc, counted_free, &left };
	Shim__Frame *f = shim__frame__unpack(&counted, len, data);
	int r;

	if (f == NULL)
		return -EBADMSG;
	if (f->body_case == SHIM__FRAME__BODY_PART)
		r = whole ? -EPROTO : receive_part(l, f->part);
	else
		r = l->joined_len > 0 ? -EPROTO : dispatch(l, f);
	shim__frame__free_unpacked(f, &counted);
	return r;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	uint8_t packet[LINK_PACKET_MAX];
	bool reset = false;
	ssize_t n;
	int r;

	(void)fd;
	(void)what;
	l->busy = true;
	for (int i = 0; i < PACKETS_PER_TURN && !l->closed; i++) {
		n = recv(l->fd, packet, sizeof(packet), MSG_TRUNC);
		if (n < 0 && errno == ECONNRESET && !reset) {
			/* The peer went with words of ours unread; what it had sent is still in the
			 * queue. */
			reset = true;
			continue;
		}
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				fail(l, errno == ECONNRESET ? 0 : -errno);
			break;
		}
		if (n == 0) {
			fail(l, 0);
			break;
		}
		r = (size_t)n > sizeof(packet) ? -EMSGSIZE : receive(l, packet, (size_t)n, false);
		if (r < 0)
			fail(l, r);
	}
	l->busy = false;
	if (l->doomed)
		link_free(l);
}
