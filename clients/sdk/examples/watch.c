/* watch.c — who comes and goes: one line each time.
 *
 *   watch tcp://localhost:1883 alice TOKEN bob carol
 */
#include <gnatter.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void on_presence(void *ctx, struct gnatter *g, const struct gnatter_presence *p)
{
	time_t seen = (time_t)(p->last_seen_ms / 1000);
	char when[32] = "";

	(void)ctx;
	(void)g;
	if (p->last_seen_ms > 0)
		strftime(when, sizeof(when), " (seen %F %T)", localtime(&seen));
	printf("%s is %s%s%s%s%s\n", p->user, p->online ? "here" : "away", *p->state ? ", " : "",
		p->state, p->online ? "" : when, p->text);
	fflush(stdout);
}

static void on_status(void *ctx, struct gnatter *g, const struct gnatter_status *s)
{
	(void)ctx;
	(void)g;
	if (s->state == GNATTER_OFFLINE)
		fprintf(stderr, "watch: %s: %s\n", s->address, s->reason);
}

int main(int argc, char **argv)
{
	struct gnatter_options o;
	struct gnatter *g;
	enum gnatter_error e;

	gnatter_options_init(&o);
	o.address = argc > 1 ? argv[1] : NULL;
	o.user = argc > 2 ? argv[2] : NULL;
	o.secret = argc > 3 ? argv[3] : NULL;
	o.device = "watch";
	o.callbacks.on_presence = on_presence;
	o.callbacks.on_status = on_status;
	e = gnatter_create(&g, &o);
	for (int i = 4; e == GNATTER_OK && i < argc; i++)
		e = gnatter_watch(g, argv[i]);
	if (e == GNATTER_OK)
		e = gnatter_connect(g);
	while (e == GNATTER_OK)
		pause();
	fprintf(stderr, "watch: %s\n", gnatter_error_text(e));
	gnatter_destroy(g);
	return 1;
}
