/* sensor.c — a device that posts what it measures, and calls a person when it is too much.
 *
 *   some-source | sensor tcp://localhost:1883 boiler TOKEN cellar alice 90
 *
 * Each line of its input is a number: it goes to the group, and from 90 on to alice, whose phone
 * wakes up though she may have muted the group. What is measured without a network waits in the
 * outbox.
 */
#include <gnatter.h>
#include <stdio.h>
#include <stdlib.h>

/* The measured value as a body of the application's own, with a text for people. */
static enum gnatter_error post(struct gnatter *g, const char *chat, double value)
{
	char text[64], body[64];
	struct gnatter_draft d = {.type = "x-temperature", .text = text, .body = body};

	snprintf(text, sizeof(text), "%.1f degrees", value);
	snprintf(body, sizeof(body), "{\"celsius\":%.1f}", value);
	return gnatter_send(g, chat, &d, NULL);
}

int main(int argc, char **argv)
{
	char line[128], pair[GNATTER_CHAT_SIZE];
	struct gnatter_options o;
	struct gnatter *g;
	enum gnatter_error e;
	double limit;

	gnatter_options_init(&o);
	if (argc < 7 || !gnatter_pair(pair, argv[2], argv[5]))
		return 2;
	o.address = argv[1];
	o.user = argv[2];
	o.secret = argv[3];
	o.device = "sensor";
	o.store = "sensor.db";
	limit = strtod(argv[6], NULL);
	e = gnatter_create(&g, &o);
	if (e == GNATTER_OK)
		e = gnatter_connect(g);
	while (e == GNATTER_OK && fgets(line, sizeof(line), stdin)) {
		e = post(g, argv[4], strtod(line, NULL));
		if (e == GNATTER_OK && strtod(line, NULL) >= limit)
			e = post(g, pair, strtod(line, NULL));
	}
	if (e != GNATTER_OK)
		fprintf(stderr, "sensor: %s\n", gnatter_error_text(e));
	gnatter_destroy(g); /* what was not sent yet is, the next time */
	return e != GNATTER_OK;
}
