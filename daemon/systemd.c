/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) and sd_journal_send(3), see systemd.h. Nothing is reported where telling fails:
 * without systemd there is nobody to tell.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "daemon/systemd.h"

#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define STATUS_MAX 256
#define STATUS_PAUSE_MS 1000 /* between two status lines */
#define ID_MAX 33
#define CLUSTER_MAX 256

struct systemd {
	struct systemd_callbacks cb;
	struct timer *alive; /* NULL: there is no watchdog */
	int alive_every_ms;
	struct timer *tell;
	char told[STATUS_MAX];
	bool ready;
};

static void on_alive(void *arg);
static void on_tell(void *arg);
static bool stderr_is_journal(void);
static void write_journal(enum log_level level, const char *line, void *cookie);

struct systemd *
systemd_new(struct loop *l, const struct systemd_callbacks *cb)
{
	struct systemd *s = xcalloc(1, sizeof(*s));
	uint64_t usec = 0;

	s->cb = *cb;
	s->tell = timer_new(l, on_tell, s);
	if (sd_watchdog_enabled(1, &usec) > 0) {
		s->alive_every_ms = (int)(usec / 2000);
		s->alive = timer_new(l, on_alive, s);
		timer_set(s->alive, s->alive_every_ms);
	}
	if (stderr_is_journal())
		log_set_sink(write_journal, s);
	return s;
}

void
systemd_free(struct systemd *s)
{
	if (s == NULL)
		return;
	log_set_sink(NULL, NULL);
	timer_free(s->alive);
	timer_free(s->tell);
	free(s);
}

/* --- sd_notify --- */

static void
on_alive(void *arg)
{
	struct systemd *s = arg;

	(void)sd_notify(0, "WATCHDOG=1");
	timer_set(s->alive, s->alive_every_ms);
}

void
systemd_ready(struct systemd *s)
{
	s->cb.status(s->told, sizeof(s->told), s->cb.cookie);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s\nMAINPID=%ld", s->told, (long)getpid());
	s->ready = true;
}

void
systemd_changed(struct systemd *s)
{
	if (s->ready && !timer_pending(s->tell))
		timer_set(s->tell, STATUS_PAUSE_MS);
}

static void
on_tell(void *arg)
{
	struct systemd *s = arg;
	char status[STATUS_MAX];

	s->cb.status(status, sizeof(status), s->cb.cookie);
	if (streq(status, s->told))
		return;
	memcpy(s->told, status, sizeof(status));
	(void)sd_notifyf(0, "STATUS=%s", status);
}

void
systemd_stopping(struct systemd *s)
{
	s->ready = false;
	(void)sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void
systemd_reloading(struct systemd *s)
{
	s->ready = false;
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, monotonic_ms() * 1000);
}

/* --- the journal --- */

/* $JOURNAL_STREAM says which stream was made for the journal; it may have been redirected since. */
static bool
stderr_is_journal(void)
{
	const char *given = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (given == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return streq(given, mine);
}

/* The value of "key=value …" at the head of a line, "" where it begins otherwise. Returns what
 * follows. */
static const char *
take_field(const char *line, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key), len;

	*ret = '\0';
	if (strncmp(line, key, n) != 0)
		return line;
	len = strcspn(line + n, " ");
	(void)snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), line + n);
	return line + n + len + strspn(line + n + len, " ");
}

static void
write_journal(enum log_level level, const char *line, void *cookie)
{
	static const int priorities[] = {
		[LOG_LEVEL_ERROR] = 3,
		[LOG_LEVEL_WARN] = 4,
		[LOG_LEVEL_INFO] = 6,
		[LOG_LEVEL_DEBUG] = 7,
	};
	struct systemd *s = cookie;
	char shim[ID_MAX], task[ID_MAX], cluster[CLUSTER_MAX] = "";
	char fields[3][CLUSTER_MAX + 16];
	struct iovec iov[2 + ARRAY_SIZE(fields)];
	_cleanup_free_ char *message = xasprintf("MESSAGE=%s", line);
	char priority[16];
	int n = 0;

	(void)snprintf(priority, sizeof(priority), "PRIORITY=%d",
	    priorities[(size_t)level < ARRAY_SIZE(priorities) ? level : LOG_LEVEL_ERROR]);
	iov[n++] = (struct iovec){ message, strlen(message) };
	iov[n++] = (struct iovec){ priority, strlen(priority) };
	line = take_field(line, "shim=", shim, sizeof(shim));
	(void)take_field(line, "task=", task, sizeof(task));
	if (task[0] == '\0')
		(void)memcpy(task, shim, sizeof(task));
	if (task[0] != '\0' && !s->cb.cluster_of(task, cluster, sizeof(cluster), s->cb.cookie))
		cluster[0] = '\0';
	(void)snprintf(fields[0], sizeof(fields[0]), "SHIM=%s", shim);
	(void)snprintf(fields[1], sizeof(fields[1]), "TASK=%s", task);
	(void)snprintf(fields[2], sizeof(fields[2]), "CLUSTER=%s", cluster);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strchr(fields[i], '=')[1] != '\0')
			iov[n++] = (struct iovec){ fields[i], strlen(fields[i]) };
	(void)sd_journal_sendv(iov, n);
}
