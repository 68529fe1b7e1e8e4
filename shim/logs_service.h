/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one container's log asks of CloudWatch Logs: that its stream is there, how far it got, to
 * take events. One call at a time; logs.c decides when and what follows from the answer.
 */
#ifndef SHIM_LOGS_SERVICE_H
#define SHIM_LOGS_SERVICE_H

#include "shim/aws.h"
#include "shim/logs_options.h"

enum logs_outcome {
	LOGS_DONE,
	LOGS_GONE,    /* the group or the stream does not exist */
	LOGS_DENIED,  /* to whom we are: other credentials may help */
	LOGS_REFUSED, /* this very request, and the same again would be */
	LOGS_NOBODY,  /* the daemon that we belong to listens no more: it is about to leave */
	LOGS_AWAY,    /* nobody answered, or it was too much: whether it was done is not known */
	LOGS_OUTCOME_MAX,
};

/* How far the stream got. Somebody else's service keeps no cursor: then the time of its last event,
 * and how many of its last events have that time. */
struct logs_found {
	const char *cursor; /* borrowed; NULL: none */
	int64_t last_ms;    /* 0: no event */
	size_t last_events;
};

struct logs_service {
	struct aws *aws;
	const struct credentials *as;
	const char *account;
	const struct logs_options *options;
	char *stream;
	struct aws_call *call; /* the one in flight */
	bool creating;         /* the group is being made, or was: it is not made twice */
	void (*on_create)(enum logs_outcome o, const char *text, void *arg);
	void (*on_found)(enum logs_outcome o, const struct logs_found *f, void *arg);
	void (*on_put)(enum logs_outcome o, const char *text, void *arg);
	void *arg;
};

/* `s` is zeroed but for everything before `call` and the callbacks. Ends the call in flight. */
void logs_service_done(struct logs_service *s);
/* The stream, and with may_create_group and awslogs-create-group its group. What is there already
 * is fine. `text` has the driver's words where it failed. */
void logs_service_create(struct logs_service *s, bool may_create_group);
void logs_service_find(struct logs_service *s);
/* PutLogEvents with this body, which is taken over; `cursor` is kept with the events. It is not
 * tried twice: after LOGS_AWAY has to be asked how far it got. */
void logs_service_put(struct logs_service *s, char *body, size_t len, const char *cursor);

#endif
