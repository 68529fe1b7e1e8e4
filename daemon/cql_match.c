/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluates an expression of the cluster query language against one instance, and knows what its
 * dates, versions and regular expressions mean. What is asked of an attribute that the instance
 * does not have is false, whichever way it is asked: exists is there to ask that.
 */
#include "daemon/cql_ast.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REGEX_TEXT_MAX 255   /* bytes of a pattern */
#define REGEX_REPEAT_MAX 256 /* of all {n,m} of a pattern together: glibc unrolls them */
#define REGEX_DEPTH_MAX 16   /* of its parentheses */

/* --- dates --- */

static int
two_digits(const char **at, char before, int lowest, int highest, int *ret)
{
	const char *s = *at;

	if (*s != before || !isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[2]))
		return -EINVAL;
	*ret = (s[1] - '0') * 10 + (s[2] - '0');
	*at = s + 3;
	return *ret < lowest || *ret > highest ? -EINVAL : 0;
}

/* "Z", "+hh", "+hh:mm" or nothing: seconds to take away. */
static int
read_offset(const char *at, int64_t *ret_s)
{
	int hours = 0, minutes = 0;
	char sign = *at;

	*ret_s = 0;
	if (streq(at, "") || streq(at, "Z"))
		return 0;
	if ((sign != '+' && sign != '-') || two_digits(&at, sign, 0, 23, &hours) < 0)
		return -EINVAL;
	if (*at != '\0' && two_digits(&at, ':', 0, 59, &minutes) < 0)
		return -EINVAL;
	*ret_s = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
	return *at == '\0' ? 0 : -EINVAL;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* The parts of a date in their order; the table makes the reader a walk. */
enum { MONTH, DAY, HOUR, MINUTE, SECOND, PART_MAX };
static const struct {
	char before;
	int lowest, highest;
} parts[PART_MAX] = {
	[MONTH] = { '-', 1, 12 },
	[DAY] = { '-', 1, 31 },
	[HOUR] = { 'T', 0, 23 },
	[MINUTE] = { ':', 0, 59 },
	[SECOND] = { ':', 0, 59 },
};

static int64_t
to_ms(int year, const int *part)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = part[MONTH] - 1,
		.tm_mday = part[DAY],
		.tm_hour = part[HOUR],
		.tm_min = part[MINUTE],
		.tm_sec = part[SECOND],
	};

	return timegm(&tm) * 1000;
}

int
cql_read_date(const char *text, int64_t *ret_from_ms, int64_t *ret_to_ms)
{
	int part[PART_MAX] = { 1, 1, 0, 0, 0 };
	int64_t offset_s = 0;
	int year = 0, n = 0;
	const char *at = text;

	for (; at < text + 4; at++) {
		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		year = year * 10 + (*at - '0');
	}
	for (; n < PART_MAX && *at == parts[n].before; n++)
		if (two_digits(&at, parts[n].before, parts[n].lowest, parts[n].highest, &part[n]) <
		    0)
			return -EINVAL;
	if (part[DAY] > days_of(year, part[MONTH]) ||
	    (n <= HOUR ? *at != '\0' : read_offset(at, &offset_s) < 0))
		return -EINVAL;
	*ret_from_ms = to_ms(year, part) - offset_s * 1000;
	if (n == 0) /* only a year is known */
		year++;
	else
		part[n - 1]++;
	*ret_to_ms = to_ms(year, part) - offset_s * 1000;
	return 0;
}

/* --- regular expressions --- */

struct rewrite {
	char out[REGEX_TEXT_MAX * 6 + 1];
	size_t len;
	int depth;
	int64_t repeat;
};

static void
put(struct rewrite *w, const char *s, size_t n)
{
	memcpy(w->out + w->len, s, n);
	w->len += n;
}

