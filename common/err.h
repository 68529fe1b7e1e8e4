/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, as a value: a kind, an errno and a text that a person will read. Both processes
 * use it; a kind crosses the socket in Refused. It knows the AWS error types and nothing else.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include "common/util.h"

#define ERR_TEXT_MAX 1024 /* bytes with the NUL: ECS cuts reasons at 1024 characters */

/* Order is free, but the numbers cross the socket: append, never reorder. */
enum err_kind {
	ERR_NONE,
	ERR_SERVER, /* our own fault, the only 500 */
	ERR_CLIENT,
	ERR_INVALID_PARAMETER,
	ERR_ACCESS_DENIED,
	ERR_SERIALIZATION, /* the body is not the JSON that the operation takes */
	ERR_UNKNOWN_OPERATION,
	ERR_NOT_AVAILABLE, /* a real operation that is not built here yet */
	ERR_MISSING_AUTHENTICATION,
	ERR_INVALID_SIGNATURE,
	ERR_THROTTLING,
	ERR_CLUSTER_NOT_FOUND,
	ERR_CLUSTER_CONTAINS_CAPACITY_PROVIDER,
	ERR_CLUSTER_CONTAINS_CONTAINER_INSTANCES,
	ERR_CLUSTER_CONTAINS_SERVICES,
	ERR_CLUSTER_CONTAINS_TASKS,
	ERR_UPDATE_IN_PROGRESS,
	ERR_RESOURCE_IN_USE,
	ERR_RESOURCE_NOT_FOUND,
	ERR_LIMIT_EXCEEDED,
	ERR_CONFLICT,
	ERR_BLOCKED,
	ERR_UNSUPPORTED_FEATURE,
	ERR_PLATFORM_UNKNOWN,
	ERR_PLATFORM_INCOMPATIBLE,
	ERR_SERVICE_NOT_FOUND,
	ERR_SERVICE_NOT_ACTIVE,
	ERR_NAMESPACE_NOT_FOUND,
	ERR_TARGET_NOT_FOUND,
	ERR_ATTRIBUTE_LIMIT_EXCEEDED,
	ERR_TASK_SET_NOT_FOUND,
	ERR_TARGET_NOT_CONNECTED,
	ERR_NO_UPDATE_AVAILABLE,
	ERR_MISSING_VERSION,
	ERR_SERVICE_DEPLOYMENT_NOT_FOUND,
	ERR_CODED,      /* another service's error: err_set_code says its name and status */
	ERR_VALIDATION, /* what most neighbours call a wrong input: op.bad_input of theirs */
	ERR_DAEMON_NOT_FOUND,
	ERR_DAEMON_NOT_ACTIVE,
	ERR_MAX,
};

struct err {
	enum err_kind kind;
	int errnum; /* positive errno, 0 where none applies */
	char text[ERR_TEXT_MAX];
	/* Only with ERR_CODED. */
	int http_status;
	char code[64];
};

/* Fills `e` (which may be NULL) and returns a negative errno, -EINVAL for all kinds but ERR_SERVER
 * (-EIO), so that `return err_set(e, KIND, "…")` does both. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Fills `e` from a system error: the text is the message, a colon and strerror. Returns -errnum. */
int err_set_errno(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Fills `e` with an error of a service that has codes of its own ("NoSuchEntity", 404). Returns
 * -EINVAL, -EIO for a status from 500 on. */
int err_set_code(struct err *e, int http_status, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The AWS exception name of a kind ("ClusterNotFoundException"), as it goes into __type. */
const char *err_type(enum err_kind kind);

/* The HTTP status of a kind: 500 for ERR_SERVER, 400 for all others (ECS has no other). ERR_CODED
 * has neither name nor status: ask the error itself. */
int err_http_status(enum err_kind kind);

#endif
