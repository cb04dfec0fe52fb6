/* hasher.c — each thread takes the next job until none is left. argon2id takes milliseconds a job,
 * so starting the threads for each call costs nothing that could be measured. */
#include "clients/gnatterctl/hasher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "clients/gnatterctl/password.h"

#define THREADS_MAX 64

struct pool {
	struct hash_job *jobs;
	size_t count;
	const struct conf *conf;
	atomic_size_t next;
};

static void *work(void *ctx)
{
	struct pool *p = ctx;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->count)
		p->jobs[i].ok = password_hash(p->jobs[i].password, p->conf, p->jobs[i].hash);
	return NULL;
}

void hash_all(struct hash_job *jobs, size_t count, const struct conf *c)
{
	struct pool p = {.jobs = jobs, .count = count, .conf = c};
	pthread_t threads[THREADS_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t want = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
	size_t started = 0;

	if (want > count)
		want = count;
	while (started + 1 < want && pthread_create(&threads[started], NULL, work, &p) == 0)
		started++;
	work(&p); /* this thread is one of them */
	while (started > 0)
		pthread_join(threads[--started], NULL);
}
