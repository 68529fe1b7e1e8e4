/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading filter patterns (see log_pattern.h): one pass over the text by recursive descent.
 * Patterns are short, so what is read is bounded by that; nesting has a limit of its own.
 */
#include "daemon/services/log_pattern.h"

#include "daemon/services/log_pattern_ast.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 32
#define NAME_MAX_BYTES 256
#define INDEX_MAX_DIGITS 6

struct reader {
	struct log_pattern *pattern;
	const char *p; /* what is left; the text ends with a NUL */
	int depth;
	struct err *e;
};

static int read_or(struct reader *rd, struct pattern_node **ret);

static int
invalid(struct reader *rd)
{
	return err_set(rd->e, ERR_INVALID_PARAMETER, "Invalid filter pattern");
}

static void
skip_space(struct reader *rd)
{
	rd->p += strspn(rd->p, " \t\r\n");
}

/* Takes a sign, after white space. */
static bool
take(struct reader *rd, const char *sign)
{
	skip_space(rd);
	if (!has_prefix(rd->p, sign))
		return false;
	rd->p += strlen(sign);
	return true;
}

/* Takes a word of the language ("IS"), which is not part of a longer one. */
static bool
take_word(struct reader *rd, const char *word)
{
	size_t len = strlen(word);

	skip_space(rd);
	if (strncasecmp(rd->p, word, len) != 0 || isalnum((unsigned char)rd->p[len]) ||
	    rd->p[len] == '_')
		return false;
	rd->p += len;
	return true;
}

/* --- texts --- */

/* Behind the opening quote: up to the closing one, with backslashes taken away. */
static int
read_quoted(struct reader *rd, char quote, struct pattern_text *ret)
{
	char *out = arena_alloc(&rd->pattern->arena, strlen(rd->p) + 1);
	size_t n = 0;

	while (*rd->p != quote) {
		if (*rd->p == '\\' && (rd->p[1] == quote || rd->p[1] == '\\'))
			rd->p++;
		if (*rd->p == '\0')
			return invalid(rd);
		out[n++] = *rd->p++;
	}
	rd->p++;
	*ret = (struct pattern_text){ out, n };
	return 0;
}

/* Behind the opening '%'. */
static int
read_regex(struct reader *rd, const struct log_regex **ret)
{
	struct log_pattern *pattern = rd->pattern;
	const char *start = rd->p;
	struct log_regex *re;

	while (*rd->p != '%' && *rd->p != '\0')
		rd->p += *rd->p == '\\' && rd->p[1] != '\0' ? 2 : 1;
	if (*rd->p == '\0' || pattern->n_regexes == LOG_PATTERN_REGEXES_MAX)
		return invalid(rd);
	re = log_regex_new(start, (size_t)(rd->p - start));
	if (re == NULL)
		return invalid(rd);
	pattern->regexes[pattern->n_regexes++] = re;
	rd->p++;
	*ret = re;
	return 0;
}

static bool
is_number(const struct pattern_text *t, double *ret)
{
	char buf[64];
	char *end;

	if (t->len == 0 || t->len >= sizeof(buf) || strspn(t->s, "0123456789+-.eE") < t->len)
		return false;
	memcpy(buf, t->s, t->len);
	buf[t->len] = '\0';
	*ret = strtod(buf, &end);
	return *end == '\0' && end != buf;
}

static int
read_value(struct reader *rd, struct pattern_value *ret)
{
	skip_space(rd);
	if (*rd->p == '"') {
		rd->p++;
		return read_quoted(rd, '"', &ret->text);
	}
	if (*rd->p == '%') {
		rd->p++;
		return read_regex(rd, &ret->regex);
	}
	ret->text.s = rd->p;
	ret->text.len = strcspn(rd->p, " \t\r\n\"'()&|=<>!,[]{}%");
	if (ret->text.len == 0)
		return invalid(rd);
	rd->p += ret->text.len;
	ret->is_number = is_number(&ret->text, &ret->number);
	return 0;
}

/* --- conditions --- */

static struct pattern_step *
add_step(struct reader *rd, struct pattern_step ***tail)
{
	struct pattern_step *step = arena_alloc(&rd->pattern->arena, sizeof(*step));

	**tail = step;
	*tail = &step->next;
	return step;
}

