/* fake_broker.c — see fake_broker.h. Just enough of MQTT 5: CONNACK, PINGRESP, PUBLISH at QoS 0. */
#include "tests/support/fake_broker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "wire/record.h"

static void undo_listener(void *arg, bool failed)
{
	(void)failed;
	fake_broker_close(arg);
}

void fake_broker_open(struct fake_broker *b, struct instance *i)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	*b = (struct fake_broker){.raw.fd = -1};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", instance_path(i, "run/broker.sock"));
	unlink(a.sun_path);
	b->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(b->listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
		listen(b->listener, 5) != 0 || chmod(a.sun_path, 0777) != 0)
		case_fail("cannot listen on %s: %s", a.sun_path, strerror(errno));
	case_defer(undo_listener, b);
}

void fake_broker_close(struct fake_broker *b)
{
	raw_close(&b->raw);
	if (b->listener >= 0)
		close(b->listener);
	b->listener = -1;
}

/* False if the daemon hung up again. */
static bool accept_daemon(struct fake_broker *b)
{
	static const char connack[] = {0x20, 3, 0, 0, 0};
	struct pollfd p = {.fd = b->listener, .events = POLLIN};
	struct raw_packet packet;

	raw_close(&b->raw);
	if (poll(&p, 1, case_patience_ms()) != 1)
		case_fail("the daemon does not connect");
	b->raw = (struct raw){.fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC), .version = 5};
	return raw_read(&b->raw, &packet, case_patience_ms()) == 1 && packet.type == 1 &&
	       raw_write(&b->raw, connack, sizeof(connack));
}

bool fake_broker_called(const struct fake_broker *b)
{
	struct pollfd p = {.fd = b->listener, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

bool fake_broker_control(struct fake_broker *b, struct control *out, int timeout_ms)
{
	static const char pong[] = {(char)0xd0, 0};
	struct raw_packet p;
	struct raw_message m;

	while (raw_read(&b->raw, &p, timeout_ms) == 1) {
		if (p.type == 12)
			raw_write(&b->raw, pong, sizeof(pong));
		if (raw_message(&b->raw, &p, &m) &&
			bytes_equal(m.topic, CONTROL_TOPIC, strlen(CONTROL_TOPIC))) {
			assert_int_equal(
				control_decode(out, m.payload.data, m.payload.len), ERR_OK);
			return true;
		}
	}
	return false;
}

uint64_t fake_broker_greeting(struct fake_broker *b)
{
	int64_t until = case_now_ms() + case_patience_ms();
	struct control c;

	/* it may give up an attempt, and tries again */
	while (!accept_daemon(b) || !fake_broker_control(b, &c, case_patience_ms())) {
		if (case_now_ms() > until)
			case_fail("the daemon does not greet");
	}
	assert_int_equal(c.kind, CONTROL_HELLO);
	return c.number;
}

bool fake_broker_frame(struct fake_broker *b, const void *data, size_t len)
{
	struct buf p = {0};
	bool ok;

	raw_publish(&p, 5, FRAME_TOPIC, data, len, 0, 0, false);
	ok = raw_write(&b->raw, p.data, p.len);
	buf_free(&p);
	return ok;
}
