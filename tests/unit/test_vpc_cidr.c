/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges: reading and printing, what overlaps what, and which range a network gets where its own is
 * taken; and the addresses that interfaces get out of a subnet.
 */
#include "daemon/vpc/cidr.h"
#include "daemon/vpc/interface.h"
#include "daemon/vpc/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct scope here = { "000000000000", "us-east-1" };

static struct cidr
parse(const char *text)
{
	struct cidr c;

	assert_int_equal(cidr_parse(text, &c), 0);
	return c;
}

static void
test_text(void **state)
{
	static const char *const wrong[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8",
		"10.0.0.0/08", "10.0.0.0/1x", "/16", "10.0.0.0/-1", "256.0.0.0/8", "10.0.0.0/016",
		"1111111111111111111111/8" };
	char text[CIDR_TEXT_MAX];
	struct cidr c = parse("10.1.2.3/16");

	(void)state;
	assert_string_equal(cidr_print(&c, text), "10.1.0.0/16");
	assert_int_equal(cidr_last(&c), 0x0a01ffff);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_true(cidr_parse(wrong[i], &c) < 0);
	assert_string_equal(address_print(0xc0a80001, text), "192.168.0.1");
	c = parse("0.0.0.0/0");
	assert_int_equal(cidr_last(&c), 0xffffffff);
}

static void
test_overlap(void **state)
{
	struct cidr a = parse("10.0.0.0/16"), b = parse("10.0.128.0/20"), c = parse("10.1.0.0/16");

	(void)state;
	assert_true(cidr_overlaps(&a, &b) && cidr_overlaps(&b, &a));
	assert_true(cidr_contains(&a, &b) && !cidr_contains(&b, &a));
	assert_false(cidr_overlaps(&a, &c));
}

static void
chosen(const char *wanted, const char *const *taken, const char *expected)
{
	struct cidr list[8], w = parse(wanted), got;
	char text[CIDR_TEXT_MAX];
	size_t n = 0;

	for (; taken[n] != NULL; n++)
		list[n] = parse(taken[n]);
	if (expected == NULL) {
		assert_int_equal(cidr_choose(&w, list, n, &got), -ENOSPC);
		return;
	}
	assert_int_equal(cidr_choose(&w, list, n, &got), 0);
	assert_string_equal(cidr_print(&got, text), expected);
}

static void
test_choice(void **state)
{
	(void)state;
	chosen("10.0.0.0/16", (const char *const[]){ "10.1.0.0/16", NULL }, "10.0.0.0/16");
	chosen("10.0.0.0/16", (const char *const[]){ "10.0.0.0/8", NULL }, "100.64.0.0/16");
	chosen("10.0.0.0/16", (const char *const[]){ "10.0.3.0/24", "100.64.0.0/16", NULL },
	    "100.65.0.0/16");
	chosen("10.0.0.0/28",
	    (const char *const[]){ "10.0.0.0/28", "100.64.0.0/16", "100.65.0.0/30", NULL },
	    "100.65.0.16/28");
	chosen("10.0.0.0/16", (const char *const[]){ "10.0.0.0/16", "100.64.0.5/32", NULL },
	    "100.65.0.0/16");
	chosen("10.0.0.0/16", (const char *const[]){ "10.0.0.0/16", "100.64.0.0/10", NULL }, NULL);
}

/* Two VPCs with one range, a third with another; a plan stays what it was. */
static void
test_plan(void **state)
{
	struct store_vpc_network first = { 0 }, second = { 0 }, again = { 0 };
	struct store *s = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_open(NULL, &s, &e), 0);
	assert_int_equal(vpc_plan_network(s, &here, "vpc-1", "198.18.0.0/20", &first, &e), 1);
	assert_string_equal(first.engine_cidr, "198.18.0.0/20");
	assert_int_equal(vpc_plan_network(s, &here, "vpc-2", "198.18.0.0/20", &second, &e), 1);
	assert_true(has_prefix(second.engine_cidr, "100."));
	assert_string_equal(second.cidr, "198.18.0.0/20");
	assert_int_equal(vpc_plan_network(s, &here, "vpc-2", "198.18.0.0/20", &again, &e), 0);
	assert_string_equal(again.engine_cidr, second.engine_cidr);
	store_close(s);
}

