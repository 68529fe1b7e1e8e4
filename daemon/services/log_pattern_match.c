/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a message whether it fits a filter pattern (see log_pattern.h).
 */
#include "common/json.h"
#include "daemon/services/log_pattern.h"
#include "daemon/services/log_pattern_ast.h"

#include <ctype.h>
#include <string.h>

#define WORDS_MAX 256 /* of a message; one with more fits no list of words */

/* --- values --- */

/* '*' stands for any text. Every piece between two of them is looked for once, from left to right.
 */
static bool
fits_text(const struct pattern_text *pattern, const char *s, size_t len)
{
	const char *p = pattern->s, *end = p + pattern->len;
	bool anchored = true;

	for (;;) {
		const char *star = memchr(p, '*', (size_t)(end - p));
		size_t piece = (size_t)((star != NULL ? star : end) - p);
		const char *at;

		if (star == NULL && anchored)
			return piece == len && memcmp(p, s, len) == 0;
		if (star == NULL)
			return piece <= len && memcmp(p, s + len - piece, piece) == 0;
		if (anchored)
			at = piece <= len && memcmp(p, s, piece) == 0 ? s : NULL;
		else
			at = memmem(s, len, p, piece);
		if (at == NULL)
			return false;
		len -= (size_t)(at - s) + piece;
		s = at + piece;
		p = star + 1;
		anchored = false;
	}
}

static bool
compare_numbers(enum pattern_test test, double a, double b)
{
	switch (test) {
	case TEST_EQ:
		return a >= b && a <= b;
	case TEST_NE:
		return a < b || a > b;
	case TEST_LT:
		return a < b;
	case TEST_LE:
		return a <= b;
	case TEST_GT:
		return a > b;
	case TEST_GE:
		return a >= b;
	case TEST_ANY:
	case TEST_NULL:
	case TEST_TRUE:
	case TEST_FALSE:
	case TEST_EXISTS:
	case TEST_NOT_EXISTS:
		break;
	}
	return false;
}

static bool
compare_text(const struct pattern_node *node, const char *s, size_t len)
{
	bool equal;

	if (node->test != TEST_EQ && node->test != TEST_NE)
		return false;
	equal = node->value.regex != NULL ? log_regex_match(node->value.regex, s, len)
					  : fits_text(&node->value.text, s, len);
	return equal == (node->test == TEST_EQ);
}

/* --- words --- */

struct word {
	const char *s;
	size_t len;
};

static bool
read_number(const struct word *w, double *ret)
{
	char buf[64];
	char *end;

	if (w->len == 0 || w->len >= sizeof(buf))
		return false;
	memcpy(buf, w->s, w->len);
	buf[w->len] = '\0';
	if (strspn(buf, "0123456789+-.eE") < w->len)
		return false;
	*ret = strtod(buf, &end);
	return *end == '\0' && end != buf;
}

static bool
test_word(const struct pattern_node *node, const struct word *w)
{
	double number;

	if (node->test == TEST_ANY)
		return true;
	if (node->value.is_number && read_number(w, &number))
		return compare_numbers(node->test, number, node->value.number);
	return compare_text(node, w->s, w->len);
}

static bool
ask_word(const struct pattern_node *node, const struct word *w)
{
	switch (node->kind) {
	case NODE_AND:
		return ask_word(node->left, w) && ask_word(node->right, w);
	case NODE_OR:
		return ask_word(node->left, w) || ask_word(node->right, w);
	case NODE_TEST:
		return test_word(node, w);
	}
	return false;
}

/* Words end at white space; what is in quotes or square brackets is one. The number of words, more
 * than WORDS_MAX where there are too many. */
static size_t
split(const char *s, size_t len, struct word words[static WORDS_MAX])
{
	const char *end = s + len;
	size_t n = 0;

	for (;;) {
		const char *close;
		int until;

		while (s < end && isspace((unsigned char)*s))
			s++;
		if (s == end)
			return n;
		if (n == WORDS_MAX)
			return n + 1;
		until = *s == '[' ? ']' : *s == '"' ? '"' : '\0';
		close = until != '\0' ? memchr(s + 1, until, (size_t)(end - s - 1)) : NULL;
		if (close != NULL) {
			words[n++] = (struct word){ s + 1, (size_t)(close - s - 1) };
			s = close + 1;
			continue;
		}
		words[n].s = s;
		while (s < end && !isspace((unsigned char)*s))
			s++;
		words[n].len = (size_t)(s - words[n].s);
		n++;
	}
}

static size_t
count_places(const struct pattern_word *w, bool *ret_open)
{
	size_t n = 0;

	*ret_open = false;
	for (; w != NULL; w = w->next) {
		if (w->node != NULL)
			n++;
		else
			*ret_open = true;
	}
	return n;
}

