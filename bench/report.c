/* report.c */
#include "bench/report.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

void report_begin(struct report *r, bool json, const char *work, const char *target)
{
	r->json = json;
	printf(json ? "{\"work\":\"%s\",\"target\":\"%s\"" : "%s %s:", work, target);
}

void report_number(struct report *r, const char *name, const char *unit, double value)
{
	int decimals = value == floor(value) ? 0 : fabs(value) < 1000 ? 3 : 1;

	if (r->json)
		printf(",\"%s\":%.*f", name, decimals, value);
	else
		printf("  %s %.*f%s%s", name, decimals, value, *unit ? " " : "", unit);
}

void report_latency(struct report *r, const struct hist *h)
{
	static const struct {
		const char *name;
		double q;
	} rows[] = {{"p50_ms", 0.50}, {"p90_ms", 0.90}, {"p99_ms", 0.99}, {"p999_ms", 0.999},
		{"max_ms", 1.0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		report_number(r, rows[i].name, "ms", (double)hist_quantile(h, rows[i].q) / 1e6);
}

void report_end(struct report *r, bool ok)
{
	printf(r->json ? ",\"ok\":%s}\n" : "  %s\n", r->json ? (ok ? "true" : "false")
						     : ok    ? "ok"
							     : "CHECKS FAILED");
}
