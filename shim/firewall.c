/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules as lines for iptables-restore (see firewall.h). Every word that goes into a line is parsed
 * first and printed anew.
 */
#include "shim/firewall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define RESOLV_CONF_MAX 4096
#define ICMP 1

/* Where dockerd itself looks: the second one where systemd-resolved owns the first. */
static const char *const resolv_conf[] = { "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf" };

struct out {
	FILE *file;
	const char *chain;
	const char *side; /* "-s" of who comes in, "-d" of who is gone to */
};

static void put_rules(struct out *o, const struct firewall_rule *rules, size_t n);
static void put_host(struct out *o, const struct firewall_host *host);
static void put_resolvers(struct out *o, const char *resolvers);

/* Replies, and what AWS never filters: a task's own addresses. By address as well, for what is led
 * to the loopback only in OUTPUT: the endpoint and the Engine's resolver. */
static void
put_always(const struct out *o, const char *device)
{
	(void)fprintf(o->file, "-A %s %s lo -j ACCEPT\n", o->chain, device);
	(void)fprintf(o->file, "-A %s -d 127.0.0.0/8 -j ACCEPT\n", o->chain);
	(void)fprintf(
	    o->file, "-A %s -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", o->chain);
}

char *
firewall_text(
    const struct firewall *f, const struct firewall_host *host, const char *resolvers, bool hook)
{
	char *text = NULL;
	size_t size = 0;
	struct out in = {
		.file = open_memstream(&text, &size), .chain = FIREWALL_IN, .side = "-s"
	};
	struct out out = { .file = in.file, .chain = FIREWALL_OUT, .side = "-d" };

	if (in.file == NULL)
		abort();
	(void)fprintf(in.file, "*filter\n:" FIREWALL_IN " - [0:0]\n:" FIREWALL_OUT " - [0:0]\n");
	if (!f->allow_all) {
		put_always(&in, "-i");
		put_rules(&in, f->ingress, f->n_ingress);
		put_host(&in, host);
		(void)fprintf(in.file, "-A " FIREWALL_IN " -j DROP\n");
		put_always(&out, "-o");
		put_rules(&out, f->egress, f->n_egress);
		put_resolvers(&out, resolvers);
		(void)fprintf(out.file, "-A " FIREWALL_OUT " -j DROP\n");
	}
	if (hook)
		(void)fprintf(
		    in.file, "-A INPUT -j " FIREWALL_IN "\n-A OUTPUT -j " FIREWALL_OUT "\n");
	(void)fprintf(in.file, "COMMIT\n");
	if (fclose(in.file) != 0)
		abort();
	return text;
}

/* "10.0.0.0/8" as iptables takes it; false where it is none. */
static bool
read_range(const char *text, char out[static INET_ADDRSTRLEN + 4])
{
	char address[INET_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/");
	struct in_addr a;
	long prefix = 32;
	char *end = NULL;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	if (text[len] == '/') {
		prefix = strtol(text + len + 1, &end, 10);
		if (end == text + len + 1 || *end != '\0')
			return false;
	}
	if (prefix < 0 || prefix > 32 || inet_pton(AF_INET, address, &a) != 1 ||
	    inet_ntop(AF_INET, &a, address, sizeof(address)) == NULL)
		return false;
	(void)snprintf(out, INET_ADDRSTRLEN + 4, "%s/%ld", address, prefix);
	return true;
}

/* IpPermission.ipProtocol as a number; -1 is every one, -2 is none that there is. */
static int
read_protocol(const char *text)
{
	/* clang-format off */
	static const struct {
		const char *name;
		int number;
	} rows[] = {
		{ "icmp", ICMP },
		{ "tcp",  IPPROTO_TCP },
		{ "udp",  IPPROTO_UDP },
		{ "-1",   -1 },
	};
	/* clang-format on */
	char *end = NULL;
	long number;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].name, text))
			return rows[i].number;
	number = strtol(text, &end, 10);
	return end != text && *end == '\0' && number >= 0 && number <= UINT8_MAX ? (int)number : -2;
}

