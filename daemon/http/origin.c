/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells requests of people's tools from requests of other people's web pages (see origin.h). Pure
 * functions; what a client sent is never repeated in a message.
 */
#include "daemon/http/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 256
#define CONTAINER_ENDPOINT "169.254.170.2" /* how tasks reach the API through their shim */

/* "name:port" taken apart; brackets of an IPv6 literal are gone. */
struct authority {
	char name[NAME_MAX_BYTES];
	char port[6];
};

static bool split_authority(const char *text, struct authority *ret);
static bool is_ours(const char *name, const struct origin_request *r);
static bool is_same_origin(const char *origin, const char *host);

int
origin_check(const struct origin_request *r, struct err *e)
{
	struct authority a;

	if (r->sec_fetch_site != NULL && strcasecmp(r->sec_fetch_site, "same-origin") != 0 &&
	    strcasecmp(r->sec_fetch_site, "none") != 0)
		return err_set(e, ERR_ACCESS_DENIED,
		    "Requests of web pages from another site are refused (Sec-Fetch-Site).");
	if (r->origin != NULL && !is_same_origin(r->origin, r->host))
		return err_set(e, ERR_ACCESS_DENIED,
		    "Requests of web pages from another origin are refused (Origin).");
	if (r->local->sa_family == AF_UNIX)
		return 0;
	if (r->host != NULL && (!split_authority(r->host, &a) || !is_ours(a.name, r)))
		return err_set(e, ERR_ACCESS_DENIED,
		    "This endpoint does not answer to the name in the Host header. Use localhost, "
		    "127.0.0.1 "
		    "or the address that it listens on.");
	if (r->uri_host != NULL && r->uri_host[0] != '\0' && !is_ours(r->uri_host, r))
		return err_set(e, ERR_ACCESS_DENIED,
		    "This endpoint is no proxy: the request names another host.");
	return 0;
}

static bool
split_authority(const char *text, struct authority *ret)
{
	const char *name = text;
	const char *end;
	const char *port;

	if (*text == '[') {
		name = text + 1;
		end = strchr(name, ']');
		if (end == NULL)
			return false;
		port = end + 1;
	} else {
		end = text + strcspn(text, ":");
		port = end;
	}
	if (end == name || (size_t)(end - name) >= sizeof(ret->name))
		return false;
	if (*port == ':')
		port++;
	else if (*port != '\0')
		return false;
	if (strlen(port) >= sizeof(ret->port) || strspn(port, "0123456789") != strlen(port))
		return false;
	memcpy(ret->name, name, (size_t)(end - name));
	ret->name[end - name] = '\0';
	memcpy(ret->port, port, strlen(port) + 1);
	return true;
}

static bool
has_suffix_nocase(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n > m && strcasecmp(s + n - m, suffix) == 0;
}

/* A literal is ours where it is a loopback address or the very address that the client has reached.
 */
static bool
is_our_ipv4(const struct in_addr *a, const struct sockaddr *local)
{
	const struct sockaddr_in *in = (const void *)local;
	const struct sockaddr_in6 *in6 = (const void *)local;

	if (ntohl(a->s_addr) >> 24 == IN_LOOPBACKNET)
		return true;
	if (local->sa_family == AF_INET)
		return a->s_addr == in->sin_addr.s_addr;
	return local->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
	       memcmp(&in6->sin6_addr.s6_addr[12], a, sizeof(*a)) == 0;
}

static bool
is_our_ipv6(const struct in6_addr *a, const struct sockaddr *local)
{
	const struct sockaddr_in6 *in6 = (const void *)local;

	return IN6_IS_ADDR_LOOPBACK(a) ||
	       (local->sa_family == AF_INET6 && IN6_ARE_ADDR_EQUAL(a, &in6->sin6_addr));
}

static bool
is_ours(const char *name, const struct origin_request *r)
{
	struct in_addr v4;
	struct in6_addr v6;

	/* No page is served under AWS's own names, so none of them can be pointed at us. */
	if (strcasecmp(name, "localhost") == 0 || has_suffix_nocase(name, ".localhost") ||
	    has_suffix_nocase(name, ".amazonaws.com") || strcmp(name, CONTAINER_ENDPOINT) == 0)
		return true;
	if (r->listen_host != NULL && strcasecmp(name, r->listen_host) == 0)
		return true;
	if (inet_pton(AF_INET, name, &v4) == 1)
		return is_our_ipv4(&v4, r->local);
	if (inet_pton(AF_INET6, name, &v6) == 1)
		return is_our_ipv6(&v6, r->local);
	return false;
}

/* Of our own pages only: scheme://authority with exactly the authority that the request went to. */
static bool
is_same_origin(const char *origin, const char *host)
{
	const char *authority = NULL;

	if (strncasecmp(origin, "http://", strlen("http://")) == 0)
		authority = origin + strlen("http://");
	else if (strncasecmp(origin, "https://", strlen("https://")) == 0)
		authority = origin + strlen("https://");
	return authority != NULL && host != NULL && strcasecmp(authority, host) == 0;
}
