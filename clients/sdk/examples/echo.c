/* echo.c — a bot that says again what it is told.
 *
 *   echo tcp://localhost:1883 bot TOKEN bot.db
 *
 * It answers what was said while it was away, too, and each message once: what it has answered it
 * has marked as read, and its answers have ids made from what they answer.
 */
#include <gnatter.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	struct gnatter_draft answer = {.text = m->text, .ref = m->seq};
	char id[GNATTER_ID_SIZE];

	(void)ctx;
	if (m->mine || !m->text || strcmp(m->type, "text") != 0)
		return;
	snprintf(id, sizeof(id), "echo-%llu", (unsigned long long)m->seq);
	answer.id = id;
	if (gnatter_send(g, m->chat, &answer, NULL) == GNATTER_OK)
		gnatter_mark_read(g, m->chat, m->seq);
}

int main(int argc, char **argv)
{
	struct gnatter_options o;
	struct gnatter *g;
	enum gnatter_error e;
	sigset_t ends;
	int sig;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before the client's thread is made */
	gnatter_options_init(&o);
	o.address = argc > 1 ? argv[1] : NULL;
	o.user = argc > 2 ? argv[2] : NULL;
	o.secret = argc > 3 ? argv[3] : NULL;
	o.store = argc > 4 ? argv[4] : NULL;
	o.device = "bot";
	o.from_unread = true;
	o.callbacks.on_message = on_message;
	e = gnatter_create(&g, &o);
	if (e == GNATTER_OK && (e = gnatter_connect(g)) == GNATTER_OK)
		sigwait(&ends, &sig);
	else
		fprintf(stderr, "echo: %s\n", gnatter_error_text(e));
	gnatter_destroy(g);
	return e != GNATTER_OK;
}
