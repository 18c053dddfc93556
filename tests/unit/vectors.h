/* SPDX-License-Identifier: MIT */
/*
 * vectors: a decision as a table of its conditions (MC/DC).
 *
 * A row has one letter a condition, in the order of the function's text: T and
 * F as it is written there, '-' where it is not looked at.  For each condition
 * there must be two rows that differ in it alone and in what comes of it;
 * tests/lint/vectors compares the number of conditions with the function.
 */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

struct vector {
	const char *is;
	long want; /* what comes of it */
};

static bool
vectors_agree(const char *a, const char *b, size_t but)
{
	for (size_t i = 0; a[i] != '\0'; i++)
		if (i != but && a[i] != b[i] && a[i] != '-' && b[i] != '-')
			return false;
	return true;
}

static bool
vectors_decide(const struct vector *row, size_t count, size_t condition)
{
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < count; n++)
			if (row[i].is[condition] == 'T' &&
			    row[n].is[condition] == 'F' &&
			    row[i].want != row[n].want &&
			    vectors_agree(row[i].is, row[n].is, condition))
				return true;
	return false;
}

/* The function of that file, and how many conditions it has. */
static void
vectors_complete(const char *file, const char *function, size_t conditions,
    const struct vector *row, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(strlen(row[i].is), conditions);
	for (size_t i = 0; i < conditions; i++)
		if (!vectors_decide(row, count, i))
			fail_msg("%s: %s: no two rows show condition %zu", file,
			    function, i + 1);
}

#define VECTORS_COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
