/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about ports, names on the network and what each networkMode leaves of them
 * (RegisterTaskDefinition). Asked by task_definition_rules.c.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

#define PORT_MAX 65535
#define PORT_RANGES_MAX 100
#define PORT_NAME_MAX 64
#define PORT_NAME_FIRST "abcdefghijklmnopqrstuvwxyz0123456789"
#define PORT_NAME_CHARS PORT_NAME_FIRST "_-"

typedef int container_rule(
    const struct td_subject *s, const struct container_def *c, struct err *e);
static container_rule port_kind, container_port, host_port, port_range, port_range_count, port_name,
    ports_match, ports_none, links_mode, hostname_mode, dns_mode, extra_hosts_mode;
static int port_names_unique(const struct td_subject *s, struct err *e);

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "port_kind",         .container = port_kind },
	{ .name = "container_port",    .container = container_port },
	{ .name = "host_port",         .container = host_port },
	{ .name = "port_range",        .container = port_range },
	{ .name = "port_range_count",  .container = port_range_count },
	{ .name = "port_name",         .container = port_name },
	{ .name = "port_names_unique", .task = port_names_unique },
	{ .name = "ports_match",       .container = ports_match },
	{ .name = "ports_none",        .container = ports_none },
	{ .name = "links_mode",        .container = links_mode },
	{ .name = "hostname_mode",     .container = hostname_mode },
	{ .name = "dns_mode",          .container = dns_mode },
	{ .name = "extra_hosts_mode",  .container = extra_hosts_mode },
};
/* clang-format on */
const struct td_rule_set td_rules_network = { rules, ARRAY_SIZE(rules) };

static const char *
mode_name(const struct td_subject *s)
{
	return network_mode_names[s->td->network_mode];
}

/* Exactly one of containerPort and containerPortRange. */
static int
port_kind(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const struct td_port_mapping *p = &c->port_mappings.v[i];

		if (p->container_port.set && p->container_port_range != NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Specify either 'containerPort' or "
			    "'containerPortRange', but not both.",
			    c->name);
	}
	return 0;
}

static int
container_port(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const struct td_port_mapping *p = &c->port_mappings.v[i];

		if (p->container_port_range == NULL &&
		    (p->container_port.v < 1 || p->container_port.v > PORT_MAX))
			return err_set(e, ERR_CLIENT,
			    "Invalid 'containerPort' setting for container '%s'.", c->name);
	}
	return 0;
}

static int
host_port(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const struct td_port_mapping *p = &c->port_mappings.v[i];

		if (p->host_port.v < 0 || p->host_port.v > PORT_MAX ||
		    (p->container_port_range != NULL && p->host_port.v != 0))
			return err_set(e, ERR_CLIENT,
			    "Invalid 'hostPort' setting for container '%s'.", c->name);
	}
	return 0;
}

/* "first-last", both of at most five digits. */
static bool
range_ok(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long first, last;

	if (digits == 0 || digits > 5 || text[digits] != '-' || text[digits + 1] == '\0' ||
	    !td_rules_text_ok(text + digits + 1, 5, "0123456789"))
		return false;
	first = strtoul(text, NULL, 10);
	last = strtoul(text + digits + 1, NULL, 10);
	return first >= 1 && first <= last && last <= PORT_MAX;
}

static int
port_range(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const char *range = c->port_mappings.v[i].container_port_range;

		if (range == NULL)
			continue;
		if (!range_ok(range))
			return err_set(e, ERR_CLIENT,
			    "Invalid 'containerPortRange' setting for container '%s'.", c->name);
		if (s->td->network_mode == NETWORK_HOST)
			return err_set(e, ERR_CLIENT,
			    "Container port ranges are not supported when networkMode=host.");
	}
	return 0;
}

static int
port_range_count(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	size_t n = 0;

	(void)s;
	for (size_t i = 0; i < c->port_mappings.n; i++)
		n += c->port_mappings.v[i].container_port_range != NULL;
	if (n > PORT_RANGES_MAX)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. A maximum of %d port ranges can be "
		    "specified per container.",
		    c->name, PORT_RANGES_MAX);
	return 0;
}

static int
port_name(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const struct td_port_mapping *p = &c->port_mappings.v[i];

		if (p->name != NULL &&
		    (strspn(p->name, PORT_NAME_FIRST) == 0 ||
			!td_rules_text_ok(p->name, PORT_NAME_MAX, PORT_NAME_CHARS)))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The port mapping name must have "
			    "up to 64 lowercase letters, numbers, underscores and hyphens, and "
			    "can't start with a hyphen.",
			    c->name);
		if (p->app_protocol != APP_PROTOCOL_UNSET && p->name == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. A port mapping with 'appProtocol' "
			    "must have a name.",
			    c->name);
	}
	return 0;
}

static size_t
count_port_name(const struct task_def *td, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < td->containers.n; i++) {
		const struct container_def *c = &td->containers.v[i];

		for (size_t k = 0; k < c->port_mappings.n; k++)
			n += streq(c->port_mappings.v[k].name, name);
	}
	return n;
}

static int
port_names_unique(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->containers.n; i++) {
		const struct container_def *c = &s->td->containers.v[i];

		for (size_t k = 0; k < c->port_mappings.n; k++) {
			const char *name = c->port_mappings.v[k].name;

			if (name != NULL && count_port_name(s->td, name) > 1)
				return err_set(e, ERR_CLIENT,
				    "The port mapping name '%s' is used more than once in the task "
				    "definition.",
				    name);
		}
	}
	return 0;
}

static int
ports_match(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (s->td->network_mode != NETWORK_AWSVPC && s->td->network_mode != NETWORK_HOST)
		return 0;
	for (size_t i = 0; i < c->port_mappings.n; i++) {
		const struct td_port_mapping *p = &c->port_mappings.v[i];

		if (p->host_port.v != 0 && p->host_port.v != p->container_port.v)
			return err_set(e, ERR_CLIENT,
			    "When networkMode=%s, the host ports and container ports in port "
			    "mappings must match.",
			    mode_name(s));
	}
	return 0;
}

static int
ports_none(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (s->td->network_mode == NETWORK_NONE && c->port_mappings.n > 0)
		return err_set(
		    e, ERR_CLIENT, "Port mappings are not supported when networkMode=none.");
	return 0;
}

/* Links join containers on the bridge. */
static int
links_mode(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (c->links.n > 0 && s->td->network_mode != NETWORK_UNSET &&
	    s->td->network_mode != NETWORK_BRIDGE)
		return err_set(
		    e, ERR_CLIENT, "Links are not supported when networkMode=%s.", mode_name(s));
	return 0;
}

static int
hostname_mode(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (c->hostname != NULL && s->td->network_mode == NETWORK_AWSVPC)
		return err_set(
		    e, ERR_CLIENT, "Container hostname is not supported when networkMode=awsvpc.");
	return 0;
}

static int
dns_mode(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (s->td->network_mode != NETWORK_AWSVPC)
		return 0;
	if (c->dns_servers.n > 0)
		return err_set(
		    e, ERR_CLIENT, "DNS servers are not supported when networkMode=awsvpc.");
	if (c->dns_search_domains.n > 0)
		return err_set(
		    e, ERR_CLIENT, "DNS search domains are not supported when networkMode=awsvpc.");
	return 0;
}

static int
extra_hosts_mode(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (c->extra_hosts.n > 0 && s->td->network_mode == NETWORK_AWSVPC)
		return err_set(
		    e, ERR_CLIENT, "Extra hosts are not supported when networkMode=awsvpc.");
	return 0;
}
