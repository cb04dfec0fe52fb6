/* when.c — see when.h. */
#include "clients/gnatter/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse_age(int64_t *out_ms, uint64_t count, char unit)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = {1, 60, 3600, 86400, 7 * 86400};
	const char *at = strchr(units, unit);

	if (!at || count > 100 * 366 * 86400ull / (uint64_t)seconds[at - units])
		return false;
	*out_ms = (int64_t)count * seconds[at - units] * 1000;
	return true;
}

/* A date, and perhaps a time; all of the text. */
static bool parse_date(int64_t *out_ms, const char *text)
{
	struct tm t = {.tm_isdst = -1}, again;
	int used = 0, more = 0;
	bool utc;
	time_t at;

	if (sscanf(text, "%4d-%2d-%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &used) != 3)
		return false;
	text += used;
	used = 0;
	if ((*text == 'T' || *text == ' ') &&
		sscanf(text + 1, "%2d:%2d%n", &t.tm_hour, &t.tm_min, &used) != 2)
		return false;
	text += used ? used + 1 : 0;
	if (used && *text == ':' && sscanf(text + 1, "%2d%n", &t.tm_sec, &more) == 1)
		text += more + 1;
	utc = *text == 'Z';
	if (text[utc] != '\0')
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	again = t;
	at = utc ? timegm(&again) : mktime(&again);
	/* The 31st of February, and 25 o'clock, would be made into something else. */
	if (at == (time_t)-1 || again.tm_mday != t.tm_mday || again.tm_mon != t.tm_mon ||
		again.tm_min != t.tm_min || t.tm_hour > 23 || t.tm_sec > 60)
		return false;
	*out_ms = (int64_t)at * 1000;
	return true;
}

bool when_parse(struct when *out, const char *text, int64_t now_ms)
{
	unsigned long long n;
	int64_t age_ms;
	char *end;

	*out = (struct when){0};
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end == '\0') {
		out->seq = n;
		return n > 0;
	}
	if (end[1] == '\0' && parse_age(&age_ms, n, *end)) {
		out->ts_ms = now_ms - age_ms;
		return true;
	}
	return parse_date(&out->ts_ms, text);
}

bool when_is_before(const struct when *w, uint64_t seq, int64_t ts_ms)
{
	return w->seq ? seq < w->seq : ts_ms < w->ts_ms;
}