/* "{3}", "{2,5}": at the brace. */
static int
count_repeat(struct rewrite *w, const char *at)
{
	int64_t number = 0, most = 1;

	for (at++; *at != '\0' && *at != '}'; at++) {
		if (*at != ',' && !isdigit((unsigned char)*at))
			return -EINVAL;
		number = *at == ',' ? 0 : number * 10 + (*at - '0');
		if (number > REGEX_REPEAT_MAX)
			return -EINVAL;
		most = number > most ? number : most;
	}
	w->repeat *= most;
	return w->repeat > REGEX_REPEAT_MAX ? -EINVAL : 0;
}

/* What Java writes behind a backslash; returns how many characters were taken, 0 where POSIX has
 * no such thing. */
static size_t
put_escape(struct rewrite *w, const char *at)
{
	char ch = at[1];

	if (ch == 'd')
		put(w, "[0-9]", 5);
	else if (ch == 'D')
		put(w, "[^0-9]", 6);
	else if (ch != '\0' && (strchr("wWsSbB", ch) != NULL || ispunct((unsigned char)ch)))
		put(w, at, 2);
	else
		return 0;
	return 2;
}

/* "[a-z\\d]": a backslash is an ordinary character to POSIX. Returns the length, 0 without an end.
 */
static size_t
put_brackets(struct rewrite *w, const char *at)
{
	const char *end = at + 1;

	if (*end == '^')
		end++;
	if (*end == ']')
		end++;
	while (*end != '\0' && *end != ']') {
		if (*end == '\\')
			return 0;
		end++;
	}
	if (*end == '\0')
		return 0;
	put(w, at, (size_t)(end + 1 - at));
	return (size_t)(end + 1 - at);
}

/* Returns how many characters of the pattern were taken, 0 where it cannot be. */
static size_t
rewrite_one(struct rewrite *w, const char *at)
{
	if (*at == '\\')
		return put_escape(w, at);
	if (*at == '[')
		return put_brackets(w, at);
	if (*at == '{' && count_repeat(w, at) < 0)
		return 0;
	if (*at == '(' && ++w->depth > REGEX_DEPTH_MAX)
		return 0;
	if (*at == ')' && --w->depth < 0)
		return 0;
	put(w, at, 1);
	if (has_prefix(at, "(?:"))
		return 3;
	return has_prefix(at, "(?") ? 0 : 1;
}

int
cql_read_regex(const char *text, regex_t *ret, const char **ret_why)
{
	struct rewrite w = { .repeat = 1 };
	size_t n;

	*ret_why = "a regular expression of more than 255 characters";
	if (strlen(text) > REGEX_TEXT_MAX)
		return -EINVAL;
	*ret_why = "a regular expression that cannot be read";
	for (; *text != '\0'; text += n) {
		n = rewrite_one(&w, text);
		if (n == 0)
			return -EINVAL;
	}
	w.out[w.len] = '\0';
	return w.depth == 0 && regcomp(ret, w.out, REG_EXTENDED) == 0 ? 0 : -EINVAL;
}

/* The whole text, not a part of it. The leftmost longest match is all of it, if any is. */
static bool
matches(const struct cql_node *n, const char *text)
{
	regmatch_t m;

	return regexec(n->regex, text, 1, &m, 0) == 0 && m.rm_so == 0 &&
	       m.rm_eo == (regoff_t)strlen(text);
}

/* --- comparisons --- */

/* Numbers by value wherever they are in the texts: 1.9 is before 1.10. */
static int
compare_versions(const char *a, const char *b)
{
	int r = strverscmp(a, b);

	return (r > 0) - (r < 0);
}

/* "1.5" and "1.50" are versions; what is only a number is compared as one. */
static int
compare_texts(const char *a, const char *b)
{
	char *end_a, *end_b;
	double x = strtod(a, &end_a), y = strtod(b, &end_b);

	if (end_a != a && end_b != b && *end_a == '\0' && *end_b == '\0')
		return (x > y) - (x < y);
	return compare_versions(a, b);
}

