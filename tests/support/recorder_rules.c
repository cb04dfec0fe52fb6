/* recorder_rules.c — how the recorder is told to answer. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/recorder_internal.h"

void *recorder_need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

char *recorder_text(const char *s, size_t len)
{
	char *copy = recorder_need(malloc(len + 1));

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

static struct answer answer_copy(const struct answer *a)
{
	struct answer copy = *a;
	size_t len = a->body_len ? a->body_len : a->body ? strlen(a->body) : 0;

	copy.headers = a->headers ? recorder_text(a->headers, strlen(a->headers)) : NULL;
	copy.body = a->body ? recorder_text(a->body, len) : NULL;
	copy.body_len = len;
	return copy;
}

static void rule_free(struct rule *rule)
{
	free((char *)(uintptr_t)rule->answer.headers);
	free((char *)(uintptr_t)rule->answer.body);
	free(rule->prefix);
	free(rule);
}

static void add_rule(struct recorder *r, struct rule rule)
{
	struct rule *kept = recorder_need(malloc(sizeof(*kept)));

	*kept = rule;
	pthread_mutex_lock(&r->lock);
	kept->next = r->rules;
	r->rules = kept;
	pthread_mutex_unlock(&r->lock);
}

void recorder_answer(struct recorder *r, const char *prefix, const struct answer *a)
{
	add_rule(r, (struct rule){.prefix = recorder_text(prefix, strlen(prefix)),
			    .answer = answer_copy(a)});
}

void recorder_answer_next(
	struct recorder *r, const char *prefix, unsigned times, const struct answer *a)
{
	add_rule(r, (struct rule){.prefix = recorder_text(prefix, strlen(prefix)),
			    .counted = true,
			    .times = times,
			    .answer = answer_copy(a)});
}

void recorder_answer_by(struct recorder *r, const char *prefix, recorder_fn *fn, void *ctx)
{
	add_rule(r, (struct rule){
			    .prefix = recorder_text(prefix, strlen(prefix)), .fn = fn, .ctx = ctx});
}

bool recorder_begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Is rule a, which is older than b, to be used rather than it? */
static bool better(const struct rule *a, const struct rule *b)
{
	size_t la = strlen(a->prefix), lb = b ? strlen(b->prefix) : 0;

	if (!b || la != lb)
		return !b || la > lb;
	return a->counted; /* of counted ones the oldest, of others the newest */
}

/* Under the lock. Rules that are used up stay where they are: answers under way point to them. */
struct rule *recorder_rule(struct recorder *r, const char *target)
{
	struct rule *best = NULL;

	for (struct rule *rule = r->rules; rule; rule = rule->next) {
		if (recorder_begins(target, rule->prefix) && (!rule->counted || rule->times > 0) &&
			better(rule, best))
			best = rule;
	}
	if (best && best->counted)
		best->times--;
	return best;
}

void recorder_rules_free(struct recorder *r)
{
	for (struct rule *rule; (rule = r->rules);) {
		r->rules = rule->next;
		rule_free(rule);
	}
}
