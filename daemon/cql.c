/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads expressions of the cluster query language: words, then recursive descent into a tree. What
 * a comparison can compare is checked here, so that evaluating cannot fail. The text comes from
 * clients: length, depth and regular expressions are bounded.
 */
#include "daemon/cql_ast.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 32 /* of parentheses and nots */

enum token {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_TEXT, /* quoted */
	TOKEN_SIGN, /* an operator of signs, a bracket, a comma */
};

struct reader {
	const char *text;
	size_t at; /* behind the present token */
	enum token token;
	size_t start; /* of the present token */
	const char *word;
	struct arena *arena;
	struct cql *query;
	enum err_kind bad;
	unsigned depth;
	struct err *e;
};

/* The longer of two signs that begin alike comes first. */
static const char *const signs[] = { "==", "!=", ">=", "<=", "=~", "!~", "&&", "||", ">", "<", "!",
	"(", ")", "[", "]", "," };

/* clang-format off */
static const struct {
	const char *name;
	unsigned ops; /* BITs of enum cql_op */
} subjects[CQL_SUBJECT_MAX] = {
#define OPS_EQUAL   (BIT(CQL_EQ) | BIT(CQL_NE) | BIT(CQL_IN) | BIT(CQL_NOT_IN) | BIT(CQL_EXISTS) | BIT(CQL_NOT_EXISTS))
#define OPS_ORDER   (BIT(CQL_GT) | BIT(CQL_GE) | BIT(CQL_LT) | BIT(CQL_LE))
#define OPS_PATTERN (BIT(CQL_MATCHES) | BIT(CQL_NOT_MATCHES))
	[CQL_AGENT_CONNECTED] = { "agentConnected",    OPS_EQUAL },
	[CQL_AGENT_VERSION]   = { "agentVersion",      OPS_EQUAL | OPS_ORDER | OPS_PATTERN },
	[CQL_EC2_INSTANCE_ID] = { "ec2InstanceId",     OPS_EQUAL | OPS_PATTERN },
	[CQL_REGISTERED_AT]   = { "registeredAt",      OPS_EQUAL | OPS_ORDER },
	[CQL_RUNNING_TASKS]   = { "runningTasksCount", OPS_EQUAL | OPS_ORDER },
	[CQL_ATTRIBUTE]       = { "attribute:",        OPS_EQUAL | OPS_ORDER | OPS_PATTERN },
	[CQL_TASK_GROUP]      = { "task:group",        OPS_EQUAL | OPS_PATTERN },
};

static const struct {
	const char *sign;
	const char *word;
} operators[CQL_OP_MAX] = {
	[CQL_EQ]          = { "==", "equals" },
	[CQL_NE]          = { "!=", "not_equals" },
	[CQL_GT]          = { ">",  "greater_than" },
	[CQL_GE]          = { ">=", "greater_than_equal" },
	[CQL_LT]          = { "<",  "less_than" },
	[CQL_LE]          = { "<=", "less_than_equal" },
	[CQL_MATCHES]     = { "=~", "matches" },
	[CQL_NOT_MATCHES] = { "!~", "not_matches" },
	[CQL_IN]          = { NULL, "in" },
	[CQL_NOT_IN]      = { NULL, "not_in" },
	[CQL_EXISTS]      = { NULL, "exists" },
	[CQL_NOT_EXISTS]  = { NULL, "not_exists" },
};
/* clang-format on */

/* --- words --- */

static int
fail_at(struct reader *r, size_t at, const char *what)
{
	return err_set(r->e, r->bad, "Invalid Expression: %s at position %zu", what, at + 1);
}

/* What ends a word. */
static bool
is_special(char ch)
{
	return ch == '\0' || isspace((unsigned char)ch) || strchr("()[],\"'=!<>&|", ch) != NULL;
}

static void
take(struct reader *r, enum token token, size_t from, size_t to)
{
	char *word = arena_alloc(r->arena, to - from + 1);

	memcpy(word, r->text + from, to - from);
	r->word = word;
	r->token = token;
}

static int
take_quoted(struct reader *r)
{
	char quote = r->text[r->start];
	const char *end = strchr(r->text + r->start + 1, quote);

	if (end == NULL)
		return fail_at(r, r->start, "a quote without its end");
	take(r, TOKEN_TEXT, r->start + 1, (size_t)(end - r->text));
	r->at = (size_t)(end - r->text) + 1;
	return 0;
}

static void
skip_space(struct reader *r)
{
	while (isspace((unsigned char)r->text[r->at]))
		r->at++;
	r->start = r->at;
}

/* Goes to the next token. */
static int
advance(struct reader *r)
{
	const char *at;

	skip_space(r);
	at = r->text + r->at;
	if (*at == '\0') {
		r->token = TOKEN_END;
		r->word = "the end";
		return 0;
	}
	if (*at == '"' || *at == '\'')
		return take_quoted(r);
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (has_prefix(at, signs[i])) {
			r->token = TOKEN_SIGN;
			r->word = signs[i];
			r->at += strlen(signs[i]);
			return 0;
		}
	if (is_special(*at))
		return fail_at(r, r->start, "an unexpected character");
	while (!is_special(r->text[r->at]))
		r->at++;
	take(r, TOKEN_WORD, r->start, r->at);
	return 0;
}

