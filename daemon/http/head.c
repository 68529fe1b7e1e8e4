/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines, names and values of a head (see head.h). Sizes are capped by conn.c before anything is
 * read here.
 */
#include "daemon/http/head.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <string.h>
#include <strings.h>

void
head_free(struct head *h)
{
	if (h == NULL)
		return;
	free(h->text);
	free(h);
}

size_t
head_length(struct evbuffer *in, size_t *scanned)
{
	struct evbuffer_ptr from, at;
	size_t len = evbuffer_get_length(in);

	if (*scanned >= len || evbuffer_ptr_set(in, &from, *scanned, EVBUFFER_PTR_SET) != 0)
		return 0;
	at = evbuffer_search(in, "\r\n\r\n", 4, &from);
	if (at.pos < 0) {
		*scanned = len > 3 ? len - 3 : 0;
		return 0;
	}
	return (size_t)at.pos + 4;
}

/* The next line of a head, without its CRLF; NULL at the empty one. */
static char *
next_line(char **p)
{
	char *line = *p;
	char *end = strstr(line, "\r\n");

	if (end == NULL || end == line)
		return NULL;
	*end = '\0';
	*p = end + 2;
	return line;
}

static bool
is_token(const char *s, const char *end)
{
	if (s == end)
		return false;
	for (; s < end; s++)
		if (!isascii((unsigned char)*s) ||
		    (!isalnum((unsigned char)*s) && strchr("!#$%&'*+-.^_`|~", *s) == NULL))
			return false;
	return true;
}

/* Folded headers, and whatever else two readers could understand in two ways, are not for us. */
static bool
read_headers(struct head *h, char *p)
{
	char *line;

	while ((line = next_line(&p)) != NULL) {
		char *colon = strchr(line, ':');
		char *value, *end;

		if (colon == NULL || !is_token(line, colon) || h->n_headers == SIGV4_HEADERS_MAX)
			return false;
		*colon = '\0';
		value = colon + 1 + strspn(colon + 1, " \t");
		end = value + strlen(value);
		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			*--end = '\0';
		if (strpbrk(value, "\r\n") != NULL)
			return false;
		h->headers[h->n_headers++] = (struct sigv4_header){ line, value };
	}
	return p[0] == '\r' && p[1] == '\n' && p[2] == '\0';
}

static bool
read_version(struct head *h, const char *text)
{
	if (!has_prefix(text, "HTTP/1.") || !isdigit((unsigned char)text[7]))
		return false;
	h->minor = text[7] - '0';
	return true;
}

/* "GET /path?query HTTP/1.1"; the target may be absolute, its authority is the Host header's
 * business then. */
static bool
read_request_line(struct head *h, char *line)
{
	char *target = strchr(line, ' ');
	char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

	if (version == NULL || !is_token(line, target) || !read_version(h, version + 1) ||
	    version[9] != '\0')
		return false;
	*target++ = '\0';
	*version = '\0';
	h->method = line;
	if (*target != '/')
		return false;
	target[strcspn(target, "#")] = '\0';
	h->query = strchr(target, '?');
	if (h->query != NULL)
		*h->query++ = '\0';
	h->path = target;
	return true;
}

static bool
read_status_line(struct head *h, char *line)
{
	if (strlen(line) < 12 || !read_version(h, line) || line[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)line[i]))
			return false;
		h->status = 10 * h->status + line[i] - '0';
	}
	return h->status >= 100 && (line[12] == '\0' || line[12] == ' ');
}

static struct head *
read_head(struct evbuffer *in, size_t len, bool (*read_first)(struct head *h, char *line))
{
	struct head *h = xcalloc(1, sizeof(*h));
	char *p, *line;

	h->bytes = len;
	h->text = xcalloc(1, len + 1);
	if (evbuffer_copyout(in, h->text, len) == (ev_ssize_t)len && strlen(h->text) == len) {
		p = h->text;
		line = next_line(&p);
		if (line != NULL && read_first(h, line) && read_headers(h, p))
			return h;
	}
	head_free(h);
	return NULL;
}

struct head *
head_read_request(struct evbuffer *in, size_t len)
{
	return read_head(in, len, read_request_line);
}

struct head *
head_read_answer(struct evbuffer *in, size_t len)
{
	return read_head(in, len, read_status_line);
}

const char *
head_find(const struct head *h, const char *name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (strcasecmp(h->headers[i].name, name) == 0)
			return h->headers[i].value;
	return NULL;
}

static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		size_t n;

		list += strspn(list, " \t,");
		n = strcspn(list, " \t,;");
		if (n == len && strncasecmp(list, word, n) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

bool
head_has_word(const struct head *h, const char *name, const char *word)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (strcasecmp(h->headers[i].name, name) == 0 &&
		    has_word(h->headers[i].value, word))
			return true;
	return false;
}

bool
head_keeps_alive(const struct head *h)
{
	if (head_has_word(h, "Connection", "close"))
		return false;
	return h->minor > 0 || head_has_word(h, "Connection", "keep-alive");
}
