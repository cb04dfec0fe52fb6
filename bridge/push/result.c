/* result.c — the common part of judging an answer. */
#include "result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40

const char *push_verdict_name(enum push_verdict v)
{
	static const char *const names[PUSH_VERDICTS] = {[PUSH_DELIVERED] = "delivered",
		[PUSH_RETRY] = "retry",
		[PUSH_DROP] = "drop",
		[PUSH_UNREGISTER] = "unregister",
		[PUSH_ALERT] = "alert"};

	return (unsigned)v < PUSH_VERDICTS ? names[v] : "";
}

__attribute__((format(printf, 3, 0))) static void set(
	struct push_result *out, enum push_verdict verdict, const char *fmt, va_list args)
{
	*out = (struct push_result){.verdict = verdict, .retry_after_ms = -1};
	vsnprintf(out->reason, sizeof(out->reason), fmt, args);
}

void push_result_set(struct push_result *out, enum push_verdict verdict, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(out, verdict, fmt, args);
	va_end(args);
}

void push_result_fault(struct push_result *out, enum push_verdict verdict, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(out, verdict, fmt, args);
	va_end(args);
	out->endpoint_fault = true;
}

bool push_result_word_ok(const char *word)
{
	size_t len = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");

	return len > 0 && len <= WORD_MAX && word[len] == '\0';
}

/* An error of our own HTTP: a sentence in printable ASCII, or nothing. */
static const char *error_of(const struct http_response *r)
{
	for (const char *c = r->error; c && *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return "";
	}
	return r->error ? r->error : "";
}

bool push_result_common(struct push_result *out, const struct http_response *r)
{
	const char *error = error_of(r);

	if (r->status == 0 && r->refused)
		push_result_set(out, PUSH_DROP, "refused%s%s", *error ? ": " : "", error);
	else if (r->status == 0)
		push_result_fault(out, PUSH_RETRY, "no answer%s%s", *error ? ": " : "", error);
	else if (r->status >= 200 && r->status <= 299)
		push_result_set(out, PUSH_DELIVERED, "status %d", r->status);
	else if (r->status == 429)
		push_result_set(out, PUSH_RETRY, "too many requests (status 429)");
	else if (r->status >= 500)
		push_result_fault(out, PUSH_RETRY, "status %d", r->status);
	else {
		push_result_set(out, PUSH_DROP, "status %d", r->status);
		return false;
	}
	if (out->verdict == PUSH_RETRY)
		out->retry_after_ms = r->retry_after_ms < 0 ? -1 : r->retry_after_ms;
	return true;
}
