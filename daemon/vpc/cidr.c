/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of IPv4 ranges and the host's routing table. Called by the files of vpc/,
 * services/ec2* and vpc_network.c; it must not know what a range is for.
 */
#include "daemon/vpc/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Columns of /proc/net/route. */
#define ROUTE_DESTINATION 1
#define ROUTE_MASK 7

/* Shared address space (RFC 6598): no LAN and no Docker default is in it. */
static const struct cidr spare = { 0x64400000, 10 };

static uint32_t
mask_of(int prefix)
{
	return prefix == 0 ? 0 : ~(uint32_t)0 << (32 - prefix);
}

int
address_parse(const char *text, uint32_t *ret)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return -EINVAL;
	*ret = ntohl(a.s_addr);
	return 0;
}

const char *
address_print(uint32_t address, char out[static CIDR_TEXT_MAX])
{
	struct in_addr a = { htonl(address) };

	return inet_ntop(AF_INET, &a, out, CIDR_TEXT_MAX);
}

int
cidr_parse(const char *text, struct cidr *ret)
{
	const char *slash = strchr(text, '/');
	char address[CIDR_TEXT_MAX] = "";
	uint32_t base;
	int prefix;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	if (address_parse(address, &base) < 0)
		return -EINVAL;
	if (strspn(slash + 1, "0123456789") != strlen(slash + 1) || slash[1] == '\0' ||
	    strlen(slash + 1) > 2 || (slash[1] == '0' && slash[2] != '\0'))
		return -EINVAL;
	prefix = (int)strtol(slash + 1, NULL, 10);
	if (prefix > 32)
		return -EINVAL;
	*ret = (struct cidr){ base & mask_of(prefix), prefix };
	return 0;
}

const char *
cidr_print(const struct cidr *c, char out[static CIDR_TEXT_MAX])
{
	char address[CIDR_TEXT_MAX];

	(void)snprintf(out, CIDR_TEXT_MAX, "%.15s/%d", address_print(c->base, address), c->prefix);
	return out;
}

uint32_t
cidr_last(const struct cidr *c)
{
	return c->base | ~mask_of(c->prefix);
}

bool
cidr_has(const struct cidr *c, uint32_t address)
{
	return (address & mask_of(c->prefix)) == c->base;
}

bool
cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
	return outer->prefix <= inner->prefix && cidr_has(outer, inner->base);
}

bool
cidr_overlaps(const struct cidr *a, const struct cidr *b)
{
	return cidr_contains(a, b) || cidr_contains(b, a);
}

static const struct cidr *
find_overlap(const struct cidr *c, const struct cidr *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cidr_overlaps(c, &taken[i]))
			return &taken[i];
	return NULL;
}

int
cidr_choose(const struct cidr *wanted, const struct cidr *taken, size_t n, struct cidr *ret)
{
	struct cidr c = { spare.base, wanted->prefix };
	const struct cidr *hit = find_overlap(wanted, taken, n);

	if (hit == NULL) {
		*ret = *wanted;
		return 0;
	}
	if (wanted->prefix < spare.prefix)
		return -ENOSPC;
	while (cidr_contains(&spare, &c)) {
		hit = find_overlap(&c, taken, n);
		if (hit == NULL) {
			*ret = c;
			return 0;
		}
		/* The end of the larger of the two: nothing before it is free. Unaligned it cannot
		 * be. */
		c.base = (hit->prefix < c.prefix ? cidr_last(hit) : cidr_last(&c)) + 1;
	}
	return -ENOSPC;
}

size_t
cidr_host_routes(struct cidr **ret)
{
	FILE *f = fopen("/proc/net/route", "re");
	struct cidr *routes = NULL;
	char line[256];
	size_t n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		uint32_t destination = 0, mask = 0;
		char *save = NULL, *word = strtok_r(line, "\t ", &save);

		/* Iface Destination Gateway Flags RefCnt Use Metric Mask …, hexadecimal numbers in
		 * network byte order. The first line has words, which read as 0. */
		for (int i = 0; word != NULL && i <= ROUTE_MASK; i++) {
			if (i == ROUTE_DESTINATION)
				destination = (uint32_t)strtoul(word, NULL, 16);
			if (i == ROUTE_MASK)
				mask = (uint32_t)strtoul(word, NULL, 16);
			word = strtok_r(NULL, "\t ", &save);
		}
		if (mask == 0)
			continue;
		routes = xrealloc(routes, n + 1, sizeof(*routes));
		routes[n++] = (struct cidr){ ntohl(destination & mask), __builtin_popcount(mask) };
	}
	if (f != NULL)
		(void)fclose(f); /* it was only read */
	*ret = routes;
	return n;
}
