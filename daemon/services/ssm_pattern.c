/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions by PCRE2, whose dialect is nearest to Java's (see ssm_pattern.h).
 */
#include "daemon/services/ssm_pattern.h"

#include <errno.h>
#include <stddef.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps, levels and KiB of one match: a pattern that tries every way there is must not hold up the
 * loop. 20 000 steps take under a millisecond. */
#define MATCH_STEPS 20000
#define MATCH_DEPTH 500
#define MATCH_HEAP_KIB 512

int
ssm_pattern_match(const char *pattern, const char *value)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = NULL;
	PCRE2_SIZE at;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
	int r = -EINVAL;

	if (code != NULL && limits != NULL) {
		pcre2_set_match_limit(limits, MATCH_STEPS);
		pcre2_set_depth_limit(limits, MATCH_DEPTH);
		pcre2_set_heap_limit(limits, MATCH_HEAP_KIB);
		data = pcre2_match_data_create(1, NULL);
		r = data != NULL && pcre2_match(code, (PCRE2_SPTR)value, PCRE2_ZERO_TERMINATED, 0,
					0, data, limits) >= 0;
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	pcre2_code_free(code);
	return r;
}
