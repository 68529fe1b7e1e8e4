/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for a log router in its container: takes whoever connects to /var/run/fluent.sock or to
 * port 24224 and prints what they send, a dot for every byte that is no text. Built by
 * harness/router.py.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 32

static void
on_term(int signo)
{
	(void)signo;
	_exit(0);
}

static int
listen_at(const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(addr->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, addr, len) < 0 || listen(fd, 8) < 0) {
		perror("router");
		exit(1);
	}
	return fd;
}

static void
show(const char *bytes, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++)
		(void)putchar(isprint((unsigned char)bytes[i]) ? bytes[i] : '.');
	(void)putchar('\n');
	(void)fflush(stdout);
}

int
main(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/var/run/fluent.sock" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(24224) };
	struct pollfd p[PEERS_MAX] = { { .events = POLLIN }, { .events = POLLIN } };
	nfds_t n = 2;

	(void)signal(SIGTERM, on_term);
	p[0].fd = listen_at((const struct sockaddr *)&un, sizeof(un));
	p[1].fd = listen_at((const struct sockaddr *)&in, sizeof(in));
	(void)puts("ready");
	(void)fflush(stdout);
	while (poll(p, n, -1) > 0) {
		for (nfds_t i = n; i-- > 0;) {
			char bytes[4096];
			ssize_t got;

			if (p[i].revents == 0)
				continue;
			if (i < 2) {
				if (n < PEERS_MAX)
					p[n++] = (struct pollfd){ .fd = accept(p[i].fd, NULL, NULL),
						.events = POLLIN };
				continue;
			}
			got = read(p[i].fd, bytes, sizeof(bytes));
			if (got > 0) {
				show(bytes, got);
			} else {
				close(p[i].fd);
				p[i] = p[--n];
			}
		}
	}
	return 1;
}
