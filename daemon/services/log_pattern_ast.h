/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter pattern once it is read: log_pattern.c writes it, log_pattern_match.c asks it. Nobody
 * else includes it.
 */
#ifndef DAEMON_SERVICES_LOG_PATTERN_AST_H
#define DAEMON_SERVICES_LOG_PATTERN_AST_H

#include "common/arena.h"
#include "daemon/services/log_pattern.h"
#include "daemon/services/log_regex.h"

#define LOG_PATTERN_REGEXES_MAX 5

struct pattern_text {
	const char *s;
	size_t len;
};

/* What something is compared with. */
struct pattern_value {
	struct pattern_text text; /* '*' in it stands for anything */
	bool is_number;           /* not where it is quoted */
	double number;
	const struct log_regex *regex; /* instead of all that */
};

enum pattern_test {
	TEST_ANY, /* a word that is only named */
	TEST_EQ,
	TEST_NE,
	TEST_LT,
	TEST_LE,
	TEST_GT,
	TEST_GE,
	TEST_NULL,
	TEST_TRUE,
	TEST_FALSE,
	TEST_EXISTS,
	TEST_NOT_EXISTS,
};

/* One step of a selector: ".name", "[3]", ".*" or "[*]". */
struct pattern_step {
	struct pattern_step *next;
	enum { STEP_NAME, STEP_INDEX, STEP_ALL } kind;
	const char *name;
	size_t index;
};

struct pattern_node {
	enum { NODE_AND, NODE_OR, NODE_TEST } kind;
	struct pattern_node *left, *right; /* of AND and OR */
	/* Of a test. */
	struct pattern_step *path; /* in a JSON message */
	struct pattern_text name;  /* of a word */
	enum pattern_test test;
	struct pattern_value value;
};

struct pattern_term {
	struct pattern_term *next;
	enum { TERM_REQUIRED, TERM_OPTIONAL, TERM_EXCLUDED } kind;
	struct pattern_text text;
	const struct log_regex *regex; /* instead of the text */
};

/* One place in a list of words. */
struct pattern_word {
	struct pattern_word *next;
	struct pattern_node *node; /* NULL: "...", any number of words */
};

struct log_pattern {
	enum { PATTERN_TERMS, PATTERN_JSON, PATTERN_WORDS } kind;
	struct arena arena;
	struct pattern_term *terms;
	bool has_required; /* then optional terms say nothing */
	struct pattern_node *root;
	struct pattern_word *words;
	struct log_regex *regexes[LOG_PATTERN_REGEXES_MAX];
	size_t n_regexes;
};

#endif