/* "-p tcp -m tcp --dport 80:90"; false where the rule is of nothing that IPv4 has. */
static bool
read_match(const struct firewall_rule *r, char *out, size_t size)
{
	int protocol = read_protocol(r->protocol);
	int32_t from = r->from_port, to = r->to_port;

	out[0] = '\0';
	if (protocol < -1 || protocol == IPPROTO_ICMPV6)
		return false;
	if (protocol == -1)
		return true;
	(void)snprintf(out, size, "-p %d ", protocol);
	if (protocol == ICMP && from >= 0 && from < UINT8_MAX && to >= 0 && to <= UINT8_MAX)
		(void)snprintf(out, size, "-p icmp -m icmp --icmp-type %d/%d ", from, to);
	else if (protocol == ICMP && from >= 0 && from < UINT8_MAX)
		(void)snprintf(out, size, "-p icmp -m icmp --icmp-type %d ", from);
	if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && from >= 0) {
		if (from > to || to > UINT16_MAX)
			return false;
		(void)snprintf(out, size, "-p %d -m %s --dport %d:%d ", protocol,
		    protocol == IPPROTO_TCP ? "tcp" : "udp", from, to);
	}
	return true;
}

static void
put_rules(struct out *o, const struct firewall_rule *rules, size_t n)
{
	char match[96], range[INET_ADDRSTRLEN + 4];

	for (size_t i = 0; i < n; i++) {
		if (!read_match(&rules[i], match, sizeof(match)))
			continue;
		for (size_t k = 0; k < rules[i].n_peers; k++)
			if (read_range(rules[i].peers[k], range))
				(void)fprintf(o->file, "-A %s %s %s %s-j ACCEPT\n", o->chain,
				    o->side, range, match);
	}
}

static void
put_host(struct out *o, const struct firewall_host *host)
{
	char range[INET_ADDRSTRLEN + 4];

	if (host->address == NULL || !read_range(host->address, range))
		return;
	for (size_t i = 0; i < host->n_ports; i++)
		(void)fprintf(o->file,
		    "-A %s -s %s -p %s -m %s --dport %" PRId64 ":%" PRId64 " -j ACCEPT\n", o->chain,
		    range, host->ports[i].protocol, host->ports[i].protocol, host->ports[i].first,
		    host->ports[i].last);
}

/* What the Engine's resolver does not know it asks from inside the namespace. */
static void
put_resolvers(struct out *o, const char *resolvers)
{
	static const char word[] = "nameserver";
	char address[INET_ADDRSTRLEN], range[INET_ADDRSTRLEN + 4];

	for (const char *line = resolvers; line != NULL && *line != '\0';
	     line = strchr(line, '\n'), line += line != NULL) {
		const char *at = line + strspn(line, " \t");
		size_t len;

		if (!has_prefix(at, word))
			continue;
		at += sizeof(word) - 1;
		at += strspn(at, " \t");
		len = strcspn(at, " \t\r\n#;");
		if (len == 0 || len >= sizeof(address))
			continue;
		memcpy(address, at, len);
		address[len] = '\0';
		if (!read_range(address, range) || has_prefix(range, "127."))
			continue;
		(void)fprintf(o->file,
		    "-A %s -d %s -p udp -m udp --dport 53 -j ACCEPT\n"
		    "-A %s -d %s -p tcp -m tcp --dport 53 -j ACCEPT\n",
		    o->chain, range, o->chain, range);
	}
}

char *
firewall_resolvers(void)
{
	char *all = xcalloc(ARRAY_SIZE(resolv_conf), RESOLV_CONF_MAX + 1);
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(resolv_conf); i++) {
		_cleanup_close_ int fd = open(resolv_conf[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, all + at, RESOLV_CONF_MAX) : 0;

		if (n <= 0)
			continue;
		at += (size_t)n;
		all[at++] = '\n';
	}
	return all;
}