static void
take(struct store *s, const char *subnet, const char *address, const char *expected)
{
	const char *const groups[] = { "sg-1" };
	const struct interface_ask ask = { .subnet = subnet,
		.address = address,
		.groups = groups,
		.n_groups = 1,
		.holder = address };
	_cleanup_resource_ struct vpc_resource got = { 0 };
	struct err e = { 0 };
	int r = interface_make(s, &here, &ask, &got, &e);

	if (expected[0] < '0' || expected[0] > '9') {
		assert_true(r < 0);
		assert_string_equal(e.code, expected);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(json_get_str(got.doc, "privateIpAddress"), expected);
}

/* AWS keeps the first four addresses and the last; the lowest free one is given. */
static void
test_addresses(void **state)
{
	char vpc[EC2_ID_MAX] = "", subnet[EC2_ID_MAX] = "", text[CIDR_TEXT_MAX];
	const struct cidr range = parse("10.0.0.0/28");
	_cleanup_resource_ struct vpc_resource row = { 0 };
	struct store *s = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	(void)state;
	assert_int_equal(store_open(NULL, &s, &e), 0);
	assert_int_equal(vpc_make(s, &here, &range, "default", vpc, &e), 0);
	assert_int_equal(
	    vpc_make_subnet(s, &here, vpc, &range, "us-east-1a", false, subnet, &e), 0);
	take(s, subnet, NULL, "10.0.0.4");
	take(s, subnet, "10.0.0.6", "10.0.0.6");
	take(s, subnet, NULL, "10.0.0.5");
	take(s, subnet, NULL, "10.0.0.7");
	take(s, subnet, "10.0.0.3", "InvalidParameterValue");
	take(s, subnet, "10.0.0.15", "InvalidParameterValue");
	take(s, subnet, "10.0.0.6", "InvalidIPAddress.InUse");
	assert_int_equal(interface_release(s, &here, "10.0.0.6", &e), 0);
	take(s, subnet, NULL, "10.0.0.6");
	for (int i = 8; i <= 14; i++) {
		(void)snprintf(text, sizeof(text), "10.0.0.%d", i);
		take(s, subnet, NULL, text);
	}
	take(s, subnet, NULL, "InsufficientFreeAddressesInSubnet");
	assert_int_equal(vpc_resource_get(s, &here, EC2_SUBNET, subnet, &row, &e), 1);
	assert_int_equal(interface_free(s, &here, &row, &n, &e), 0);
	assert_int_equal(n, 0);
	store_close(s);
}

static void
test_default_vpc(void **state)
{
	char a[EC2_ID_MAX] = "", b[EC2_ID_MAX] = "", zone[64];
	struct store *s = NULL, *other = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	(void)state;
	assert_int_equal(store_open(NULL, &s, &e), 0);
	assert_int_equal(store_open(NULL, &other, &e), 0);
	assert_int_equal(vpc_default(s, &here, "me", a, &e), 1);
	assert_int_equal(vpc_default(s, &here, "me", b, &e), 1);
	assert_string_equal(a, b);
	assert_int_equal(vpc_default(other, &here, "me", b, &e), 1);
	assert_string_equal(a, b);
	assert_int_equal(
	    vpc_default(other, &(struct scope){ "000000000000", "eu-west-1" }, "me", b, &e), 1);
	assert_string_not_equal(a, b);
	assert_int_equal(store_ec2_count(s, &here, EC2_SUBNET, a, NULL, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(vpc_default_gone(s, &here, &e), 0);
	assert_int_equal(vpc_default(s, &here, "me", b, &e), 0);
	vpc_zone_id("ap-southeast-2b", zone, sizeof(zone));
	assert_string_equal(zone, "apse2-az2");
	vpc_zone_id("us-gov-west-1a", zone, sizeof(zone));
	assert_string_equal(zone, "usgw1-az1");
	store_close(s);
	store_close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_default_vpc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
