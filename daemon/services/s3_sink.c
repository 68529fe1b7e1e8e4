/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two slices take turns: one is filled from the connection while the other is worked on (see
 * s3_sink.h). What is below "in the thread" belongs to the thread while the call is busy.
 */
#include "daemon/services/s3_sink.h"

#include "common/chunked.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/services/s3_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct slice {
	char *bytes;
	size_t len;
	bool full; /* waits for the thread */
};

struct s3_sink {
	struct s3_call *c;
	void (*done)(struct s3_call *c);
	struct slice slices[2];
	size_t size;
	unsigned filling, working; /* which slice */
	bool over;                 /* the last byte has been read */
	bool broken;               /* the connection's chunks were none */
	bool kept;

	/* in the thread */
	int fd;
	bool finishing;
	struct err err;
	bool coded; /* aws-chunked */
	struct chunked reader;
	bool chained;        /* every chunk is signed */
	bool owes_signature; /* of the trailers */
	struct s3_chunk_chain chain;
	struct s3_sum chunk_sum; /* of the present chunk, or of the trailers */
	char chunk_signature[S3_SIGNATURE_BYTES];
	int64_t expected; /* bytes without the coding, -1: not said */
	struct s3_sum md5, sha256, sum;
	bool in_trailer; /* the sum comes behind the body */
	char wanted_sum[S3_SUM_TEXT];
	char wanted_sha256[65];
	unsigned char wanted_md5[16];
	bool has_md5;
	struct s3_blob blob;
};

static void on_read(struct rest_call *rest, ssize_t n);
static void work(struct s3_call *c);
static void worked(struct s3_call *c);

/* -- what the client says of the body */

