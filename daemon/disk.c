/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues under one lock, and an eventfd that tells the loop of the second (see disk.h). A
 * thread has a small stack and nothing of its own; the last one to have seen no work for a while
 * leaves the process as it was.
 */
#include "daemon/disk.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

#define THREADS_MAX 4
#define STACK_BYTES (256u * 1024)
#define IDLE_S 5
#define NICENESS 10

STAILQ_HEAD(disk_jobs, disk_job);

struct disk {
	struct event *told;
	int fd;
	size_t n_pending; /* the loop's */

	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t work;
	pthread_cond_t left;
	struct disk_jobs waiting;
	size_t n_waiting;
	struct disk_jobs finished;
	unsigned threads;
	unsigned idle;
	bool closing;
};

static void on_told(evutil_socket_t fd, short what, void *arg);
static void *run_thread(void *arg);

struct disk *
disk_new(struct loop *l)
{
	struct disk *d = xcalloc(1, sizeof(*d));
	pthread_condattr_t attr;

	/* Threads that hardly allocate need no heaps of their own. */
	(void)mallopt(M_ARENA_MAX, 1); /* else a little more memory is used */
	STAILQ_INIT(&d->waiting);
	STAILQ_INIT(&d->finished);
	if (pthread_mutex_init(&d->lock, NULL) != 0 || pthread_condattr_init(&attr) != 0 ||
	    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&d->work, &attr) != 0 || pthread_cond_init(&d->left, NULL) != 0)
		abort();
	(void)pthread_condattr_destroy(&attr); /* cannot fail on one that was made */
	d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->fd < 0)
		abort();
	d->told = event_new(loop_base(l), d->fd, EV_READ | EV_PERSIST, on_told, d);
	if (d->told == NULL || event_add(d->told, NULL) != 0)
		abort();
	return d;
}

void
disk_free(struct disk *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->closing = true;
	pthread_cond_broadcast(&d->work);
	while (d->threads > 0)
		pthread_cond_wait(&d->left, &d->lock);
	pthread_mutex_unlock(&d->lock);
	event_free(d->told);
	close(d->fd);
	(void)pthread_cond_destroy(&d->work); /* nobody waits on them any more */
	(void)pthread_cond_destroy(&d->left);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

/* Signals are the loop's business. False where the system has no thread to give: the next try is
 * with the next job. */
static bool
start_thread(struct disk *d)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	bool started;

	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES); /* else the default, which is larger */
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	started = pthread_create(&thread, &attr, run_thread, d) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr); /* cannot fail on one that was made */
	return started;
}

static struct disk_job *
take_job(struct disk *d)
{
	struct disk_job *j = STAILQ_FIRST(&d->waiting);

	if (j != NULL) {
		STAILQ_REMOVE_HEAD(&d->waiting, next);
		d->n_waiting--;
	}
	return j;
}

static void
run_here(struct disk *d)
{
	struct disk_job *j;

	while ((j = take_job(d)) != NULL) {
		j->work(j);
		STAILQ_INSERT_TAIL(&d->finished, j, next);
	}
	(void)eventfd_write(d->fd, 1); /* a full counter has told already */
}

void
disk_submit(struct disk *d, struct disk_job *j)
{
	d->n_pending++;
	pthread_mutex_lock(&d->lock);
	STAILQ_INSERT_TAIL(&d->waiting, j, next);
	d->n_waiting++;
	if (d->n_waiting <= d->idle)
		pthread_cond_signal(&d->work);
	else if (d->threads < THREADS_MAX && start_thread(d))
		d->threads++;
	if (d->threads == 0)
		run_here(d);
	pthread_mutex_unlock(&d->lock);
}

size_t
disk_pending(const struct disk *d)
{
	return d->n_pending;
}

/* The next job, NULL where the thread is to leave. Called with the lock held. */
static struct disk_job *
next_job(struct disk *d)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
	until.tv_sec += IDLE_S;
	while (!d->closing && STAILQ_EMPTY(&d->waiting) && r == 0) {
		d->idle++;
		r = pthread_cond_timedwait(&d->work, &d->lock, &until);
		d->idle--;
	}
	return d->closing ? NULL : take_job(d);
}

static void *
run_thread(void *arg)
{
	struct disk *d = arg;
	struct disk_job *j;

	/* Of this thread alone: whoever waits for an answer of the loop comes first. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	pthread_mutex_lock(&d->lock);
	while ((j = next_job(d)) != NULL) {
		pthread_mutex_unlock(&d->lock);
		j->work(j);
		pthread_mutex_lock(&d->lock);
		STAILQ_INSERT_TAIL(&d->finished, j, next);
		(void)eventfd_write(d->fd, 1); /* a full counter has told already */
	}
	d->threads--;
	pthread_cond_signal(&d->left);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	struct disk *d = arg;
	struct disk_jobs finished = STAILQ_HEAD_INITIALIZER(finished);
	struct disk_job *j;
	eventfd_t n;

	(void)what;
	(void)eventfd_read(fd, &n); /* the queue says all */
	pthread_mutex_lock(&d->lock);
	STAILQ_CONCAT(&finished, &d->finished);
	pthread_mutex_unlock(&d->lock);
	while ((j = STAILQ_FIRST(&finished)) != NULL) {
		STAILQ_REMOVE_HEAD(&finished, next);
		d->n_pending--;
		j->done(j);
	}
}
