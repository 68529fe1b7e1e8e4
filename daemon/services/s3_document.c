/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expat's events as a tree (see s3_document.h). Size is capped by whoever read the body; depth and
 * the number of elements are capped here, and no document type is read, hence no entities.
 */
#include "daemon/services/s3_document.h"

#include <errno.h>
#include <expat.h>
#include <string.h>

#define DEPTH_MAX 8
#define NODES_MAX 100000
#define TEXT_MAX 8192

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct s3_node *open[DEPTH_MAX];
	size_t depth, n;
	struct s3_node *root;
	char text[TEXT_MAX]; /* of the innermost element */
	size_t text_len;
	bool failed;
};

static void
stop(struct reader *rd)
{
	rd->failed = true;
	(void)XML_StopParser(rd->parser, XML_FALSE); /* stops in any case */
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *rd = arg;
	struct s3_node *parent = rd->depth > 0 ? rd->open[rd->depth - 1] : NULL;
	const char *local = strrchr(name, ' ');
	struct s3_node *n;

	(void)attributes;
	if (rd->depth == DEPTH_MAX || rd->n++ == NODES_MAX) {
		stop(rd);
		return;
	}
	n = arena_alloc(rd->arena, sizeof(*n));
	n->name = arena_strdup(rd->arena, local != NULL ? local + 1 : name);
	n->text = arena_strdup(rd->arena, "");
	if (parent == NULL)
		rd->root = n;
	else if (parent->last == NULL)
		parent->child = n;
	else
		parent->last->next = n;
	if (parent != NULL)
		parent->last = n;
	rd->open[rd->depth++] = n;
	rd->text_len = 0;
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct reader *rd = arg;
	struct s3_node *n = rd->open[--rd->depth];

	(void)name;
	if (n->child == NULL) {
		rd->text[rd->text_len] = '\0';
		n->text = arena_strdup(rd->arena, rd->text);
	}
	rd->text_len = 0;
}

static void
on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *rd = arg;

	if (rd->text_len + (size_t)len >= sizeof(rd->text)) {
		stop(rd);
		return;
	}
	memcpy(rd->text + rd->text_len, text, (size_t)len);
	rd->text_len += (size_t)len;
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
    int internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	stop(arg);
}

int
s3_document_read(struct s3_call *c, const char *root, struct s3_document *ret)
{
	struct reader *rd = xcalloc(1, sizeof(*rd));
	bool ok;

	rd->arena = &ret->arena;
	rd->parser = XML_ParserCreateNS("UTF-8", ' ');
	if (rd->parser == NULL)
		abort();
	XML_SetUserData(rd->parser, rd);
	XML_SetElementHandler(rd->parser, on_start, on_end);
	XML_SetCharacterDataHandler(rd->parser, on_text);
	XML_SetStartDoctypeDeclHandler(rd->parser, on_doctype);
	ok = c->in_len > 0 &&
	     XML_Parse(rd->parser, c->in, (int)c->in_len, XML_TRUE) == XML_STATUS_OK &&
	     !rd->failed && streq(rd->root->name, root);
	XML_ParserFree(rd->parser);
	ret->root = rd->root;
	free(rd);
	if (!ok)
		return s3_error(c, 400, "MalformedXML",
		    "The XML you provided was not well-formed or did not validate against our "
		    "published schema");
	return 0;
}

void
s3_document_done(struct s3_document *d)
{
	arena_done(&d->arena);
	d->root = NULL;
}

static const struct s3_node *
find(const struct s3_node *n, const char *name)
{
	while (n != NULL && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

const struct s3_node *
s3_document_first(const struct s3_node *parent, const char *name)
{
	return find(parent->child, name);
}

const struct s3_node *
s3_document_next(const struct s3_node *n)
{
	return find(n->next, n->name);
}

const char *
s3_document_text(const struct s3_node *parent, const char *name)
{
	const struct s3_node *n = find(parent->child, name);

	return n != NULL ? n->text : NULL;
}
