/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at heads (see claim.h).
 */
#include "daemon/http/claim.h"

#include "daemon/config.h"
#include "daemon/http/credential.h"
#include "daemon/http/origin.h"
#include "daemon/http/recognise.h"
#include "daemon/http/reply.h"
#include "daemon/http/stream.h"
#include "daemon/http/upstream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#define PATH_OWN "/_localemu/"
/* A batch of log events is a megabyte of text, every byte of which may be written as \u0001. */
#define LOG_BODY_BYTES (8u * 1024 * 1024)
#define TYPE_FORM "application/x-www-form-urlencoded"
#define FORM_MAX (64u * 1024) /* that is looked into for its service before it is passed on */

static void
read_head(const struct head *h, const char *body, size_t len, struct credential *who,
    struct recognised *r)
{
	credential_read(head_find(h, "Authorization"), h->query, who);
	recognise(&(struct recognise_request){ .target = head_find(h, "X-Amz-Target"),
		      .content_type = head_find(h, "Content-Type"),
		      .query = h->query,
		      .body = body,
		      .body_len = len,
		      .credential_service = who->service,
		      .host = head_find(h, "Host") },
	    r);
}

/* Where only the body of a form says which service is meant: whether it is all there. */
static int
wait_for_form(const struct head *h, struct evbuffer *in, const char **ret_body, size_t *ret_len)
{
	const char *type = head_find(h, "Content-Type");
	const char *length = head_find(h, "Content-Length");
	size_t len = length != NULL && strlen(length) < 8 ? strtoul(length, NULL, 10) : 0;

	*ret_body = "";
	*ret_len = 0;
	if (type == NULL || !has_prefix(type, TYPE_FORM) || len == 0 || len > FORM_MAX)
		return 0;
	if (evbuffer_get_length(in) < h->bytes + len)
		return -EAGAIN;
	*ret_body = (const char *)evbuffer_pullup(in, (ev_ssize_t)(h->bytes + len)) + h->bytes;
	*ret_len = len;
	return 0;
}

static bool
is_served(const char *service)
{
	for (size_t i = 0; i < n_recognise_rows; i++)
		if (strcmp(recognise_rows[i].service, service) == 0)
			return true;
	return false;
}

/* 1: for a service that is not built here; 0, -EAGAIN. What says nothing of any service is ours to
 * answer. */
static int
is_foreign(const struct head *h, struct evbuffer *in)
{
	struct credential who;
	struct recognised r;
	const char *body;
	size_t len;
	int wait;

	read_head(h, "", 0, &who, &r);
	if (r.served != NULL || is_served(who.service) || streq(h->method, "OPTIONS"))
		return 0;
	if (r.service[0] != '\0' || strcmp(h->path, "/") != 0)
		return 1;
	wait = wait_for_form(h, in, &body, &len);
	if (wait < 0)
		return wait;
	read_head(h, body, len, &who, &r);
	return r.served == NULL && r.operation[0] != '\0';
}

int
claim_wants(struct conn *c, const struct head *h, struct evbuffer *in, void *cookie)
{
	const struct claim *k = cookie;
	struct credential who;
	struct recognised r;

	if (has_prefix(h->path, PATH_OWN))
		return 0;
	read_head(h, "", 0, &who, &r);
	if (streq(r.served, "logs") && strcmp(r.operation, "PutLogEvents") == 0)
		conn_allow_body(c, LOG_BODY_BYTES);
	if (k->rest != NULL && streq(r.served, k->rest->name))
		return 1;
	return k->upstream != NULL ? is_foreign(h, in) : 0;
}

/* A form's body is not looked into again: its service speaks Query. */
static enum wire
wire_of(const struct head *h, const struct recognised *r)
{
	const char *type = head_find(h, "Content-Type");

	return r->wire == WIRE_JSON && type != NULL && has_prefix(type, TYPE_FORM) ? WIRE_QUERY
										   : r->wire;
}

void
claim_take(struct conn *c, struct head *h, void *cookie)
{
	const struct claim *k = cookie;
	struct origin_request guard = {
		.host = head_find(h, "Host"),
		.origin = head_find(h, "Origin"),
		.sec_fetch_site = head_find(h, "Sec-Fetch-Site"),
		.listen_host = k->config->listen_host,
		.local = (const struct sockaddr *)&c->local,
	};
	struct stream_request sr = { .head = h };
	_cleanup_free_ char *body = NULL;
	struct credential who;
	struct recognised r;
	struct err why;
	const char *type, *address;
	char id[37];

	read_head(h, "", 0, &who, &r);
	(void)snprintf(sr.scope.account, sizeof(sr.scope.account), "%s",
	    credential_account(&who, k->config->account_id));
	(void)snprintf(sr.scope.region, sizeof(sr.scope.region), "%s", credential_region(&who));
	(void)snprintf(sr.access_key, sizeof(sr.access_key), "%s", who.access_key);
	address = conn_peer(c);
	(void)snprintf(sr.source_ip, sizeof(sr.source_ip), "%s", address != NULL ? address : "");
	if (origin_check(&guard, &why) == 0) {
		if (k->rest != NULL && streq(r.served, k->rest->name))
			stream_open(c, &sr, k->rest);
		else
			upstream_pass(k->upstream, c, h, wire_of(h, &r));
		return;
	}
	random_uuid(id);
	body = reply_error_body(r.wire, 403, "AccessDenied", why.text, id, &type);
	stream_refuse(c, &sr, 403, type, body);
}