static int
read_md5(struct s3_call *c, struct s3_sink *k)
{
	const char *text = rest_header(c->rest, "Content-MD5");

	k->has_md5 = text != NULL;
	if (text != NULL && s3_base64_read(text, k->wanted_md5, 16) < 0)
		return s3_error(
		    c, 400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
	return 0;
}

/* x-amz-checksum-… in the head, or promised for the end. */
static int
read_sum(struct s3_call *c, struct s3_sink *k)
{
	const char *trailer = rest_header(c->rest, "x-amz-trailer");
	unsigned char bytes[S3_SUM_BYTES];

	for (int i = S3_SUM_CRC32; i < S3_SUM_MD5; i++) {
		enum s3_sum_kind kind = (enum s3_sum_kind)i;
		const char *value = s3_header(c, s3_sum_header(kind));

		if (value == NULL)
			continue;
		if (k->blob.kind != S3_SUM_NONE)
			return s3_error(c, 400, "InvalidRequest",
			    "Expecting a single x-amz-checksum- header. Multiple checksum Types "
			    "are not allowed.");
		if (s3_base64_read(value, bytes, s3_sum_size(kind)) < 0)
			return s3_error(c, 400, "InvalidRequest", "Value for %s header is invalid.",
			    s3_sum_header(kind));
		k->blob.kind = kind;
		(void)snprintf(k->wanted_sum, sizeof(k->wanted_sum), "%s", value);
	}
	if (trailer == NULL)
		return 0;
	if (k->blob.kind != S3_SUM_NONE || s3_sum_by_header(trailer) == S3_SUM_NONE || !k->coded)
		return s3_error(c, 400, "InvalidRequest",
		    "The value specified in the x-amz-trailer header is not supported");
	k->blob.kind = s3_sum_by_header(trailer);
	k->in_trailer = true;
	return 0;
}

static int
read_chain(struct s3_call *c, struct s3_sink *k)
{
	int r = s3_chunk_chain(c, &k->chain);

	k->chained = r > 0;
	k->owes_signature =
	    r > 0 && strstr(rest_header(c->rest, "x-amz-content-sha256"), "-TRAILER") != NULL;
	return r < 0 ? r : 0;
}

/* "STREAMING-…": the body is aws-chunked; 64 digits: the body's own digest. */
static int
read_payload(struct s3_call *c, struct s3_sink *k)
{
	const char *said = rest_header(c->rest, "x-amz-content-sha256");
	const char *length = rest_header(c->rest, "x-amz-decoded-content-length");

	k->expected = c->rest->body_bytes;
	if (said != NULL && has_prefix(said, "STREAMING-")) {
		k->coded = true;
		k->expected = -1;
		if (length == NULL || length[0] == '\0' || strlen(length) > 15 ||
		    strspn(length, "0123456789") != strlen(length))
			return s3_error(c, 411, "MissingContentLength",
			    "You must provide the Content-Length HTTP header.");
		k->expected = strtoll(length, NULL, 10);
		if (has_prefix(said, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))
			return read_chain(c, k);
	} else if (said != NULL && strlen(said) == 64 &&
		   strspn(said, "0123456789abcdefABCDEF") == 64) {
		memcpy(k->wanted_sha256, said, 65);
	} else if (said != NULL && !streq(said, "UNSIGNED-PAYLOAD")) {
		return s3_error(c, 400, "InvalidArgument",
		    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a streaming type or a valid "
		    "sha256 value.");
	}
	if (k->expected < 0)
		return s3_error(c, 411, "MissingContentLength",
		    "You must provide the Content-Length HTTP header.");
	if (k->expected > S3_OBJECT_MAX)
		return s3_error(c, 400, "EntityTooLarge",
		    "Your proposed upload exceeds the maximum allowed size");
	return 0;
}

int
s3_sink_start(struct s3_call *c, enum s3_sum_kind fallback, void (*done)(struct s3_call *c))
{
	struct s3_sink *k = xcalloc(1, sizeof(*k));
	int r;

	k->c = c;
	k->done = done;
	k->fd = -1;
	k->kept = true; /* nothing is there yet */
	c->sink = k;
	r = read_payload(c, k);
	if (r == 0)
		r = read_md5(c, k);
	if (r == 0)
		r = read_sum(c, k);
	if (r < 0)
		return r;
	if (k->blob.kind == S3_SUM_NONE)
		k->blob.kind = fallback;
	random_hex(k->blob.id, 16);
	r = store_blob_announce(c->s3->store, k->blob.id, &c->who.err);
	if (r < 0)
		return r;
	k->kept = false;
	s3_sum_begin(&k->md5, S3_SUM_MD5);
	s3_sum_begin(&k->sum, k->blob.kind);
	s3_sum_begin(&k->sha256, k->wanted_sha256[0] != '\0' ? S3_SUM_SHA256 : S3_SUM_NONE);
	k->size = s3_slice_bytes(c->s3);
	if (c->rest->body_bytes >= 0 && c->rest->body_bytes < (int64_t)k->size)
		k->size = (size_t)c->rest->body_bytes + 1; /* one more: the end is seen at once */
	k->slices[0].bytes = xcalloc(1, k->size);
	c->rest->on_read = on_read;
	c->rest->edge->read(c->rest, k->slices[0].bytes, k->size);
	return 0;
}

const struct s3_blob *
s3_sink_blob(const struct s3_sink *k)
{
	return &k->blob;
}

void
s3_sink_keep(struct s3_sink *k)
{
	k->kept = true;
}

void
s3_sink_free(struct s3_sink *k)
{
	struct err e = { 0 };

	if (k == NULL)
		return;
	if (k->fd >= 0)
		close(k->fd);
	if (!k->kept) {
		if (store_blob_abandon(k->c->s3->store, k->blob.id, &e) < 0)
			log_warn(NULL, NULL, "S3: %s", e.text);
		s3_collect(k->c->s3);
	}
	s3_sum_done(&k->md5);
	s3_sum_done(&k->sha256);
	s3_sum_done(&k->sum);
	s3_sum_done(&k->chunk_sum);
	free(k->slices[0].bytes);
	free(k->slices[1].bytes);
	free(k);
}

/* -- slices: the loop's part */

static void
work_on(struct s3_sink *k, unsigned which)
{
	k->working = which;
	k->slices[which].full = false;
	k->finishing = k->over;
	if (k->broken)
		(void)err_set_code(
		    &k->err, 400, "IncompleteBody", "The request body terminated unexpectedly");
	s3_submit(k->c, work, worked);
}

static void
fill(struct s3_sink *k, unsigned which)
{
	struct slice *s = &k->slices[which];

	k->filling = which;
	if (s->bytes == NULL)
		s->bytes = xcalloc(1, k->size);
	k->c->rest->edge->read(k->c->rest, s->bytes, k->size);
}

static void
on_read(struct rest_call *rest, ssize_t n)
{
	struct s3_call *c = rest->request;
	struct s3_sink *k = c->sink;
	struct slice *s = &k->slices[k->filling];
	unsigned which = k->filling;

	if (n < 0) {
		k->over = k->broken = true;
		n = 0;
	}
	s->len = (size_t)n;
	s->full = true;
	k->over = k->over || s->len < k->size;
	if (c->busy)
		return;
	work_on(k, which);
	if (!k->over)
		fill(k, 1 - which);
}

static void
worked(struct s3_call *c)
{
	struct s3_sink *k = c->sink;

	if (k->err.kind != ERR_NONE) {
		c->who.err = k->err;
		s3_fail(c, -EIO);
	} else if (k->finishing) {
		k->done(c);
	} else if (k->slices[k->filling].full) {
		work_on(k, k->filling);
		if (!k->over)
			fill(k, 1 - k->working);
	}
}

/* -- slices: the thread's part */

static int
fail_errno(struct s3_sink *k, int errnum, const char *what)
{
	return err_set_errno(&k->err, errnum, "%s", what);
}

static int
write_bytes(struct s3_sink *k, const char *p, size_t n)
{
	k->blob.bytes += (int64_t)n;
	if (k->blob.bytes > k->expected)
		return err_set_code(&k->err, 400, "IncompleteBody",
		    "The request body is longer than its length says.");
	s3_sum_add(&k->md5, p, n);
	s3_sum_add(&k->sum, p, n);
	s3_sum_add(&k->sha256, p, n);
	if (k->chained)
		s3_sum_add(&k->chunk_sum, p, n);
	while (n > 0) {
		ssize_t w = write(k->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail_errno(k, errno, "the object cannot be written");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
check_chunk(struct s3_sink *k, bool trailer, const char *signature)
{
	unsigned char bytes[S3_SUM_BYTES];
	char digest[2 * S3_SUM_BYTES + 1];

	s3_hex(bytes, s3_sum_end(&k->chunk_sum, bytes), digest);
	if (s3_chunk_is_signed(&k->chain, trailer, digest, signature))
		return 0;
	return err_set_code(&k->err, 403, "SignatureDoesNotMatch",
	    "The signature of a chunk does not match what we calculated.");
}

/* A chunk begins, so the one before it is whole. ";chunk-signature=…" */
static int
begin_chunk(struct s3_sink *k, const struct chunk *piece)
{
	static const char name[] = ";chunk-signature=";
	int r = 0;

	if (!k->chained)
		return 0;
	if (k->chunk_signature[0] != '\0')
		r = check_chunk(k, false, k->chunk_signature);
	if (r < 0)
		return r;
	(void)snprintf(k->chunk_signature, sizeof(k->chunk_signature), "%s",
	    has_prefix(piece->text, name) ? piece->text + strlen(name) : "-");
	s3_sum_begin(&k->chunk_sum, S3_SUM_SHA256);
	if (piece->size > 0)
		return 0;
	r = check_chunk(k, false, k->chunk_signature);
	s3_sum_begin(&k->chunk_sum, S3_SUM_SHA256);
	return r;
}

/* "x-amz-trailer-signature:…" is of the trailers before it. */
static int
check_trailer(struct s3_sink *k, const char *line, const char *value)
{
	if (!k->chained)
		return 0;
	if (strncasecmp(line, "x-amz-trailer-signature:", strlen("x-amz-trailer-signature:")) ==
	    0) {
		k->owes_signature = false;
		return check_chunk(k, true, value);
	}
	s3_sum_add(&k->chunk_sum, line, strlen(line));
	s3_sum_add(&k->chunk_sum, "\n", 1);
	return 0;
}

/* "x-amz-checksum-crc32:AAAAAA==" */
static int
read_trailer(struct s3_sink *k, const char *line)
{
	size_t name_len = strcspn(line, ":");
	const char *header = s3_sum_header(k->blob.kind);
	const char *value = line + name_len + (line[name_len] == ':');
	int r;

	value += strspn(value, " \t");
	r = check_trailer(k, line, value);
	if (r < 0)
		return r;

	if (!k->in_trailer || name_len != strlen(header) ||
	    strncasecmp(line, header, name_len) != 0)
		return 0;
	if (strlen(value) >= sizeof(k->wanted_sum))
		return err_set_code(&k->err, 400, "InvalidRequest",
		    "Value for %s trailing header is invalid.", header);
	(void)snprintf(k->wanted_sum, sizeof(k->wanted_sum), "%s", value);
	return 0;
}

static int
take_chunks(struct s3_sink *k, const char *p, size_t n)
{
	while (n > 0 && k->reader.state != CHUNKED_OVER) {
		struct chunk piece;
		ssize_t taken = chunked_next(&k->reader, p, n, &piece);
		int r = 0;

		if (taken < 0)
			return err_set_code(&k->err, 400, "IncompleteBody",
			    "The body is not made of the chunks that were announced.");
		if (piece.piece == CHUNK_SIZE)
			r = begin_chunk(k, &piece);
		else if (piece.piece == CHUNK_DATA)
			r = write_bytes(k, piece.bytes, piece.len);
		else if (piece.piece == CHUNK_TRAILER)
			r = read_trailer(k, piece.text);
		if (r < 0)
			return r;
		p += taken;
		n -= (size_t)taken;
	}
	return 0;
}

static int
check_sums(struct s3_sink *k)
{
	unsigned char bytes[S3_SUM_BYTES];
	char text[2 * S3_SUM_BYTES + 1];
	size_t n;

	if (k->wanted_sha256[0] != '\0') {
		s3_hex(bytes, s3_sum_end(&k->sha256, bytes), text);
		if (strcasecmp(text, k->wanted_sha256) != 0)
			return err_set_code(&k->err, 400, "XAmzContentSHA256Mismatch",
			    "The provided 'x-amz-content-sha256' header does not match what was "
			    "computed.");
	}
	n = s3_sum_end(&k->md5, bytes);
	s3_hex(bytes, n, k->blob.etag);
	if (k->has_md5 && memcmp(bytes, k->wanted_md5, n) != 0)
		return err_set_code(&k->err, 400, "BadDigest",
		    "The Content-MD5 you specified did not match what we received.");
	n = s3_sum_end(&k->sum, bytes);
	s3_base64(bytes, n, k->blob.sum, sizeof(k->blob.sum));
	if (k->in_trailer && k->wanted_sum[0] == '\0')
		return err_set_code(&k->err, 400, "MalformedTrailerError",
		    "The request contained trailing data that was not well-formed or did not "
		    "conform to our published schema.");
	if (k->wanted_sum[0] != '\0' && !streq(k->wanted_sum, k->blob.sum))
		return err_set_code(&k->err, 400, "BadDigest",
		    "The %s you specified did not match the calculated checksum.",
		    s3_sum_name(k->blob.kind));
	return 0;
}

/* A name that was made is only sure to stay once its directory is on the disk, too. */
static int
sync_directory(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

/* From its temporary name to its own. */
static int
publish(struct s3_sink *k)
{
	const struct s3 *s3 = k->c->s3;
	_cleanup_free_ char *from = s3_temporary_path(s3, k->blob.id);
	_cleanup_free_ char *to = s3_blob_path(s3, k->blob.id);
	_cleanup_free_ char *dir = xasprintf("%s/%.2s", s3->dir, k->blob.id);
	bool durable = s3->config->persistence;
	int r;

	if (durable && fsync(k->fd) < 0)
		return fail_errno(k, errno, "the object cannot be written");
	r = close(TAKE_FD(k->fd));
	if (r == 0)
		r = rename(from, to);
	if (r < 0 && errno == ENOENT) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return fail_errno(k, errno, dir);
		if (durable)
			(void)sync_directory(s3->dir); /* the next one tells what is wrong */
		r = rename(from, to);
	}
	if (r < 0)
		return fail_errno(k, errno, to);
	r = durable ? sync_directory(dir) : 0;
	return r < 0 ? fail_errno(k, -r, dir) : 0;
}

static int
open_temporary(struct s3_sink *k)
{
	_cleanup_free_ char *path = s3_temporary_path(k->c->s3, k->blob.id);

	k->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return k->fd < 0 ? fail_errno(k, errno, path) : 0;
}

/* The last slice is there: is it what was announced? Then it is published. */
static int
finish_work(struct s3_sink *k)
{
	int r;

	if (k->blob.bytes != k->expected || (k->coded && k->reader.state != CHUNKED_OVER))
		return err_set_code(&k->err, 400, "IncompleteBody",
		    "You did not provide the number of bytes specified by the Content-Length HTTP "
		    "header.");
	if (k->owes_signature)
		return err_set_code(
		    &k->err, 403, "SignatureDoesNotMatch", "The trailers are not signed.");
	r = check_sums(k);
	return r < 0 ? r : publish(k);
}

/* Where the disk is full, the store may have no room to note that this is garbage. */
static void
discard(struct s3_sink *k)
{
	_cleanup_free_ char *path = s3_temporary_path(k->c->s3, k->blob.id);

	if (k->fd >= 0)
		close(TAKE_FD(k->fd));
	(void)unlink(path); /* may not be there */
}

static void
work(struct s3_call *c)
{
	struct s3_sink *k = c->sink;
	const struct slice *s = &k->slices[k->working];
	int r = k->err.kind != ERR_NONE ? -EIO : 0;

	if (r == 0 && k->fd < 0)
		r = open_temporary(k);
	if (r == 0)
		r = k->coded ? take_chunks(k, s->bytes, s->len) : write_bytes(k, s->bytes, s->len);
	if (r == 0 && k->finishing)
		r = finish_work(k);
	if (r < 0)
		discard(k);
}
