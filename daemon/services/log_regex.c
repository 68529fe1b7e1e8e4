/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 behind the limits of filter patterns (see log_regex.h).
 */
#include "daemon/services/log_regex.h"

#include "common/util.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Some milliseconds: `.*x` on a long line would otherwise try every end of every start. */
#define MATCH_STEPS 100000
#define MATCH_HEAP_KIB 1024

struct log_regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

/* Letters, digits and some signs stand for themselves, and there are no groups, so that nothing can
 * be repeated that is itself a repetition. */
static bool
is_taken(const char *text, size_t len)
{
	static const char literals[] = "_#=@/;,-:&!~<> \"'";
	static const char operators[] = "^$?[]{}|*+.";
	static const char escapes[] = "dDsSwWbx\\^$?[]{}|*+./-%";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || c >= 0x80;

		if (c == '\0')
			return false;
		if (c == '\\') {
			i++;
			if (i == len || text[i] == '\0' || strchr(escapes, text[i]) == NULL)
				return false;
		} else if (!word && strchr(literals, c) == NULL && strchr(operators, c) == NULL) {
			return false;
		}
	}
	return len > 0;
}

struct log_regex *
log_regex_new(const char *text, size_t len)
{
	struct log_regex *re;
	PCRE2_SIZE at;
	int why;

	if (!is_taken(text, len))
		return NULL;
	re = xcalloc(1, sizeof(*re));
	re->code = pcre2_compile((PCRE2_SPTR)text, len,
	    PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY,
	    &why, &at, NULL);
	if (re->code == NULL) {
		log_regex_free(re);
		return NULL;
	}
	re->data = pcre2_match_data_create(1, NULL);
	re->limits = pcre2_match_context_create(NULL);
	if (re->data == NULL || re->limits == NULL)
		abort();
	pcre2_set_match_limit(re->limits, MATCH_STEPS);
	pcre2_set_heap_limit(re->limits, MATCH_HEAP_KIB);
	return re;
}

bool
log_regex_match(const struct log_regex *re, const char *text, size_t len)
{
	return pcre2_match(re->code, (PCRE2_SPTR)text, len, 0, 0, re->data, re->limits) >= 0;
}

void
log_regex_free(struct log_regex *re)
{
	if (re == NULL)
		return;
	pcre2_match_context_free(re->limits);
	pcre2_match_data_free(re->data);
	pcre2_code_free(re->code);
	free(re);
}
