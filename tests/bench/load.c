/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, N keep-alive connections, each with one request in flight: how many replies per
 * second, and how long the slow ones take. make bench runs it beside the daemon; it knows just
 * enough HTTP to find the end of a reply.
 *
 *	load PORT CONNECTIONS SECONDS OPERATION BODY → "REPLIES_PER_SECOND P50_US P99_US FAILED"
 */
#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 256
#define REPLY_MAX ((size_t)256 * 1024)
#define SAMPLES_MAX ((size_t)8 * 1000 * 1000)

struct connection {
	int fd;
	int64_t sent_us;
	size_t len;
	char reply[REPLY_MAX + 1];
};

struct load {
	char *request;
	size_t request_len;
	uint32_t *samples_us;
	size_t n_samples;
	size_t failed;
};

static int64_t
clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
send_request(struct load *l, struct connection *c)
{
	c->len = 0;
	c->sent_us = clock_us();
	if (write(c->fd, l->request, l->request_len) != (ssize_t)l->request_len)
		die("write");
}

/* Bytes of the whole reply once its header is there, 0 before. */
static size_t
reply_size(const struct connection *c)
{
	const char *end = strstr(c->reply, "\r\n\r\n");
	const char *length = strcasestr(c->reply, "\r\nContent-Length:");

	if (!end || !length || length > end)
		return 0;
	return (size_t)(end + 4 - c->reply) + strtoul(length + 17, NULL, 10);
}

static void
on_readable(struct load *l, struct connection *c)
{
	ssize_t n = read(c->fd, c->reply + c->len, REPLY_MAX - c->len);

	if (n <= 0)
		die("the daemon closed a connection");
	c->len += (size_t)n;
	c->reply[c->len] = '\0';
	size_t size = reply_size(c);
	if (size == 0 || c->len < size)
		return;
	if (strncmp(c->reply, "HTTP/1.1 200", 12) != 0)
		l->failed++;
	if (l->n_samples < SAMPLES_MAX)
		l->samples_us[l->n_samples++] = (uint32_t)(clock_us() - c->sent_us);
	send_request(l, c);
}

static int
connect_to(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
run(struct load *l, int port, int n, int64_t seconds)
{
	struct connection *connections = xcalloc((size_t)n, sizeof(*connections));
	struct epoll_event events[CONNECTIONS_MAX];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t began = clock_us(), now;

	for (int i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &connections[i] };

		connections[i].fd = connect_to(port);
		epoll_ctl(ep, EPOLL_CTL_ADD, connections[i].fd, &ev);
		send_request(l, &connections[i]);
	}
	while ((now = clock_us()) - began < seconds * 1000000) {
		int ready = epoll_wait(ep, events, CONNECTIONS_MAX, 1000);

		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < ready; i++)
			on_readable(l, events[i].data.ptr);
	}
	qsort(l->samples_us, l->n_samples, sizeof(*l->samples_us), by_size);
	if (l->n_samples == 0)
		die("not one reply");
	printf("%.0f %u %u %zu\n", (double)l->n_samples * 1e6 / (double)(now - began),
	    l->samples_us[l->n_samples / 2], l->samples_us[l->n_samples * 99 / 100], l->failed);
	free(connections);
	close(ep);
}

int
main(int argc, char **argv)
{
	struct load l = { 0 };

	if (argc != 6) {
		(void)fputs("usage: load PORT CONNECTIONS SECONDS OPERATION BODY\n", stderr);
		return 2;
	}
	int n = (int)strtol(argv[2], NULL, 10);
	if (n < 1 || n > CONNECTIONS_MAX) {
		(void)fputs("load: connections must be 1 to 256\n", stderr);
		return 2;
	}
	l.request = xasprintf("POST / HTTP/1.1\r\n"
			      "Host: 127.0.0.1:%s\r\n"
			      "Content-Type: application/x-amz-json-1.1\r\n"
			      "X-Amz-Target: AmazonEC2ContainerServiceV20141113.%s\r\n"
			      "Authorization: AWS4-HMAC-SHA256 "
			      "Credential=test/20260101/us-east-1/ecs/aws4_request, "
			      "SignedHeaders=host, Signature=00\r\n"
			      "Content-Length: %zu\r\n\r\n%s",
	    argv[1], argv[4], strlen(argv[5]), argv[5]);
	l.request_len = strlen(l.request);
	l.samples_us = xcalloc(SAMPLES_MAX, sizeof(*l.samples_us));
	run(&l, (int)strtol(argv[1], NULL, 10), n, strtol(argv[3], NULL, 10));
	free(l.samples_us);
	free(l.request);
	return 0;
}
