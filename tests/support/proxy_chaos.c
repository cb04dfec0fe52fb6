/* proxy_chaos.c — chance at work: see proxy_chaos_start() in proxy.h.
 *
 * The dice are thrown in the proxy's thread, each time that the last throw is over. What comes of
 * them, and for how long, depends on the seed alone; what it hits depends on the clients.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/proxy_internal.h"

/* How long a half-open connection may last. */
#define HALF_OPEN_MS 800

static unsigned throw(struct proxy * p, unsigned from, unsigned to)
{
	return from + (unsigned)rand_r(&p->dice) % (to - from + 1);
}

static unsigned some_way(struct proxy *p)
{
	return throw(p, PROXY_UP, PROXY_BOTH);
}

static enum proxy_end some_end(struct proxy *p)
{
	return throw(p, 0, 1) ? PROXY_RST : PROXY_FIN;
}

/* Each does something and returns for how many ms it holds. */
typedef unsigned deed_fn(struct proxy *p);

static unsigned do_pass(struct proxy *p)
{
	proxy_behave_locked(p, NULL);
	return throw(p, 20, 600);
}

static unsigned do_drop(struct proxy *p)
{
	proxy_drop_locked(p, some_end(p));
	return throw(p, 0, 200);
}

static unsigned do_refuse(struct proxy *p)
{
	proxy_behave_locked(p, &(struct proxy_manners){.refuse = true});
	if (throw(p, 0, 2) > 0)
		proxy_drop_locked(p, some_end(p));
	return throw(p, 10, 400);
}

static unsigned do_freeze(struct proxy *p)
{
	proxy_behave_locked(p, &(struct proxy_manners){.freeze = some_way(p)});
	p->drop_due_ms = case_now_ms() + HALF_OPEN_MS;
	return throw(p, 10, 300);
}

static unsigned do_hold(struct proxy *p)
{
	proxy_behave_locked(p, &(struct proxy_manners){.hold = some_way(p)});
	return throw(p, 10, 400);
}

static unsigned do_delay(struct proxy *p)
{
	proxy_behave_locked(p, &(struct proxy_manners){.delay_ms = throw(p, 1, 150)});
	return throw(p, 50, 600);
}

static unsigned do_narrow(struct proxy *p)
{
	proxy_behave_locked(p, &(struct proxy_manners){.bytes_per_s = throw(p, 2000, 50000)});
	return throw(p, 50, 500);
}

static unsigned do_cut(struct proxy *p)
{
	proxy_behave_locked(p, NULL);
	proxy_cut_locked(p, 1u << throw(p, 0, 1), throw(p, 0, 600), some_end(p));
	return throw(p, 50, 300);
}

static deed_fn *const deeds[] = {do_pass, do_pass, do_pass, do_drop, do_refuse, do_freeze, do_hold,
	do_delay, do_narrow, do_cut, do_cut};

/* What was frozen is half-open for ever; its end comes when nothing is swallowed any more. */
static void end_half_open(struct proxy *p, int64_t now_ms)
{
	if (p->drop_due_ms == 0 || now_ms < p->drop_due_ms)
		return;
	p->drop_due_ms = 0;
	proxy_behave_locked(p, NULL);
	proxy_drop_locked(p, PROXY_RST);
}

int64_t proxy_chaos_work(struct proxy *p, int64_t now_ms)
{
	if (!p->chaos)
		return INT64_MAX;
	end_half_open(p, now_ms);
	if (now_ms >= p->chaos_due_ms)
		p->chaos_due_ms = now_ms + deeds[throw(p, 0, COUNT(deeds) - 1)](p);
	return p->drop_due_ms && p->drop_due_ms < p->chaos_due_ms ? p->drop_due_ms
								  : p->chaos_due_ms;
}

void proxy_chaos_start(struct proxy *p, unsigned seed)
{
	pthread_mutex_lock(&p->lock);
	p->chaos = true;
	p->seed = p->dice = seed;
	p->chaos_due_ms = p->drop_due_ms = 0;
	pthread_mutex_unlock(&p->lock);
	proxy_behave(p, NULL);
}

void proxy_chaos_stop(struct proxy *p)
{
	bool half_open;

	pthread_mutex_lock(&p->lock);
	half_open = p->drop_due_ms != 0;
	p->chaos = false;
	p->drop_due_ms = 0;
	proxy_cut_locked(p, PROXY_BOTH, UINT64_MAX, PROXY_FIN);
	pthread_mutex_unlock(&p->lock);
	proxy_behave(p, NULL);
	if (half_open)
		proxy_drop(p, PROXY_RST);
}