/* The argument of =~ without quotes: up to white space, && or ||, or a parenthesis that it did not
 * open, because a regular expression is full of signs. */
static int
advance_pattern(struct reader *r)
{
	int open = 0;

	skip_space(r);
	if (r->text[r->at] == '"' || r->text[r->at] == '\'')
		return take_quoted(r);
	for (;; r->at++) {
		char ch = r->text[r->at];

		if (ch == '\0' || isspace((unsigned char)ch) || has_prefix(r->text + r->at, "&&") ||
		    has_prefix(r->text + r->at, "||") || (ch == ')' && open == 0))
			break;
		if (ch == '\\' && r->text[r->at + 1] != '\0')
			r->at++;
		else if (ch == '(')
			open++;
		else if (ch == ')')
			open--;
	}
	if (r->at == r->start)
		return fail_at(r, r->start, "a regular expression is missing");
	take(r, TOKEN_WORD, r->start, r->at);
	return 0;
}

static bool
is_sign(const struct reader *r, const char *sign)
{
	return r->token == TOKEN_SIGN && streq(r->word, sign);
}

static bool
is_word(const struct reader *r, const char *word)
{
	return r->token == TOKEN_WORD && strcasecmp(r->word, word) == 0;
}

/* --- comparisons --- */

static int
read_subject(struct reader *r, struct cql_node *n)
{
	if (r->token == TOKEN_END)
		return fail_at(r, r->start, "it ends where a comparison is expected");
	for (unsigned s = 0; r->token == TOKEN_WORD && s < CQL_SUBJECT_MAX; s++) {
		size_t len = strlen(subjects[s].name);

		n->subject = (enum cql_subject)s;
		if (s == CQL_ATTRIBUTE ? has_prefix(r->word, subjects[s].name)
				       : streq(r->word, subjects[s].name)) {
			n->attribute = r->word + len;
			if (s == CQL_ATTRIBUTE && *n->attribute == '\0')
				return fail_at(r, r->start, "an attribute without a name");
			return advance(r);
		}
	}
	return fail_at(r, r->start, "an unknown subject");
}

/* The operator that the present token is; leaves it there. "!in" and "!exists" are two tokens. */
static int
read_operator(struct reader *r, struct cql_node *n)
{
	size_t start = r->start;
	bool negated = is_sign(r, "!");
	int err = negated ? advance(r) : 0;

	if (err < 0)
		return err;
	for (unsigned op = 0; op < CQL_OP_MAX; op++) {
		bool can_negate = op == CQL_IN || op == CQL_EXISTS;

		if ((negated && !can_negate) ||
		    (!is_word(r, operators[op].word) &&
			(operators[op].sign == NULL || !is_sign(r, operators[op].sign))))
			continue;
		n->op = (enum cql_op)(negated ? op + 1 : op);
		if ((subjects[n->subject].ops & BIT(n->op)) == 0)
			return fail_at(r, start, "an operator that does not fit its subject");
		return 0;
	}
	return fail_at(r, start,
	    r->token == TOKEN_END ? "it ends where an operator is expected"
				  : "an unknown operator");
}

static int
read_number(const char *text, int64_t *ret)
{
	size_t len = strlen(text);

	if (len == 0 || len > 9 || strspn(text, "0123456789") != len)
		return -EINVAL;
	*ret = strtoll(text, NULL, 10);
	return 0;
}

/* One argument, the present token. */
static int
read_arg(struct reader *r, const struct cql_node *n, struct cql_arg **ret)
{
	struct cql_arg *arg = arena_alloc(r->arena, sizeof(*arg));

	if (r->token == TOKEN_END)
		return fail_at(r, r->start, "it ends where a value is expected");
	if (r->token != TOKEN_WORD && r->token != TOKEN_TEXT)
		return fail_at(r, r->start, "a sign where a value is expected");
	arg->text = r->word;
	*ret = arg;
	if (n->subject == CQL_AGENT_CONNECTED && strcasecmp(arg->text, "true") != 0 &&
	    strcasecmp(arg->text, "false") != 0)
		return fail_at(r, r->start, "neither true nor false");
	if (n->subject == CQL_RUNNING_TASKS && read_number(arg->text, &arg->number) < 0)
		return fail_at(r, r->start, "no number");
	if (n->subject == CQL_REGISTERED_AT &&
	    cql_read_date(arg->text, &arg->from_ms, &arg->to_ms) < 0)
		return fail_at(r, r->start, "no date");
	return 0;
}

/* "[a, b]", the present token being the bracket. */
static int
read_list(struct reader *r, struct cql_node *n)
{
	struct cql_arg **tail = &n->args;
	int err;

	if (!is_sign(r, "["))
		return fail_at(r, r->start, "no list in brackets");
	do {
		err = advance(r);
		if (err == 0)
			err = read_arg(r, n, tail);
		if (err == 0)
			err = advance(r);
		if (err < 0)
			return err;
		tail = &(*tail)->next;
	} while (is_sign(r, ","));
	if (!is_sign(r, "]"))
		return fail_at(r, r->start, "a list without its end");
	return advance(r);
}

