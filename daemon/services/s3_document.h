/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body of XML as a small tree: elements with text, without attributes and name spaces. Called by
 * the operations that take one. It must not know which elements there are.
 */
#ifndef DAEMON_SERVICES_S3_DOCUMENT_H
#define DAEMON_SERVICES_S3_DOCUMENT_H

#include "daemon/services/s3_call.h"

struct s3_node {
	struct s3_node *next;  /* of the same parent */
	struct s3_node *child; /* the first */
	struct s3_node *last;
	char *name;
	char *text; /* "" where there is none */
};

/* Everything lives in the arena; the document itself may be the caller's local. */
struct s3_document {
	struct arena arena;
	struct s3_node *root;
};

/* Reads the call's body, whose root has to be `root`. 0, or MalformedXML in the call. */
int s3_document_read(struct s3_call *c, const char *root, struct s3_document *ret);
void s3_document_done(struct s3_document *d);

const struct s3_node *s3_document_first(const struct s3_node *parent, const char *name);
/* The next one of the same name. */
const struct s3_node *s3_document_next(const struct s3_node *n);
/* The text of a child; NULL where there is no such child. */
const char *s3_document_text(const struct s3_node *parent, const char *name);

#endif
