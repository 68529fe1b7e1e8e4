/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which operation of S3 a request means, on which bucket and key: out of method, host, path, query
 * and one header. Called by s3.c; pure functions, which know neither store nor connection.
 */
#ifndef DAEMON_SERVICES_S3_ROUTE_H
#define DAEMON_SERVICES_S3_ROUTE_H

#include "common/arena.h"
#include "common/err.h"
#include "daemon/store/s3.h"

struct rest_call;
struct s3_call;

#define S3_PARAMETERS_MAX 64

enum s3_level { S3_ON_SERVICE, S3_ON_BUCKET, S3_ON_OBJECT };

/* One operation. The first row that fits is meant. */
struct s3_op {
	const char *name;
	const char *method;
	enum s3_level level;
	const char *parameter;          /* that the query has to have; NULL: none */
	bool copies;                    /* the header x-amz-copy-source is there */
	bool write;                     /* CloudTrail hears of it: it changes a bucket */
	void (*run)(struct s3_call *c); /* NULL: known, not available */
};
extern const struct s3_op s3_ops[];
extern const size_t n_s3_ops;

struct s3_parameter {
	const char *name;
	const char *value; /* "" where there is no "=" */
};

struct s3_route {
	const struct s3_op *op;
	enum s3_level level;
	char bucket[S3_BUCKET_MAX];
	char key[S3_KEY_MAX];
	struct s3_parameter parameters[S3_PARAMETERS_MAX];
	size_t n_parameters;
};

struct s3_target {
	const char *method;
	const char *host;  /* "" where there is none */
	const char *path;  /* still encoded */
	const char *query; /* still encoded, NULL: none */
	bool copies;
};

/* 0, or an error of S3's. Texts of the parameters live in the arena. */
int s3_route(const struct s3_target *t, struct arena *a, struct s3_route *ret, struct err *e);

/* A parameter's value; NULL: not there. */
const char *s3_parameter(const struct s3_route *r, const char *name);

/* "bucket/key" of a decoded x-amz-copy-source, with or without a slash in front. 0 or -EINVAL. */
int s3_split_path(const char *path, char bucket[static S3_BUCKET_MAX], char key[static S3_KEY_MAX]);
/* Percent-decoding into the arena; `plus`: a plus sign is a blank. NULL: a NUL is in it. */
char *s3_decode(struct arena *a, const char *text, size_t n, bool plus);
/* Percent-encoding, but for letters, digits and slashes. */
char *s3_encode(struct arena *a, const char *text);

#endif
