/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups as lines for iptables-restore: what is let through, and that no word of a rule
 * gets there unread.
 */
#include "shim/firewall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char *
text_of(const char *protocol, int32_t from, int32_t to, const char *peer)
{
	char *peers[] = { (char *)(uintptr_t)peer };
	const struct firewall_rule rule = {
		.protocol = protocol, .from_port = from, .to_port = to, .peers = peers, .n_peers = 1
	};
	const struct firewall f = { .ingress = &rule, .n_ingress = 1 };
	const struct firewall_host nobody = { 0 };

	return firewall_text(&f, &nobody, "", false);
}

static void
each_rule_is_a_line(void **state)
{
	static const struct {
		const char *protocol;
		int32_t from, to;
		const char *peer, *expected;
	} rows[] = {
		{ "-1", -1, -1, "0.0.0.0/0", "-s 0.0.0.0/0 -j ACCEPT" },
		{ "tcp", 80, 90, "10.0.0.4/32",
		    "-s 10.0.0.4/32 -p 6 -m tcp --dport 80:90 -j ACCEPT" },
		{ "udp", 53, 53, "10.0.0.0/8", "-s 10.0.0.0/8 -p 17 -m udp --dport 53:53 -j" },
		{ "6", 0, 65535, "1.2.3.4", "-s 1.2.3.4/32 -p 6 -m tcp --dport 0:65535 -j" },
		{ "tcp", -1, -1, "1.2.3.4/32", "-s 1.2.3.4/32 -p 6 -j ACCEPT" },
		{ "icmp", 8, -1, "1.2.3.4/32", "-p icmp -m icmp --icmp-type 8 -j ACCEPT" },
		{ "icmp", 3, 4, "1.2.3.4/32", "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT" },
		{ "icmp", -1, -1, "1.2.3.4/32", "-s 1.2.3.4/32 -p 1 -j ACCEPT" },
		{ "50", -1, -1, "1.2.3.4/32", "-s 1.2.3.4/32 -p 50 -j ACCEPT" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text =
		    text_of(rows[i].protocol, rows[i].from, rows[i].to, rows[i].peer);

		if (strstr(text, rows[i].expected) == NULL)
			fail_msg("%s\nis not in\n%s", rows[i].expected, text);
	}
}

static void
what_is_no_rule_opens_nothing(void **state)
{
	static const struct {
		const char *protocol;
		int32_t from, to;
		const char *peer;
	} rows[] = {
		{ "tcp", 80, 80, "10.0.0.0/33" },
		{ "tcp", 80, 80, "10.0.0.0/8x" },
		{ "tcp", 80, 80, "10.0.0.0/" },
		{ "tcp", 80, 80, "::/0" },
		{ "tcp", 80, 80, "1.2.3.4/32\n-A INPUT -j ACCEPT" },
		{ "tcp", 90, 80, "1.2.3.4/32" },
		{ "tcp", 80, 70000, "1.2.3.4/32" },
		{ "tcp -j ACCEPT", 80, 80, "1.2.3.4/32" },
		{ "icmpv6", -1, -1, "1.2.3.4/32" },
		{ "58", -1, -1, "1.2.3.4/32" },
		{ "256", -1, -1, "1.2.3.4/32" },
		{ "", -1, -1, "1.2.3.4/32" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text =
		    text_of(rows[i].protocol, rows[i].from, rows[i].to, rows[i].peer);

		if (strstr(text, FIREWALL_IN " -s") != NULL)
			fail_msg("row %zu opens something:\n%s", i, text);
		assert_non_null(strstr(text, "-A " FIREWALL_IN " -j DROP\n"));
	}
}

static void
a_rule_without_peers_lets_nobody_through(void **state)
{
	const struct firewall_rule rule = { .protocol = "-1", .from_port = -1, .to_port = -1 };
	const struct firewall f = { .ingress = &rule, .n_ingress = 1 };
	const struct firewall_host nobody = { 0 };
	_cleanup_free_ char *text = firewall_text(&f, &nobody, "", false);

	(void)state;
	assert_null(strstr(text, FIREWALL_IN " -s"));
}

static void
chains_are_replaced_and_hooked_once(void **state)
{
	const struct firewall open = { .allow_all = true }, closed = { 0 };
	const struct firewall_host nobody = { 0 };
	_cleanup_free_ char *first = firewall_text(&closed, &nobody, "", true);
	_cleanup_free_ char *again = firewall_text(&open, &nobody, "", false);

	(void)state;
	assert_non_null(strstr(first, "-A INPUT -j " FIREWALL_IN "\n"));
	assert_non_null(strstr(first, "-A OUTPUT -j " FIREWALL_OUT "\n"));
	assert_string_equal(
	    again, "*filter\n:" FIREWALL_IN " - [0:0]\n:" FIREWALL_OUT " - [0:0]\nCOMMIT\n");
}

static void
the_host_enters_by_published_ports(void **state)
{
	const struct firewall_port port = { .protocol = "tcp", .first = 80, .last = 81 };
	const struct firewall_host host = { .address = "10.0.0.1", .ports = &port, .n_ports = 1 };
	const struct firewall_host nobody = { .ports = &port, .n_ports = 1 };
	const struct firewall f = { 0 };
	_cleanup_free_ char *open = firewall_text(&f, &host, "", false);
	_cleanup_free_ char *strict = firewall_text(&f, &nobody, "", false);

	(void)state;
	assert_non_null(strstr(
	    open, "-A " FIREWALL_IN " -s 10.0.0.1/32 -p tcp -m tcp --dport 80:81 -j ACCEPT\n"));
	assert_null(strstr(strict, "80:81"));
}

static void
resolvers_can_be_asked(void **state)
{
	const struct firewall f = { 0 };
	const struct firewall_host nobody = { 0 };
	_cleanup_free_ char *text = firewall_text(&f, &nobody,
	    "# nameserver 9.9.9.9\nsearch x\nnameserver 10.1.1.53 # mine\nnameserver\n"
	    "nameserver 127.0.0.53\nnameserver fe80::1\n\tnameserver 8.8.8.8",
	    false);

	(void)state;
	assert_non_null(
	    strstr(text, "-A " FIREWALL_OUT " -d 10.1.1.53/32 -p udp -m udp --dport 53 -j"));
	assert_non_null(
	    strstr(text, "-A " FIREWALL_OUT " -d 8.8.8.8/32 -p tcp -m tcp --dport 53 -j"));
	assert_null(strstr(text, "9.9.9.9"));
	assert_null(strstr(text, "-d 127.0.0.53"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_a_line),
		cmocka_unit_test(what_is_no_rule_opens_nothing),
		cmocka_unit_test(a_rule_without_peers_lets_nobody_through),
		cmocka_unit_test(chains_are_replaced_and_hooked_once),
		cmocka_unit_test(the_host_enters_by_published_ports),
		cmocka_unit_test(resolvers_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