static bool
holds(enum cql_op op, int order)
{
	switch (op) {
	case CQL_EQ:
	case CQL_IN:
		return order == 0;
	case CQL_NE:
	case CQL_NOT_IN:
		return order != 0;
	case CQL_GT:
		return order > 0;
	case CQL_GE:
		return order >= 0;
	case CQL_LT:
		return order < 0;
	case CQL_LE:
		return order <= 0;
	default:
		return false;
	}
}

/* How an instance stands to an argument: below, equal, above. */
static int
order_of(const struct cql_node *n, const struct cql_instance *i, const char *text,
    const struct cql_arg *arg)
{
	switch (n->subject) {
	case CQL_REGISTERED_AT:
		return (i->registered_at_ms >= arg->to_ms) - (i->registered_at_ms < arg->from_ms);
	case CQL_RUNNING_TASKS:
		return (i->running_tasks > arg->number) - (i->running_tasks < arg->number);
	case CQL_AGENT_CONNECTED:
		return i->agent_connected != (strcasecmp(arg->text, "true") == 0);
	case CQL_AGENT_VERSION:
		return compare_versions(text, arg->text);
	default:
		if (n->op == CQL_EQ || n->op == CQL_NE || n->op == CQL_IN || n->op == CQL_NOT_IN)
			return strcmp(text, arg->text);
		return compare_texts(text, arg->text);
	}
}

/* One text (or none, where the subject is no text) against the arguments, `op` without its "not":
 * any of them will do. */
static bool
any_arg(const struct cql_node *n, enum cql_op op, const struct cql_instance *i, const char *text)
{
	if (op == CQL_MATCHES)
		return matches(n, text);
	for (const struct cql_arg *arg = n->args; arg != NULL; arg = arg->next)
		if (holds(op, order_of(n, i, text, arg)))
			return true;
	return false;
}

/* The operator without its "not", where it has one. */
static enum cql_op
positive(enum cql_op op)
{
	switch (op) {
	case CQL_NE:
		return CQL_EQ;
	case CQL_NOT_IN:
		return CQL_IN;
	case CQL_NOT_MATCHES:
		return CQL_MATCHES;
	case CQL_NOT_EXISTS:
		return CQL_EXISTS;
	default:
		return op;
	}
}

static bool
compare_groups(const struct cql_node *n, enum cql_op op, const struct cql_instance *i)
{
	const struct str_list *groups = i->groups(i->cookie);

	if (op == CQL_EXISTS)
		return groups->n > 0;
	for (size_t k = 0; k < groups->n; k++)
		if (any_arg(n, op, i, groups->v[k]))
			return true;
	return false;
}

static bool
compare(const struct cql_node *n, const struct cql_instance *i)
{
	enum cql_op op = positive(n->op);
	bool negated = op != n->op;
	const char *text = "";

	if (n->subject == CQL_TASK_GROUP)
		return compare_groups(n, op, i) != negated;
	if (n->subject == CQL_AGENT_VERSION)
		text = i->agent_version;
	else if (n->subject == CQL_EC2_INSTANCE_ID)
		text = i->ec2_instance_id;
	else if (n->subject == CQL_ATTRIBUTE)
		text = i->attribute(n->attribute, i->cookie);
	if (op == CQL_EXISTS)
		return (text != NULL) != negated;
	return text != NULL && any_arg(n, op, i, text) != negated;
}

static bool
evaluate(const struct cql_node *n, const struct cql_instance *i)
{
	switch (n->kind) {
	case CQL_OR:
		return evaluate(n->left, i) || evaluate(n->right, i);
	case CQL_AND:
		return evaluate(n->left, i) && evaluate(n->right, i);
	case CQL_NOT:
		return !evaluate(n->left, i);
	default:
		return compare(n, i);
	}
}

bool
cql_match(const struct cql *q, const struct cql_instance *i)
{
	return evaluate(q->root, i);
}