/* Behind '[': an index, '*' or a quoted name. */
static int
read_bracket(struct reader *rd, struct pattern_step *step)
{
	struct pattern_text name = { 0 };
	size_t digits;

	if (*rd->p == '*') {
		rd->p++;
		step->kind = STEP_ALL;
	} else if (*rd->p == '"' || *rd->p == '\'') {
		char quote = *rd->p++;
		int r = read_quoted(rd, quote, &name);

		if (r < 0)
			return r;
		step->kind = STEP_NAME;
		step->name = name.s; /* ends with a NUL: the room was zeroed */
	} else {
		digits = strspn(rd->p, "0123456789");
		if (digits == 0 || digits > INDEX_MAX_DIGITS)
			return invalid(rd);
		step->kind = STEP_INDEX;
		step->index = strtoul(rd->p, NULL, 10);
		rd->p += digits;
	}
	if (*rd->p != ']')
		return invalid(rd);
	rd->p++;
	return 0;
}

/* "$.a.b[0]['c d'].*" */
static int
read_selector(struct reader *rd, struct pattern_step **ret)
{
	struct pattern_step *first = NULL, **tail = &first;

	if (!take(rd, "$"))
		return invalid(rd);
	while (*rd->p == '.' || *rd->p == '[') {
		bool bracket = *rd->p++ == '[';
		struct pattern_step *step = add_step(rd, &tail);
		size_t len = strcspn(rd->p, " \t\r\n\"'()&|=<>!,[]{}%.*");
		int r = bracket ? read_bracket(rd, step) : 0;

		if (r < 0)
			return r;
		if (bracket)
			continue;
		if (*rd->p == '*') {
			rd->p++;
			step->kind = STEP_ALL;
			continue;
		}
		if (len == 0 || len > NAME_MAX_BYTES)
			return invalid(rd);
		step->kind = STEP_NAME;
		step->name = arena_printf(&rd->pattern->arena, "%.*s", (int)len, rd->p);
		rd->p += len;
	}
	if (first == NULL)
		return invalid(rd);
	*ret = first;
	return 0;
}

static bool
read_word_test(struct reader *rd, enum pattern_test *ret)
{
	if (take_word(rd, "IS")) {
		*ret = take_word(rd, "NULL")    ? TEST_NULL
		       : take_word(rd, "TRUE")  ? TEST_TRUE
		       : take_word(rd, "FALSE") ? TEST_FALSE
						: TEST_ANY;
		return true;
	}
	if (take_word(rd, "NOT")) {
		*ret = take_word(rd, "EXISTS") ? TEST_NOT_EXISTS : TEST_ANY;
		return true;
	}
	*ret = TEST_EXISTS;
	return take_word(rd, "EXISTS");
}

static bool
read_comparison(struct reader *rd, enum pattern_test *ret)
{
	/* clang-format off */
	static const struct {
		const char *sign;
		enum pattern_test test;
	} signs[] = { /* the longer ones first */
		{ "!=", TEST_NE },
		{ "<=", TEST_LE },
		{ ">=", TEST_GE },
		{ "=",  TEST_EQ },
		{ "<",  TEST_LT },
		{ ">",  TEST_GT },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (!take(rd, signs[i].sign))
			continue;
		*ret = signs[i].test;
		return true;
	}
	return false;
}

static int
read_test(struct reader *rd, struct pattern_node *node)
{
	bool json = rd->pattern->kind == PATTERN_JSON;
	int r = 0;

	node->kind = NODE_TEST;
	skip_space(rd);
	if (json) {
		r = read_selector(rd, &node->path);
	} else {
		node->name.s = rd->p;
		while (isalnum((unsigned char)*rd->p) || *rd->p == '_' || *rd->p == '-' ||
		       *rd->p == '$')
			rd->p++;
		node->name.len = (size_t)(rd->p - node->name.s);
	}
	if (r < 0)
		return r;
	if (json && read_word_test(rd, &node->test))
		return node->test == TEST_ANY ? invalid(rd) : 0;
	if (!read_comparison(rd, &node->test))
		return json || node->name.len == 0 ? invalid(rd) : 0;
	r = read_value(rd, &node->value);
	if (r < 0)
		return r;
	/* Only equality can be asked of what is no number. */
	if (node->test > TEST_NE && !node->value.is_number)
		return invalid(rd);
	return 0;
}

static int
read_primary(struct reader *rd, struct pattern_node **ret)
{
	int r;

	if (!take(rd, "(")) {
		*ret = arena_alloc(&rd->pattern->arena, sizeof(**ret));
		return read_test(rd, *ret);
	}
	if (++rd->depth > DEPTH_MAX)
		return invalid(rd);
	r = read_or(rd, ret);
	rd->depth--;
	if (r == 0 && !take(rd, ")"))
		return invalid(rd);
	return r;
}

static struct pattern_node *
join(struct reader *rd, bool is_and, struct pattern_node *left)
{
	struct pattern_node *node = arena_alloc(&rd->pattern->arena, sizeof(*node));

	node->kind = is_and ? NODE_AND : NODE_OR;
	node->left = left;
	return node;
}

