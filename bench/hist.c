/* hist.c */
#include "bench/hist.h"

static uint64_t bucket_end(unsigned bucket)
{
	unsigned shift;
	uint64_t first;

	if (bucket < (2u << HIST_SUB))
		return bucket;
	shift = (bucket >> HIST_SUB) - 1;
	first = (uint64_t)(bucket - (shift << HIST_SUB)) << shift;
	return first + ((UINT64_C(1) << shift) - 1);
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->total);
	uint64_t seen = 0;

	if (h->total == 0)
		return 0;
	if ((double)rank < q * (double)h->total || rank == 0)
		rank++;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}
