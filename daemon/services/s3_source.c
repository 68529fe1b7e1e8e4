/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the segments of an object (see s3_source.h). What is below "in the thread" belongs to
 * the thread while the call is busy.
 */
#include "daemon/services/s3_source.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define READS_AT_ONCE 32 /* slices, where nobody waits for the first one */

struct s3_source {
	TAILQ_ENTRY(s3_source) next;
	struct s3_call *c;
	struct store_segment *segments;
	size_t n_segments;
	int status;
	int64_t total;
	bool begun;
	void (*take)(struct s3_call *c, const char *p, size_t n);
	void (*done)(struct s3_call *c);

	/* in the thread */
	size_t at;      /* the present segment */
	int64_t offset; /* in it */
	int64_t left;
	int fd; /* of the present segment's blob */
	size_t fd_of;
	char *buf;
	size_t size, len;
	struct err err;
};

static struct s3_source *
source_new(struct s3_call *c, struct store_object *o, int64_t start, int64_t size)
{
	struct s3_source *s = xcalloc(1, sizeof(*s));

	s->c = c;
	s->segments = TAKE(o->segments);
	s->n_segments = o->n_segments;
	s->total = s->left = size;
	s->fd = -1;
	while (s->at < s->n_segments && start >= s->segments[s->at].size)
		start -= s->segments[s->at++].size;
	s->offset = start;
	s->size = s3_slice_bytes(c->s3);
	if (size < (int64_t)s->size)
		s->size = (size_t)size;
	s->buf = xcalloc(1, s->size + 1);
	TAILQ_INSERT_TAIL(&c->s3->sources, s, next);
	c->source = s;
	return s;
}

void
s3_source_free(struct s3_source *s)
{
	if (s == NULL)
		return;
	TAILQ_REMOVE(&s->c->s3->sources, s, next);
	if (s->fd >= 0)
		close(s->fd);
	free(s->buf);
	free(s->segments);
	free(s);
}

bool
s3_source_uses(const struct s3 *s3, const char *blob)
{
	const struct s3_source *s;

	TAILQ_FOREACH(s, &s3->sources, next)
	{
		for (size_t i = 0; i < s->n_segments; i++)
			if (strcmp(s->segments[i].blob, blob) == 0)
				return true;
	}
	return false;
}

/* -- in the thread */

static int
open_segment(struct s3_source *s)
{
	_cleanup_free_ char *path = NULL;

	if (s->fd >= 0 && s->fd_of == s->at)
		return 0;
	if (s->fd >= 0)
		close(TAKE_FD(s->fd));
	path = s3_blob_path(s->c->s3, s->segments[s->at].blob);
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		return err_set_errno(&s->err, errno, "%s", path);
	s->fd_of = s->at;
	return 0;
}

/* Fills the buffer with what comes next. */
static int
read_slice(struct s3_source *s)
{
	s->len = 0;
	while (s->left > 0 && s->len < s->size) {
		const struct store_segment *g = &s->segments[s->at];
		int64_t want = (int64_t)(s->size - s->len);
		ssize_t n;

		if (s->at == s->n_segments)
			return err_set_errno(&s->err, EIO, "the object is shorter than it was");
		if (s->offset == g->size) {
			s->at++;
			s->offset = 0;
			continue;
		}
		if (open_segment(s) < 0)
			return -EIO;
		if (want > g->size - s->offset)
			want = g->size - s->offset;
		if (want > s->left)
			want = s->left;
		n = pread(s->fd, s->buf + s->len, (size_t)want, (off_t)(g->start + s->offset));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(&s->err, n < 0 ? errno : EIO, "blob %s", g->blob);
		s->len += (size_t)n;
		s->offset += n;
		s->left -= n;
	}
	return 0;
}

static void
work(struct s3_call *c)
{
	(void)read_slice(c->source); /* its err tells */
}

static void
work_through(struct s3_call *c)
{
	struct s3_source *s = c->source;

	for (int i = 0; i < READS_AT_ONCE && s->left > 0; i++) {
		if (read_slice(s) < 0)
			return;
		s->take(c, s->buf, s->len);
	}
}

/* -- in the loop */

static void
worked(struct s3_call *c)
{
	struct s3_source *s = c->source;
	bool last = s->left == 0;

	if (s->err.kind != ERR_NONE && s->begun) {
		log_err("request", c->request_id, "%s", s->err.text);
		c->rest->edge->drop(c->rest);
		s3_call_free(c);
		return;
	}
	if (s->err.kind != ERR_NONE) {
		c->who.err = s->err;
		s3_fail(c, -EIO);
		return;
	}
	if (!s->begun)
		s3_begin(c, s->status, s->total);
	s->begun = true;
	c->rest->edge->write(c->rest, s->buf, s->len);
	if (last)
		s3_call_free(c);
}

static void
on_written(struct rest_call *rest)
{
	s3_submit(rest->request, work, worked);
}

void
s3_source_answer(struct s3_call *c, int status, struct store_object *o, int64_t start, int64_t size)
{
	struct s3_source *s;

	if (size == 0) {
		s3_reply(c, status);
		return;
	}
	s = source_new(c, o, start, size);
	s->status = status;
	c->rest->on_written = on_written;
	s3_submit(c, work, worked);
}

static void
worked_through(struct s3_call *c)
{
	struct s3_source *s = c->source;

	if (s->err.kind == ERR_NONE && s->left > 0) {
		s3_submit(c, work_through, worked_through);
		return;
	}
	c->who.err = s->err;
	s->done(c);
}

void
s3_source_read(struct s3_call *c, struct store_object *o, int64_t start, int64_t size,
    void (*take)(struct s3_call *c, const char *p, size_t n), void (*done)(struct s3_call *c))
{
	struct s3_source *s = source_new(c, o, start, size);

	s->take = take;
	s->done = done;
	s3_submit(c, work_through, worked_through);
}
