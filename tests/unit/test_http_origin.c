/* SPDX-License-Identifier: Apache-2.0 */
/* The browser guard: what tools send passes, what other people's pages can send does not. */
#include "daemon/http/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define LONG_NAME                                                                                  \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum local { ON_V4, ON_LAN, ON_V6, ON_MAPPED, ON_UNIX, ON_UNKNOWN };

/* clang-format off */
static const struct {
	bool passes;
	enum local local;
	const char *host, *origin, *site, *uri_host;
} cases[] = {
	{ true,  ON_V4,   "127.0.0.1:4566", NULL, NULL, NULL },
	{ true,  ON_V4,   "127.0.0.1", NULL, NULL, NULL },
	{ true,  ON_V4,   "127.8.9.10:1", NULL, NULL, NULL },
	{ true,  ON_V4,   "localhost:4566", NULL, NULL, NULL },
	{ true,  ON_V4,   "LocalHost", NULL, NULL, NULL },
	{ true,  ON_V4,   "ecs.us-east-1.localhost:4566", NULL, NULL, NULL },
	{ true,  ON_V4,   "169.254.170.2:4566", NULL, NULL, NULL },
	{ true,  ON_V4,   "emulator.test:4566", NULL, NULL, NULL },
	{ true,  ON_V6,   "[::1]:4566", NULL, NULL, NULL },
	{ true,  ON_V6,   "[fd00::5]", NULL, NULL, NULL },
	{ true,  ON_LAN,  "192.168.1.20:4566", NULL, NULL, NULL },
	{ true,  ON_MAPPED, "192.168.1.20:4566", NULL, NULL, NULL },
	{ true,  ON_V4,   NULL, NULL, NULL, NULL },
	{ true,  ON_V4,   "localhost:4566", NULL, "none", "localhost" },
	{ true,  ON_UNIX, "whatever", NULL, NULL, NULL },
	{ true,  ON_UNIX, "", NULL, NULL, "x" },
	{ true,  ON_V4,   "localhost", NULL, NULL, "" },
	{ true,  ON_UNKNOWN, "127.0.0.1", NULL, NULL, NULL },
	{ true,  ON_V4,   "localhost:4566", "http://localhost:4566", "same-origin", NULL },
	{ true,  ON_V4,   "localhost:4566", "HTTP://LOCALHOST:4566", NULL, NULL },

	{ false, ON_V4,   "evil.example", NULL, NULL, NULL },
	{ false, ON_V4,   "evil.example:4566", NULL, NULL, NULL },
	{ false, ON_V4,   "ecs.us-east-1.localhost.localstack.cloud:4566", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost.evil.example", NULL, NULL, NULL },
	{ false, ON_V4,   "evillocalhost", NULL, NULL, NULL },
	{ false, ON_V4,   ".localhost.", NULL, NULL, NULL },
	{ false, ON_V4,   "127.0.0.1.evil.example", NULL, NULL, NULL },
	{ false, ON_V4,   "192.168.1.20:4566", NULL, NULL, NULL },
	{ false, ON_LAN,  "192.168.1.21:4566", NULL, NULL, NULL },
	{ false, ON_MAPPED, "192.168.1.21", NULL, NULL, NULL },
	{ false, ON_V6,   "[fd00::6]:4566", NULL, NULL, NULL },
	{ false, ON_UNKNOWN, "192.168.1.20", NULL, NULL, NULL },
	{ false, ON_V4,   "", NULL, NULL, NULL },
	{ false, ON_V4,   ":4566", NULL, NULL, NULL },
	{ false, ON_V4,   "[]:4566", NULL, NULL, NULL },
	{ false, ON_V4,   "[::1", NULL, NULL, NULL },
	{ false, ON_V4,   "[::1]x", NULL, NULL, NULL },
	{ false, ON_V4,   "::1", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost:port", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost:4566:4566", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost:999999", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost@evil.example", NULL, NULL, NULL },
	{ false, ON_V4,   "local\thost", NULL, NULL, NULL },
	{ false, ON_V4,   LONG_NAME ".localhost", NULL, NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "http://evil.example", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "null", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "http://localhost:3000", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "http://localhost:4566.evil.example", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "http://localhost:4566/", NULL, NULL },
	{ false, ON_V4,   "localhost:4566", "file://localhost:4566", NULL, NULL },
	{ false, ON_V4,   NULL, "http://localhost:4566", NULL, NULL },
	{ false, ON_V4,   "evil.example", "http://evil.example", "same-origin", NULL },
	{ false, ON_V4,   "localhost:4566", NULL, "cross-site", NULL },
	{ false, ON_V4,   "localhost:4566", NULL, "same-site", NULL },
	{ false, ON_V4,   "localhost:4566", NULL, "", NULL },
	{ false, ON_V4,   "localhost:4566", NULL, NULL, "evil.example" },
	{ false, ON_UNIX, "x", "http://evil.example", NULL, NULL },
	{ false, ON_UNIX, "x", NULL, "cross-site", NULL },
};
/* clang-format on */

static void
fill_local(enum local l, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;
	const char *text = l == ON_V6 ? "fd00::5" : "::ffff:192.168.1.20";

	memset(ret, 0, sizeof(*ret));
	switch (l) {
	case ON_V4:
	case ON_LAN:
		in->sin_family = AF_INET;
		inet_pton(AF_INET, l == ON_V4 ? "127.0.0.1" : "192.168.1.20", &in->sin_addr);
		break;
	case ON_V6:
	case ON_MAPPED:
		in6->sin6_family = AF_INET6;
		inet_pton(AF_INET6, text, &in6->sin6_addr);
		break;
	case ON_UNIX:
		ret->ss_family = AF_UNIX;
		break;
	case ON_UNKNOWN:
		ret->ss_family = AF_UNSPEC;
		break;
	}
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_storage local;
		struct err e = { 0 };
		struct origin_request r = {
			.host = cases[i].host,
			.origin = cases[i].origin,
			.sec_fetch_site = cases[i].site,
			.uri_host = cases[i].uri_host,
			.listen_host = "emulator.test",
			.local = (const struct sockaddr *)&local,
		};
		int got;

		fill_local(cases[i].local, &local);
		got = origin_check(&r, &e);
		if ((got == 0) != cases[i].passes)
			fail_msg("case %zu: host %s, origin %s", i, r.host ? r.host : "-",
			    r.origin ? r.origin : "-");
		if (got != 0)
			assert_int_equal(e.kind, ERR_ACCESS_DENIED);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