static int
read_pattern(struct reader *r, struct cql_node *n)
{
	regex_t *regex = arena_alloc(r->arena, sizeof(*regex));
	const char *why;
	int err = advance_pattern(r);

	if (err == 0)
		err = read_arg(r, n, &n->args);
	if (err < 0)
		return err;
	if (cql_read_regex(n->args->text, regex, &why) < 0)
		return fail_at(r, r->start, why);
	n->regex = regex;
	n->next_regex = r->query->regexes;
	r->query->regexes = n;
	return advance(r);
}

static int
read_compare(struct reader *r, struct cql_node **ret)
{
	struct cql_node *n = arena_alloc(r->arena, sizeof(*n));
	int err;

	n->kind = CQL_COMPARE;
	*ret = n;
	err = read_subject(r, n);
	if (err == 0)
		err = read_operator(r, n);
	if (err < 0)
		return err;
	if (n->op == CQL_MATCHES || n->op == CQL_NOT_MATCHES)
		return read_pattern(r, n);
	err = advance(r);
	if (err < 0 || n->op == CQL_EXISTS || n->op == CQL_NOT_EXISTS)
		return err;
	if (n->op == CQL_IN || n->op == CQL_NOT_IN)
		return read_list(r, n);
	err = read_arg(r, n, &n->args);
	return err < 0 ? err : advance(r);
}

/* --- and, or, not --- */

static int read_or(struct reader *r, struct cql_node **ret);

static struct cql_node *
join(struct reader *r, enum cql_kind kind, struct cql_node *left, struct cql_node *right)
{
	struct cql_node *n = arena_alloc(r->arena, sizeof(*n));

	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

static int
read_parenthesis(struct reader *r, struct cql_node **ret)
{
	size_t start = r->start;
	int err = advance(r);

	if (err == 0)
		err = read_or(r, ret);
	if (err < 0)
		return err;
	if (!is_sign(r, ")"))
		return fail_at(r, r->token == TOKEN_END ? start : r->start,
		    r->token == TOKEN_END ? "a parenthesis without its end"
					  : "something unexpected");
	return advance(r);
}

static int
read_not(struct reader *r, struct cql_node **ret)
{
	struct cql_node *inner = NULL;
	int err;

	if (++r->depth > DEPTH_MAX)
		return fail_at(r, r->start, "nested too deeply");
	if (is_word(r, "not") || is_sign(r, "!")) {
		err = advance(r);
		if (err == 0)
			err = read_not(r, &inner);
		*ret = join(r, CQL_NOT, inner, NULL);
	} else if (is_sign(r, "(")) {
		err = read_parenthesis(r, ret);
	} else {
		err = read_compare(r, ret);
	}
	r->depth--;
	return err;
}

static int
read_and(struct reader *r, struct cql_node **ret)
{
	struct cql_node *right = NULL;
	int err = read_not(r, ret);

	while (err == 0 && (is_word(r, "and") || is_sign(r, "&&"))) {
		err = advance(r);
		if (err == 0)
			err = read_not(r, &right);
		*ret = join(r, CQL_AND, *ret, right);
	}
	return err;
}

static int
read_or(struct reader *r, struct cql_node **ret)
{
	struct cql_node *right = NULL;
	int err = read_and(r, ret);

	while (err == 0 && (is_word(r, "or") || is_sign(r, "||"))) {
		err = advance(r);
		if (err == 0)
			err = read_and(r, &right);
		*ret = join(r, CQL_OR, *ret, right);
	}
	return err;
}

int
cql_parse(const char *text, struct arena *a, enum err_kind bad, struct cql **ret, struct err *e)
{
	struct cql *q = arena_alloc(a, sizeof(*q));
	struct reader r = { .text = text, .arena = a, .query = q, .bad = bad, .e = e };
	int err;

	if (strlen(text) > CQL_TEXT_MAX)
		return err_set(
		    e, bad, "Invalid Expression: it can have at most %d characters", CQL_TEXT_MAX);
	err = advance(&r);
	if (err == 0)
		err = read_or(&r, &q->root);
	if (err == 0 && r.token != TOKEN_END)
		err = fail_at(&r, r.start, "something unexpected");
	if (err < 0) {
		cql_done(q);
		return err;
	}
	*ret = q;
	return 0;
}

int
cql_check(const char *text, enum err_kind bad, struct err *e)
{
	_cleanup_arena_ struct arena arena = { 0 };
	struct cql *q = NULL;
	int r = cql_parse(text, &arena, bad, &q, e);

	cql_done(q);
	return r;
}

void
cql_done(struct cql *q)
{
	if (q == NULL)
		return;
	for (struct cql_node *n = q->regexes; n != NULL; n = n->next_regex)
		regfree(n->regex);
	q->regexes = NULL;
}
