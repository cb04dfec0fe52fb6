/* gateway.c — see gateway.h. What was taken belongs to the recorder's thread and the test's, under
 * one lock, and outlives the recorder. */
#include "tests/support/gateway.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/pushing.h"
#include "wire/hashmap.h"

/* What one device was pushed of one chat. */
struct told {
	struct node node;
	uint64_t newest; /* seq */
	char whose[];    /* user, device, chat, with spaces between */
};

struct gateway {
	struct recorder *recorder;
	int port;

	pthread_mutex_t lock; /* of all below */
	struct gateway_manners manners;
	unsigned dice;
	struct hashmap told;
	uint64_t taken, refused, repeated;
};

/* --- on the recorder's thread --------------------------------------------------------------- */

/* Under the lock. */
static struct told *find(const struct gateway *g, const char *whose)
{
	uint64_t hash = hash_bytes(whose, strlen(whose));
	struct node *n = hashmap_first(&g->told, hash);

	for (; n; n = hashmap_next(n->next, hash)) {
		struct told *t = OF_NODE(n, struct told, node);

		if (strcmp(t->whose, whose) == 0)
			return t;
	}
	return NULL;
}

static struct told *find_or_add(struct gateway *g, const char *whose)
{
	size_t size = strlen(whose) + 1;
	struct told *t = find(g, whose);

	if (t)
		return t;
	t = calloc(1, sizeof(*t) + size);
	if (!t)
		abort();
	memcpy(t->whose, whose, size);
	hashmap_add(&g->told, &t->node, hash_bytes(whose, size - 1));
	return t;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "?";
}

/* Under the lock. */
static void take(struct gateway *g, const struct recorded *request)
{
	cJSON *body = cJSON_ParseWithLength(request->body.data, request->body.len);
	const cJSON *push = cJSON_GetObjectItemCaseSensitive(body, "push");
	const cJSON *seq = cJSON_GetObjectItemCaseSensitive(push, "seq");
	char whose[1024];
	struct told *t;

	snprintf(whose, sizeof(whose), "%s %s %s", text_of(body, "user"), text_of(body, "device"),
		text_of(push, "chat"));
	t = find_or_add(g, whose);
	g->taken++;
	if (cJSON_IsNumber(seq) && (uint64_t)seq->valuedouble > t->newest)
		t->newest = (uint64_t)seq->valuedouble;
	else
		g->repeated++;
	cJSON_Delete(body);
}

static void on_request(void *ctx, const struct recorded *request, struct answer *a)
{
	struct gateway *g = ctx;
	const struct gateway_manners *m = &g->manners;
	unsigned throw;

	pthread_mutex_lock(&g->lock);
	throw = (unsigned)rand_r(&g->dice) % 100;
	a->delay_ms = (int)m->delay_ms;
	if (throw < m->broken) {
		a->status = 503;
	} else if (throw < m->broken + m->closing) {
		a->how = ANSWER_CLOSE;
	} else if (throw < m->broken + m->closing + m->limiting) {
		a->status = 429;
		a->headers = "Retry-After: 1\n";
	} else {
		take(g, request);
	}
	g->refused += a->status != 0 || a->how != ANSWER_WHOLE;
	pthread_mutex_unlock(&g->lock);
}

/* --- life ----------------------------------------------------------------------------------- */

static void listen_again(struct gateway *g)
{
	g->recorder = recorder_start(&(struct recorder_opts){.port = g->port, .count_only = true});
	g->port = recorder_port(g->recorder);
	recorder_answer_by(g->recorder, PUSHING_HOOK_PATH, on_request, g);
}

static void report_gateway(void *arg)
{
	struct gateway *g = arg;

	fprintf(stderr,
		"=== the gateway has taken %llu pushes (%llu of them again), refused %llu\n",
		(unsigned long long)gateway_taken(g), (unsigned long long)gateway_repeated(g),
		(unsigned long long)gateway_refused(g));
}

static void undo_gateway(void *arg, bool failed)
{
	struct gateway *g = arg;

	(void)failed;
	case_forget_report(g);
	for (size_t i = 0; i <= g->told.mask; i++) {
		for (struct node *n = g->told.buckets[i], *next; n; n = next) {
			next = n->next;
			free(OF_NODE(n, struct told, node));
		}
	}
	hashmap_finish(&g->told);
	pthread_mutex_destroy(&g->lock);
}

struct gateway *gateway_start(struct instance *i, unsigned seed)
{
	struct gateway *g = case_alloc(sizeof(*g));

	g->dice = seed;
	pthread_mutex_init(&g->lock, NULL);
	if (!hashmap_init(&g->told))
		abort();
	case_defer(undo_gateway, g); /* after the recorder's own end */
	case_on_failure(report_gateway, g);
	listen_again(g);
	pushing_set_up(i, g->recorder, NULL);
	return g;
}

void gateway_behave(struct gateway *g, const struct gateway_manners *m)
{
	pthread_mutex_lock(&g->lock);
	g->manners = m ? *m : (struct gateway_manners){0};
	pthread_mutex_unlock(&g->lock);
}

void gateway_down(struct gateway *g)
{
	recorder_stop(g->recorder);
}

void gateway_up(struct gateway *g)
{
	listen_again(g);
}

/* --- looking -------------------------------------------------------------------------------- */

static uint64_t read_locked(struct gateway *g, const uint64_t *value)
{
	uint64_t v;

	pthread_mutex_lock(&g->lock);
	v = *value;
	pthread_mutex_unlock(&g->lock);
	return v;
}

uint64_t gateway_taken(struct gateway *g)
{
	return read_locked(g, &g->taken);
}

uint64_t gateway_refused(struct gateway *g)
{
	return read_locked(g, &g->refused);
}

uint64_t gateway_repeated(struct gateway *g)
{
	return read_locked(g, &g->repeated);
}

uint64_t gateway_newest(struct gateway *g, const char *user, const char *device, const char *chat)
{
	char whose[1024];
	const struct told *t;
	uint64_t newest;

	snprintf(whose, sizeof(whose), "%s %s %s", user, device, chat);
	pthread_mutex_lock(&g->lock);
	t = find(g, whose);
	newest = t ? t->newest : 0;
	pthread_mutex_unlock(&g->lock);
	return newest;
}