static bool
match_words(const struct log_pattern *p, const char *text, size_t len)
{
	struct word words[WORDS_MAX];
	size_t n = split(text, len, words);
	bool open;
	size_t places = count_places(p->words, &open);
	size_t i = 0;

	if (n > WORDS_MAX || n < places || (n > places && !open))
		return false;
	for (const struct pattern_word *w = p->words; w != NULL; w = w->next) {
		if (w->node == NULL)
			i += n - places; /* there is one of these at most */
		else if (i >= n || !ask_word(w->node, &words[i++]))
			return false;
	}
	return true;
}

/* --- JSON --- */

/* `v` exists; NULL is JSON's null. */
static bool
test_value(const struct pattern_node *node, struct json_object *v)
{
	enum json_type type = json_object_get_type(v);
	const char *s;

	switch (node->test) {
	case TEST_EXISTS:
		return true;
	case TEST_NULL:
		return v == NULL;
	case TEST_TRUE:
		return type == json_type_boolean && json_object_get_boolean(v);
	case TEST_FALSE:
		return type == json_type_boolean && !json_object_get_boolean(v);
	case TEST_ANY:
	case TEST_NOT_EXISTS:
		return false;
	case TEST_EQ:
	case TEST_NE:
	case TEST_LT:
	case TEST_LE:
	case TEST_GT:
	case TEST_GE:
		break;
	}
	if (v == NULL || type == json_type_object || type == json_type_array)
		return false;
	if (node->value.is_number && (type == json_type_int || type == json_type_double))
		return compare_numbers(node->test, json_object_get_double(v), node->value.number);
	s = json_object_get_string(v);
	return compare_text(
	    node, s, type == json_type_string ? (size_t)json_object_get_string_len(v) : strlen(s));
}

/* How often a path with "*" in it may branch, for one message. */
struct walk {
	const struct pattern_node *node;
	int steps_left;
	bool exists;
};

static bool walk(struct walk *w, const struct pattern_step *step, struct json_object *v);

static bool
walk_all(struct walk *w, const struct pattern_step *step, struct json_object *v)
{
	if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			if (walk(w, step->next, json_object_array_get_idx(v, i)))
				return true;
	} else if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, member)
		{
			(void)key;
			if (walk(w, step->next, member))
				return true;
		}
	}
	return false;
}

/* True where something that the rest of the path leads to passes the test. */
static bool
walk(struct walk *w, const struct pattern_step *step, struct json_object *v)
{
	struct json_object *next;

	if (w->steps_left-- <= 0)
		return false;
	if (step == NULL) {
		w->exists = true;
		return test_value(w->node, v);
	}
	switch (step->kind) {
	case STEP_NAME:
		return json_object_is_type(v, json_type_object) &&
		       json_object_object_get_ex(v, step->name, &next) && walk(w, step->next, next);
	case STEP_INDEX:
		return json_object_is_type(v, json_type_array) &&
		       step->index < json_object_array_length(v) &&
		       walk(w, step->next, json_object_array_get_idx(v, step->index));
	case STEP_ALL:
		return walk_all(w, step, v);
	}
	return false;
}

static bool
ask_json(const struct pattern_node *node, struct json_object *o)
{
	struct walk w = { .node = node, .steps_left = 100000 };

	switch (node->kind) {
	case NODE_AND:
		return ask_json(node->left, o) && ask_json(node->right, o);
	case NODE_OR:
		return ask_json(node->left, o) || ask_json(node->right, o);
	case NODE_TEST:
		if (walk(&w, node->path, o))
			return true;
		return node->test == TEST_NOT_EXISTS && !w.exists;
	}
	return false;
}

static bool
match_json(const struct log_pattern *p, const char *text, size_t len)
{
	_cleanup_json_ struct json_object *o = NULL;

	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	if (len == 0 || (*text != '{' && *text != '['))
		return false;
	while (isspace((unsigned char)text[len - 1]))
		len--;
	return json_parse(text, len, &o, NULL) == 0 && ask_json(p->root, o);
}

/* --- terms --- */

static bool
has_term(const struct pattern_term *t, const char *text, size_t len)
{
	if (t->regex != NULL)
		return log_regex_match(t->regex, text, len);
	return memmem(text, len, t->text.s, t->text.len) != NULL;
}

static bool
match_terms(const struct log_pattern *p, const char *text, size_t len)
{
	bool any = p->terms == NULL || p->has_required;

	for (const struct pattern_term *t = p->terms; t != NULL; t = t->next) {
		if (t->kind == TERM_OPTIONAL)
			any = any || has_term(t, text, len);
		else if (has_term(t, text, len) != (t->kind == TERM_REQUIRED))
			return false;
	}
	return any;
}

bool
log_pattern_match(const struct log_pattern *p, const char *text, size_t len)
{
	switch (p->kind) {
	case PATTERN_TERMS:
		return match_terms(p, text, len);
	case PATTERN_JSON:
		return match_json(p, text, len);
	case PATTERN_WORDS:
		return match_words(p, text, len);
	}
	return false;
}
