/* strict.c — see strict_internal.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/support/case.h"
#include "tests/support/strict_internal.h"

static void report_strict(void *arg)
{
	const struct strict *s = arg;

	if (s->complaint[0])
		fprintf(stderr, "=== a provider refused what it was asked: %s\n", s->complaint);
}

static void check_strict(void *arg)
{
	struct strict *s = arg;
	bool complains;

	pthread_mutex_lock(&s->lock);
	complains = s->complaint[0];
	pthread_mutex_unlock(&s->lock);
	if (complains)
		case_fail("a provider refused what it was asked: %s", s->complaint);
}

static void undo_strict(void *arg, bool failed)
{
	struct strict *s = arg;

	(void)failed;
	recorder_stop(s->recorder); /* its thread uses what goes away with this */
	case_forget_report(s);
	pthread_mutex_destroy(&s->lock);
}

void *strict_create(size_t size, struct recorder *r)
{
	struct strict *s = case_alloc(size);

	s->recorder = r;
	pthread_mutex_init(&s->lock, NULL);
	case_defer(undo_strict, s);
	case_on_failure(report_strict, s);
	case_verify(check_strict, s);
	return s;
}

__attribute__((format(printf, 3, 0))) static void write_answer(
	struct answer *a, int status, const char *fmt, va_list args)
{
	vsnprintf(a->space, sizeof(a->space), fmt, args);
	a->status = status;
	a->headers = "Content-Type: application/json\n";
	a->body = a->space;
}

void strict_answer(struct answer *a, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_answer(a, status, fmt, args);
	va_end(args);
}

bool strict_refuse(
	struct strict *s, struct answer *a, int status, const char *wrong, const char *fmt, ...)
{
	va_list args;

	if (!s->complaint[0])
		snprintf(s->complaint, sizeof(s->complaint), "%s", wrong);
	va_start(args, fmt);
	write_answer(a, status, fmt, args);
	va_end(args);
	return false;
}

static void undo_key(void *arg, bool failed)
{
	(void)failed;
	jose_key_free(arg);
}

struct jose_key *strict_key(const char *pem)
{
	struct jose_key *k = jose_key_pem(pem);

	if (!k)
		case_fail("a key of the tests is none");
	case_defer(undo_key, k);
	return k;
}

bool is_one_of(struct bytes value, const char *list)
{
	for (size_t len; *list; list += len + (list[len] == ' ')) {
		len = strcspn(list, " ");
		if (bytes_equal(value, list, len))
			return true;
	}
	return false;
}

static bool has_only(struct bytes value, const char *allowed)
{
	for (size_t i = 0; i < value.len; i++) {
		if (!value.data[i] || !strchr(allowed, value.data[i]))
			return false;
	}
	return value.len > 0;
}

bool is_digits(struct bytes value)
{
	return has_only(value, "0123456789");
}

bool is_base64url(struct bytes value)
{
	return has_only(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

struct bytes strict_after(struct bytes value, const char *prefix)
{
	size_t len = strlen(prefix);

	if (value.len < len || strncasecmp(value.data, prefix, len) != 0)
		return (struct bytes){NULL, 0};
	return (struct bytes){value.data + len, value.len - len};
}
