/* SPDX-License-Identifier: MIT */
/* instructions: MCP's InitializeResult.instructions of a token.  Executor. */
#include "executor/channel/instructions.h"

#include "executor/policy/facts.h"

static void
add_sentence(void *arg, const char *text)
{
	buf_put_str(arg, text);
}

void
instructions_write(const struct token *t, struct buf *out)
{
	const struct facts f = { t->policy, t, FACTS_BRIEF };

	for (enum facts_topic i = 0; i < FACTS_TOPICS; i++)
		(void)facts_tell(&f, i, add_sentence, out);
}