static int
read_and(struct reader *rd, struct pattern_node **ret)
{
	int r = read_primary(rd, ret);

	while (r == 0 && take(rd, "&&")) {
		*ret = join(rd, true, *ret);
		r = read_primary(rd, &(*ret)->right);
	}
	return r;
}

static int
read_or(struct reader *rd, struct pattern_node **ret)
{
	int r = read_and(rd, ret);

	while (r == 0 && take(rd, "||")) {
		*ret = join(rd, false, *ret);
		r = read_and(rd, &(*ret)->right);
	}
	return r;
}

/* --- the three kinds of pattern --- */

static int
read_json(struct reader *rd)
{
	int r = read_or(rd, &rd->pattern->root);

	return r == 0 && !take(rd, "}") ? invalid(rd) : r;
}

/* Each place tells of one word: every condition in it has the same name. */
static bool
has_one_name(const struct pattern_node *node, const struct pattern_text **name)
{
	if (node->kind != NODE_TEST)
		return has_one_name(node->left, name) && has_one_name(node->right, name);
	if (*name == NULL)
		*name = &node->name;
	return node->name.len == (*name)->len &&
	       memcmp(node->name.s, (*name)->s, (*name)->len) == 0;
}

static int
read_words(struct reader *rd)
{
	struct pattern_word **tail = &rd->pattern->words;
	bool open = false;

	do {
		const struct pattern_text *name = NULL;
		struct pattern_word *word = arena_alloc(&rd->pattern->arena, sizeof(*word));
		int r;

		*tail = word;
		tail = &word->next;
		if (take(rd, "...")) {
			if (open)
				return invalid(rd);
			open = true;
			continue;
		}
		r = read_or(rd, &word->node);
		if (r < 0)
			return r;
		if (!has_one_name(word->node, &name))
			return invalid(rd);
	} while (take(rd, ","));
	return take(rd, "]") ? 0 : invalid(rd);
}

static int
read_bare(struct reader *rd, struct pattern_text *ret)
{
	size_t len = strcspn(rd->p, " \t\r\n");

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)rd->p[i];

		if (c < 0x80 && !isalnum(c) && c != '_')
			return err_set(rd->e, ERR_INVALID_PARAMETER,
			    "Invalid character(s) in term '%.*s'", (int)len, rd->p);
	}
	if (len == 0)
		return invalid(rd);
	*ret = (struct pattern_text){ rd->p, len };
	rd->p += len;
	return 0;
}

static int
read_terms(struct reader *rd)
{
	struct pattern_term **tail = &rd->pattern->terms;
	int r = 0;

	for (skip_space(rd); r == 0 && *rd->p != '\0'; skip_space(rd)) {
		struct pattern_term *term = arena_alloc(&rd->pattern->arena, sizeof(*term));

		*tail = term;
		tail = &term->next;
		term->kind = *rd->p == '?'   ? TERM_OPTIONAL
			     : *rd->p == '-' ? TERM_EXCLUDED
					     : TERM_REQUIRED;
		rd->p += term->kind != TERM_REQUIRED;
		if (*rd->p == '"' || *rd->p == '%') {
			r = *rd->p++ == '"' ? read_quoted(rd, '"', &term->text)
					    : read_regex(rd, &term->regex);
			if (r == 0 && *rd->p != '\0' && !isspace((unsigned char)*rd->p))
				r = invalid(rd);
		} else {
			r = read_bare(rd, &term->text);
		}
		if (term->kind != TERM_OPTIONAL)
			rd->pattern->has_required = true;
	}
	return r;
}

int
log_pattern_parse(const char *text, struct log_pattern **ret, struct err *e)
{
	struct log_pattern *pattern;
	struct reader rd = { .e = e };
	int r;

	if (strlen(text) > LOG_PATTERN_MAX)
		return invalid(&rd);
	pattern = xcalloc(1, sizeof(*pattern));
	rd.pattern = pattern;
	rd.p = arena_strdup(&pattern->arena, text);
	if (take(&rd, "{")) {
		pattern->kind = PATTERN_JSON;
		r = read_json(&rd);
	} else if (take(&rd, "[")) {
		pattern->kind = PATTERN_WORDS;
		r = read_words(&rd);
	} else {
		r = read_terms(&rd);
	}
	skip_space(&rd);
	if (r == 0 && *rd.p != '\0')
		r = invalid(&rd);
	if (r < 0)
		log_pattern_free(pattern);
	else
		*ret = pattern;
	return r;
}

void
log_pattern_free(struct log_pattern *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_regexes; i++)
		log_regex_free(p->regexes[i]);
	arena_done(&p->arena);
	free(p);
}
